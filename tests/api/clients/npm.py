"""The pinned npm packages that generate and check a TypeScript client, installed once for each lock file."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = Path(__file__).resolve().parents[3] / ".tools"


def npm_packages() -> Path:
    """The `node_modules` folder with exactly the packages of `package-lock.json`."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    installed = TOOLS / f"npm-{digest}"
    if not installed.exists():
        TOOLS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as temporary:
            folder = Path(temporary, "packages")
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr
            # Another process may have installed them meanwhile; both are the same.
            if not installed.exists():
                folder.rename(installed)
    return installed / "node_modules"
