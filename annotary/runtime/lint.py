"""`manage.py lint`: checks style, types, import direction, and that every model change has a migration."""

import os
import subprocess
import sys
import time
from pathlib import Path

from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.temporary_stores import TemporaryStores

SOURCES = ("manage.py", "annotary", "platform", "tasks", "workers_ui", "tests")


def main(arguments: list[str]) -> int:
    tools = Path(sys.executable).parent
    sources = [source for source in SOURCES if (ROOT / source).exists()]
    path = python_path()
    variables = {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "annotary.settings.test"}
    checks = {
        "style": [str(tools / "ruff"), "check", *sources],
        "format": [str(tools / "ruff"), "format", "--check", *sources],
        "types": [str(tools / "mypy"), *sources],
        "imports": [str(tools / "lint-imports")],
    }
    failed = [name for name, command in checks.items() if not _passes(name, command, variables)]
    stores = TemporaryStores()
    try:
        command = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"]
        if not _passes("migrations", command, {**variables, **stores.environment}):
            failed.append("migrations")
    finally:
        stores.close()
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


def _passes(name: str, command: list[str], variables: dict[str, str]) -> bool:
    start = time.monotonic()
    code = subprocess.run(command, check=False, cwd=ROOT, env=variables).returncode
    print(f"{name}: {'ok' if code == 0 else 'failed'} ({time.monotonic() - start:.1f} s)\n", flush=True)
    return code == 0
