"""A checkout that was used before the great move: its data folder is found, its environment is taken or made anew."""

import json
from pathlib import Path

import pytest

from annotary.runtime.bootstrap import Environment, ensure, is_current, version_tag
from tests.upgrade.upgraded import ROOT, manage

# Stands in for uv: makes what `uv venv` makes, and notes each call.
UV = """#!/bin/sh
echo "$*" >> "{calls}"
case "$*" in
  *" venv "*) mkdir -p "{venv}/bin" "{venv}/lib/python{version}"; touch "{venv}/bin/python" "{venv}/pyvenv.cfg";;
esac
"""


def test_the_data_folder_is_still_the_one_in_the_checkout(tmp_path: Path) -> None:
    """From wherever the command is called."""
    said = manage("status", cwd=tmp_path).stdout
    assert str(ROOT / ".annotary") in said


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """A checkout with lock files and an environment, and a uv that fetches nothing."""
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


def a_stamp(checkout: Environment, *, dev: str = "") -> None:
    """As the old code wrote it: this Python, and the hash of each lock file that was installed."""
    stamp = {"python": version_tag(), "runtime": checkout.lock_hash("runtime"), **({"dev": dev} if dev else {})}
    (checkout.venv / "annotary-stamp.json").write_text(json.dumps(stamp))


def test_an_old_stamp_is_taken_or_the_environment_is_made_to_fit(checkout: Environment) -> None:
    a_stamp(checkout)
    ensure(checkout, "runtime")
    assert is_current(checkout, "runtime")
    assert not ensure(checkout, "runtime"), "it is made to fit once"


def test_an_old_environment_for_development_stays_one(checkout: Environment) -> None:
    a_stamp(checkout, dev=checkout.lock_hash("dev"))
    ensure(checkout, "runtime")
    assert is_current(checkout, "dev")
    assert is_current(checkout, "runtime")


def test_an_old_stamp_of_other_packages_is_no_excuse(checkout: Environment) -> None:
    a_stamp(checkout)
    (checkout.root / "requirements" / "runtime.txt").write_text("runtime 2\n")
    assert not is_current(checkout, "runtime")
    assert ensure(checkout, "runtime")
    assert is_current(checkout, "runtime")
