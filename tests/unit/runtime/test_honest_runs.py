"""The test run itself: in CI a skip fails; elsewhere, tests that the machine cannot run are deselected and counted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from annotary.runtime.source_roots import python_path

ROOT = Path(__file__).resolve().parents[3]
TESTS = """
import pytest
def test_runs(): assert True
@pytest.mark.skip(reason="felt like it")
def test_skipped(): assert True
@pytest.mark.shared
def test_with_shared(): assert True
"""


def run(tmp_path: Path, *arguments: str, ci: bool) -> "subprocess.CompletedProcess[str]":
    """Run pytest in a separate checkout whose parent has no `shared`."""
    checkout = tmp_path / "checkout"
    (checkout / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", checkout / "tests")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    (checkout / "tests" / "test_some.py").write_text(TESTS)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    variables |= {"CI": "true" if ci else "", "PYTHONPATH": python_path()}
    if "-n" not in arguments:
        # Without xdist workers nothing here needs Django, whose startup takes most of the time.
        (checkout / "pyproject.toml").unlink()
        (checkout / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser\n    shared\n")
        arguments = (*arguments, "-p", "no:django", "-p", "no:playwright", "-p", "no:schemathesis")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, check=False)


def test_outside_ci_tests_with_missing_requirements_are_deselected_and_counted(tmp_path: Path) -> None:
    done = run(tmp_path, ci=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deselected 1 tests: this machine has no ../shared." in done.stdout


def test_in_ci_a_skipped_test_fails_the_run_and_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, ci=True)
    assert done.returncode == 1
    assert "tests/test_some.py::test_skipped: Skipped: felt like it" in done.stdout
    assert "2 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_in_ci_skips_in_xdist_workers_fail_too(tmp_path: Path) -> None:
    done = run(tmp_path, "-n", "1", ci=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tests/test_some.py::test_skipped: Skipped: felt like it" in done.stdout
