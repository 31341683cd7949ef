"""Creates the Python environment: `.venv` with this interpreter and the locked requirements, nothing else.

This runs before any dependency is installed. It uses uv from the PATH or from `.tools`, or installs it there with pip,
which works without venv, without ensurepip, and with a pip that must not modify the system (PEP 668).
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotary.runtime import files
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.installer_errors import explain
from annotary.runtime.source_roots import python_path, source_roots

Kind = Literal["runtime", "dev"]

# Personal uv settings that break a locked install: other package sources, other install locations.
UV_LEAVES_OUT = frozenset(
    f"UV_{name}"
    for name in (
        *(
            "EXTRA_INDEX_URL",
            "FIND_LINKS",
            "INDEX",
            "INDEX_STRATEGY",
            "NO_INDEX",
            "NO_BINARY",
            "ONLY_BINARY",
            "OFFLINE",
        ),
        *("SYSTEM_PYTHON", "CONSTRAINT", "OVERRIDE", "PYTHON", "PROJECT_ENVIRONMENT", "TARGET", "PREFIX"),
    )
)
PIP_SETS = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_BINARY": ":none:", "PIP_NO_INPUT": "1"}

# Measured on x86_64; .venv and .tools then take 430 MB, or 1.3 GB with the development packages.
DOWNLOADS: dict[Kind, str] = {"runtime": "about 160 MB", "dev": "about 500 MB"}


@dataclass(frozen=True)
class Environment:
    """The Python environment of one checkout."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def tools(self) -> Path:
        return self.root / ".tools"

    @property
    def stamp(self) -> Path:
        return self.venv / "annotary-stamp.json"

    @property
    def unfinished(self) -> Path:
        """A marker that exists while packages are written, so that an interrupted install is detected."""
        return self.venv / "annotary-unfinished"

    def lock_hash(self, kind: Kind) -> str:
        return hashlib.sha256((self.root / "requirements" / f"{kind}.txt").read_bytes()).hexdigest()


def version_tag() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def ensure(environment: Environment, kind: Kind) -> bool:
    """Bring `.venv` in line with the lock file of `kind` and return whether it changed; a no-op takes a millisecond.

    Concurrent starts wait for each other. Raises EmbeddedError with a one-sentence message.
    """
    if is_current(environment, kind):
        return False
    with files.explained(environment.root, needed="about 1 GB"), _exclusive(environment):
        # The other start may have done it while this one waited.
        if not _has_packages(environment, kind):
            _install(environment, kind)
        if not _finds_sources(environment):
            _write_source_roots(environment)
    return True


def is_current(environment: Environment, kind: Kind) -> bool:
    """Whether the stamp names this lock file, this Python and these source roots.

    A development environment serves for running too.
    """
    return _has_packages(environment, kind) and _finds_sources(environment)


def _has_packages(environment: Environment, kind: Kind) -> bool:
    if environment.unfinished.exists() or not environment.python.exists():
        return False
    stamp = read_stamp(environment)
    return stamp.get("python") == version_tag() and stamp.get(kind) == environment.lock_hash(kind)


def _finds_sources(environment: Environment) -> bool:
    return read_stamp(environment).get("source_roots") == python_path(environment.root)


def read_stamp(environment: Environment) -> dict[str, str]:
    try:
        stamp = json.loads(environment.stamp.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


@contextmanager
def _exclusive(environment: Environment) -> Iterator[None]:
    environment.tools.mkdir(exist_ok=True)
    with (environment.tools / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another process is already installing the packages. Waiting for it to finish.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(environment: Environment, kind: Kind) -> None:
    uv = find_uv(environment) or _install_uv(environment)
    stamp = read_stamp(environment)
    broken = environment.unfinished.exists() or not _works(environment)
    other_python = bool(stamp) and stamp.get("python") != version_tag()
    wanted: Kind = "dev" if kind == "dev" or "dev" in stamp else "runtime"
    # When started by `.venv/bin/python`, this must not be the link that is about to be replaced.
    interpreter: str = getattr(sys, "_base_executable", sys.executable)
    print(
        f"Installing the {wanted} packages into .venv. The first time, this downloads {DOWNLOADS[wanted]}. "
        "Later starts skip this step.",
        file=sys.stderr,
    )
    if broken or other_python or not _same_python(environment):
        _run_uv(environment, uv, "venv", "--clear", "--no-project", "--python", interpreter, str(environment.venv))
    # Before the first package changes, and survives a power cut: else the old stamp would vouch for torn packages.
    files.write_private(environment.unfinished, "")
    requirements = environment.root / "requirements" / f"{wanted}.txt"
    _run_uv(
        environment,
        uv,
        *("pip", "install", "--python", str(environment.python), "--require-hashes", "-r", str(requirements)),
    )
    # Installers leave the writing to the kernel; the stamp must not reach the disk before the packages do.
    os.sync()
    stamp = {"python": version_tag(), "runtime": environment.lock_hash("runtime")}
    if wanted == "dev":
        stamp["dev"] = environment.lock_hash("dev")
    _write_stamp(environment, stamp)
    environment.unfinished.unlink()


def _write_source_roots(environment: Environment) -> None:
    """Let every Python of the environment import Annotary, from whatever folder it starts.

    A plain path in a `.pth` file comes behind site-packages, where an installed package named `tasks` or `tests` would
    win; a line that begins with `import` is executed instead and puts the source roots in front.
    """
    folder = environment.venv / "lib" / f"python{version_tag()}" / "site-packages"
    roots = ascii([str(one) for one in source_roots(environment.root)])
    folder.mkdir(parents=True, exist_ok=True)
    path_file = folder / "annotary-source-roots.pth"
    files.write_private(path_file, f"import sys; sys.path[:0] = {roots}\n")
    path_file.chmod(0o644)
    _write_stamp(environment, read_stamp(environment) | {"source_roots": python_path(environment.root)})


def _write_stamp(environment: Environment, stamp: dict[str, str]) -> None:
    files.write_private(environment.stamp, json.dumps(stamp))
    # Another account may run the environment, such as the one that systemd starts the services under.
    environment.stamp.chmod(0o644)


def _works(environment: Environment) -> bool:
    """Return whether the environment's Python exists: after an uninstall, the link to it dangles."""
    return environment.python.exists() and (environment.venv / "pyvenv.cfg").exists()


def _same_python(environment: Environment) -> bool:
    """Return whether the environment was created for this minor version of Python, by any tool."""
    return (environment.venv / "lib" / f"python{version_tag()}").is_dir()


def find_uv(environment: Environment) -> str | None:
    """Find uv on the PATH or in `.tools`, where an earlier start put it."""
    own = environment.tools / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(own) if own.exists() else None):
        if candidate and _runs(candidate):
            return candidate
    return None


def _runs(uv: str) -> bool:
    """Return whether this uv runs: a version manager's shim may be on the PATH without a uv behind it."""
    try:
        return subprocess.run([uv, "--version"], check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install_uv(environment: Environment) -> str:
    pip = subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True)
    if pip.returncode != 0:
        raise EmbeddedError(
            "Annotary needs pip or uv to install its packages, and this Python has neither. "
            "Install one (on Debian and Ubuntu: apt install python3-pip) and start again."
        )
    requirements = environment.root / "requirements" / "uv.txt"
    temporary = environment.tools / "uv.new"
    shutil.rmtree(temporary, ignore_errors=True)
    command = [
        # Not quiet: pip reports a certificate that it does not trust as mere information.
        *(sys.executable, "-m", "pip", "install", "--progress-bar", "off", "--no-deps", "--only-binary", ":all:"),
        *("--require-hashes", "--target", str(temporary), "-r", str(requirements)),
    ]
    # First with the user's own mirrors and certificates, then without any of their settings.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = _run(command, {**os.environ, **PIP_SETS})
    outputs = [done.stdout]
    if done.returncode != 0:
        shutil.rmtree(temporary, ignore_errors=True)
        done = _run([*command, "--isolated"], {**plain, "PIP_CONFIG_FILE": os.devnull})
        outputs.append(done.stdout)
    if done.returncode != 0:
        shutil.rmtree(temporary, ignore_errors=True)
        raise EmbeddedError(explain(environment.root, "uv, which installs the packages", "pip", outputs))
    own = environment.tools / "bin" / "uv"
    own.parent.mkdir(exist_ok=True)
    (temporary / "bin" / "uv").replace(own)
    shutil.rmtree(temporary, ignore_errors=True)
    return str(own)


def install_into(environment: Environment, folder: Path, requirements: Path) -> None:
    """Install locked packages into a folder of their own, complete or not at all.

    Raises EmbeddedError with a one-sentence message.
    """
    with _exclusive(environment):
        uv = find_uv(environment) or _install_uv(environment)
        temporary = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        options = ["--no-deps", "--require-hashes", "--target", str(temporary), "-r", str(requirements)]
        _run_uv(environment, uv, "pip", "install", "--python", str(environment.python), *options)
        temporary.rename(folder)


def _run_uv(environment: Environment, uv: str, *arguments: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in UV_LEAVES_OUT}
    variables |= {"UV_PYTHON_DOWNLOADS": "never"}
    if "PIP_INDEX_URL" in variables:
        variables.setdefault("UV_DEFAULT_INDEX", variables["PIP_INDEX_URL"])
    done = _run([uv, "--quiet", "--no-config", *arguments], variables)
    if done.returncode != 0:
        raise EmbeddedError(explain(environment.root, "the packages", "uv", [done.stdout]))


def _run(command: Sequence[str], variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        check=False,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def enter(environment: Environment, arguments: Sequence[str], *, changed: bool) -> None:
    """Re-execute in the environment's Python; a no-op if this process runs in it and it has not `changed`."""
    if changed or Path(sys.prefix).resolve() != environment.venv.resolve():
        os.execv(environment.python, [str(environment.python), *arguments])
