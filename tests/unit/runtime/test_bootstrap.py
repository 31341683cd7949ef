"""Creating the environment: only when needed, once at a time, again after an interruption, with clear errors."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from annotary.runtime import bootstrap
from annotary.runtime.bootstrap import Environment
from annotary.runtime.errors import EmbeddedError

# A fake uv: records each call, creates the environment that `venv` would, fails on request.
FAKE_UV = """#!{python}
import os, pathlib, shutil, sys
root = pathlib.Path({root!r})
arguments = [one for one in sys.argv[1:] if one not in ("--quiet", "--no-config")]
if arguments[:1] == ["--version"]:
    sys.exit(0)
with (root / "calls").open("a") as file:
    file.write(" ".join(arguments[:2]) + "\\n")
for name in ("UV_FIND_LINKS", "UV_EXTRA_INDEX_URL"):
    assert name not in os.environ, name
assert os.environ["UV_PYTHON_DOWNLOADS"] == "never"
if arguments[0] == "venv":
    venv = pathlib.Path(arguments[-1])
    shutil.rmtree(venv, ignore_errors=True)
    for folder in ("bin", "lib/python{version}"):
        (venv / folder).mkdir(parents=True, exist_ok=True)
    for file in ("bin/python", "pyvenv.cfg"):
        (venv / file).touch()
elif (root / "fails").exists():
    sys.stderr.write((root / "fails").read_text())
    sys.exit(2)
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    (tmp_path / "requirements").mkdir()
    for kind in ("runtime", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"{kind} 1\n")
    uv = tmp_path / "path" / "uv"
    uv.parent.mkdir()
    uv.write_text(FAKE_UV.format(python=sys.executable, root=str(tmp_path), version=bootstrap.version_tag()))
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.setenv("UV_FIND_LINKS", "/nowhere")
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", "https://example.org/simple")
    return Environment(tmp_path)


def calls(checkout: Environment) -> list[str]:
    file = checkout.root / "calls"
    return file.read_text().splitlines() if file.exists() else []


def test_the_first_start_installs_and_the_second_does_nothing(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    assert calls(checkout) == ["venv --clear", "pip install"]
    bootstrap.ensure(checkout, "runtime")
    assert len(calls(checkout)) == 2


def test_a_changed_lock_file_installs_again_into_the_same_environment(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    (checkout.root / "requirements" / "runtime.txt").write_text("runtime 2\n")
    bootstrap.ensure(checkout, "runtime")
    assert calls(checkout) == ["venv --clear", "pip install", "pip install"]


def test_a_development_environment_is_also_a_runtime_environment(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "dev")
    bootstrap.ensure(checkout, "runtime")
    assert len(calls(checkout)) == 2
    assert not bootstrap.is_current(Environment(checkout.root / "elsewhere"), "dev")


def test_an_environment_made_before_source_roots_were_stamped_learns_them_without_an_install(
    checkout: Environment,
) -> None:
    bootstrap.ensure(checkout, "runtime")
    stamp = bootstrap.read_stamp(checkout)
    checkout.stamp.write_text(json.dumps({name: value for name, value in stamp.items() if name != "source_roots"}))
    assert not bootstrap.is_current(checkout, "runtime")
    assert bootstrap.ensure(checkout, "runtime")
    assert bootstrap.is_current(checkout, "runtime")
    assert calls(checkout) == ["venv --clear", "pip install"]


def test_the_environment_imports_from_the_source_roots_in_front_of_site_packages(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    site_packages = checkout.venv / "lib" / f"python{bootstrap.version_tag()}" / "site-packages"
    (site_packages / "tasks").mkdir()
    (site_packages / "tasks" / "__init__.py").touch()
    (checkout.root / "tasks").mkdir()
    (checkout.root / "tasks" / "__init__.py").touch()
    program = f"import site; site.addsitedir({str(site_packages)!r}); import tasks; print(tasks.__file__)"
    # Started elsewhere and isolated: neither the working folder nor PYTHONPATH helps.
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(checkout.root / "tasks" / "__init__.py")


def test_another_python_recreates_the_environment(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    stamp = json.loads(checkout.stamp.read_text())
    checkout.stamp.write_text(json.dumps({**stamp, "python": "3.10"}))
    bootstrap.ensure(checkout, "runtime")
    assert calls(checkout)[2:] == ["venv --clear", "pip install"]


def test_an_interrupted_install_starts_over(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    checkout.unfinished.touch()
    bootstrap.ensure(checkout, "runtime")
    assert calls(checkout)[2:] == ["venv --clear", "pip install"]
    assert not checkout.unfinished.exists()


def test_a_dangling_python_link_starts_over(checkout: Environment) -> None:
    bootstrap.ensure(checkout, "runtime")
    checkout.python.unlink()
    checkout.python.symlink_to("/nowhere/python3")
    bootstrap.ensure(checkout, "runtime")
    assert calls(checkout)[2:] == ["venv --clear", "pip install"]


def test_concurrent_starts_install_once(checkout: Environment) -> None:
    starts = [threading.Thread(target=bootstrap.ensure, args=(checkout, "runtime")) for _ in range(4)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert calls(checkout) == ["venv --clear", "pip install"]


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("error: No space left on device (os error 28)", "is full. Free about 1 GB"),
        ("failed to create directory: Permission denied", "Start as the user who owns it"),
        ("something that nobody foresaw", "Could not install the packages.\nuv reported:"),
    ],
)
def test_a_failed_install_shows_the_last_lines_and_is_retried(
    checkout: Environment, printed: str, sentence: str
) -> None:
    (checkout.root / "fails").write_text("\n".join([*(f"line {number}" for number in range(20)), printed]))
    with pytest.raises(EmbeddedError) as caught:
        bootstrap.ensure(checkout, "runtime")
    assert sentence in str(caught.value)
    assert str(caught.value).splitlines()[-10:] == [*(f"    line {n}" for n in range(11, 20)), f"    {printed}"]
    (checkout.root / "fails").unlink()
    bootstrap.ensure(checkout, "runtime")
    assert bootstrap.is_current(checkout, "runtime")


def test_without_pip_and_uv_the_error_says_what_to_install(
    checkout: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(EmbeddedError, match="apt install python3-pip"):
        bootstrap.ensure(checkout, "runtime")


def test_an_old_python_exits_with_one_sentence() -> None:
    program = "import sys; sys.version_info = (3, 9, 2); exec(compile(open('manage.py').read(), 'manage.py', 'exec'))"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Annotary needs Python 3.11 or newer, but this is Python 3.9: run it with a newer one.\n"


def test_the_locked_uv_has_hashes() -> None:
    text = (Path(__file__).resolve().parents[3] / "requirements" / "uv.txt").read_text()
    assert text.startswith("uv==")
    assert text.count("--hash=sha256:") > 5
    assert os.linesep.join(line for line in text.splitlines() if "index" in line) == ""
