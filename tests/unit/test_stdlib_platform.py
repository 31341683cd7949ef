"""The source root `platform/` must never hide the standard library's module of that name."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_import_platform_from_the_checkout_is_the_standard_library() -> None:
    program = "import platform; print(platform.__file__); print(platform.python_version())"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    file, version = said.split()
    assert not file.startswith(str(ROOT / "platform"))
    assert version == ".".join(map(str, sys.version_info[:3]))


def test_the_source_root_holds_folders_alone() -> None:
    assert [one.name for one in (ROOT / "platform").glob("*.py")] == []
