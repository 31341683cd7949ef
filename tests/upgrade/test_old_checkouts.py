"""Check that a checkout from before the code was moved still works.

Its data folder must be found, and its environment must be reused or brought up to date.
"""

import json
from pathlib import Path

import pytest

from annotary.runtime.bootstrap import Environment, ensure, is_current, version_tag
from tests.upgrade.upgraded import ROOT, manage

# A substitute for uv that creates the files that `uv venv` creates and records each call.
UV = """#!/bin/sh
echo "$*" >> "{calls}"
case "$*" in
  *" venv "*) mkdir -p "{venv}/bin" "{venv}/lib/python{version}"; touch "{venv}/bin/python" "{venv}/pyvenv.cfg";;
esac
"""


def test_the_data_folder_is_still_in_the_checkout(tmp_path: Path) -> None:
    """It is the same folder regardless of the directory in which the command is run."""
    output = manage("status", cwd=tmp_path).stdout
    assert str(ROOT / ".annotary") in output


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Create a checkout with lock files and an environment, and put a uv that downloads nothing on the PATH."""
    environment = Environment(tmp_path / "checkout")
    (environment.root / "requirements").mkdir(parents=True)
    for kind in ("runtime", "dev"):
        (environment.root / "requirements" / f"{kind}.txt").write_text(f"{kind} 1\n")
    for folder in (environment.venv / "bin", environment.venv / "lib" / f"python{version_tag()}"):
        folder.mkdir(parents=True)
    for file in (environment.python, environment.venv / "pyvenv.cfg"):
        file.touch()
    uv = tmp_path / "path" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(calls=tmp_path / "calls", venv=environment.venv, version=version_tag()))
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}:/usr/bin:/bin")
    return environment


def write_old_stamp(checkout: Environment, *, dev: str = "") -> None:
    """Write a stamp as the old code did: with this Python version and the hash of each installed lock file."""
    stamp = {"python": version_tag(), "runtime": checkout.lock_hash("runtime"), **({"dev": dev} if dev else {})}
    (checkout.venv / "annotary-stamp.json").write_text(json.dumps(stamp))


def test_an_old_environment_is_reused_or_brought_up_to_date(checkout: Environment) -> None:
    write_old_stamp(checkout)
    ensure(checkout, "runtime")
    assert is_current(checkout, "runtime")
    assert not ensure(checkout, "runtime"), "the environment was changed a second time"


def test_an_old_development_environment_remains_one(checkout: Environment) -> None:
    write_old_stamp(checkout, dev=checkout.lock_hash("dev"))
    ensure(checkout, "runtime")
    assert is_current(checkout, "dev")
    assert is_current(checkout, "runtime")


def test_an_old_environment_with_other_packages_is_reinstalled(checkout: Environment) -> None:
    write_old_stamp(checkout)
    (checkout.root / "requirements" / "runtime.txt").write_text("runtime 2\n")
    assert not is_current(checkout, "runtime")
    assert ensure(checkout, "runtime")
    assert is_current(checkout, "runtime")
