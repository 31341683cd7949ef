"""With every extra installed, our top-level names are those of the checkout, and `platform` is the standard library."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from annotary.runtime.source_roots import ROOT, source_roots

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: What each extra installs, as imported.
EXTRAS = {"s3": {"storages", "boto3"}, "compiled": {"numba"}}

PROGRAM = """
import importlib, json, sys
names, last = json.loads(sys.argv[1])
sys.path += last
print(json.dumps({name: importlib.import_module(name).__file__ for name in names}))
"""


def our_names() -> set[str]:
    """Return the names of the packages in the source roots."""
    return {one.parent.name for root in source_roots() for one in root.glob("*/__init__.py")}


def imported(names: Iterable[str], *, folder: Path, last: Iterable[Path] = ()) -> dict[str, Path]:
    """Import in the environment's Python, isolated and started in `folder`; return {name: file}.

    `-I` ignores the current folder and PYTHONPATH, so the start-up line in the environment alone finds the checkout.
    The folders in `last` come at the end of the import path, after site-packages.
    """
    arguments = json.dumps([sorted(names), [str(one) for one in last]])
    run = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return {name: Path(file) for name, file in json.loads(run.stdout).items()}


def test_the_source_roots_hold_the_packages_of_the_import_contracts_and_the_tests() -> None:
    assert our_names() == {*PYPROJECT["tool"]["importlinter"]["root_packages"], "tests"}


def test_every_extra_is_installed(tmp_path: Path) -> None:
    assert set(PYPROJECT["project"]["optional-dependencies"]) == set(EXTRAS)
    modules = set().union(*EXTRAS.values())
    assert set(imported(modules, folder=tmp_path)) == modules


def test_our_names_are_found_in_the_checkout_from_another_folder(tmp_path: Path) -> None:
    files = imported(our_names(), folder=tmp_path)
    assert {name: file.parent.parent in source_roots() for name, file in files.items()} == dict.fromkeys(files, True)


def test_an_installed_package_never_takes_the_place_of_ours(tmp_path: Path) -> None:
    for name in our_names():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    files = imported(our_names(), folder=tmp_path, last=[tmp_path])
    assert [name for name, file in files.items() if file.is_relative_to(tmp_path)] == []


def test_platform_is_the_standard_library_from_another_folder(tmp_path: Path) -> None:
    assert not imported(["platform"], folder=tmp_path)["platform"].is_relative_to(ROOT / "platform")


def test_import_platform_from_the_checkout_is_the_standard_library() -> None:
    program = "import platform; print(platform.__file__); print(platform.python_version())"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    file, version = said.split()
    assert not file.startswith(str(ROOT / "platform"))
    assert version == ".".join(map(str, sys.version_info[:3]))


def test_the_source_root_holds_folders_alone() -> None:
    assert [one.name for one in (ROOT / "platform").glob("*.py")] == []
