"""Runs the database of a stopped installation alone, for backup, restore and the move to another major version.

Run as a module, this file starts the server, prints one line of JSON with its address, and exits when its standard
input closes; the classes below do that for a caller.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotary.runtime import files, launcher, orphans, postgres, state
from annotary.runtime.database_tools import Database
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths
from annotary.runtime.state import State
from annotary.runtime.supervisor import Supervisor
from annotary.runtime.temporary_stores import StoreProcess

# Recovery after a power cut replays up to `max_wal_size`.
START_TIMEOUT = 600.0


@contextmanager
def exclusive(paths: DataPaths, *, unfinished: bool = False) -> Iterator[int]:
    """Hold the data folder of a stopped installation, so that nothing starts on it meanwhile; yields the lock.

    Raises EmbeddedError if it is in use.
    """
    lock = state.lock_data(paths, unfinished=unfinished)
    try:
        orphans.kill(paths)
        me = Identity.from_pid(os.getpid())
        if me is None:
            raise EmbeddedError("Annotary needs /proc, which this system does not have. Run it on Linux.")
        with files.explained(paths.data, needed="at least 32 MB"):
            State(state.MAINTENANCE, me).write(paths)
        yield lock
    finally:
        paths.state.unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def lone_database(
    paths: DataPaths, lock: int, *, binaries: Path | None = None, name: str = postgres.FOLDER
) -> Iterator[Database]:
    """Run the server on a folder that the caller holds; it is created if it does not exist.

    The server stops with the block, and with this process.
    """
    options = [str(paths.data), "--name", name, *(["--binaries", str(binaries)] if binaries else [])]
    process = StoreProcess("annotary.runtime.lone_database", *options, timeout=START_TIMEOUT, pass_fds=(lock,))
    try:
        yield Database(process.environment["DATABASE_URL"], postgres.locate())
    finally:
        process.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--binaries", type=Path)
    options = parser.parse_args()
    paths = DataPaths(options.data)
    os.environ[launcher.LIFELINE_VARIABLE] = str(os.dup(0))
    return launcher.run(lambda supervisor: _serve(supervisor, paths, options.name, options.binaries))


def _serve(supervisor: Supervisor, paths: DataPaths, name: str, binaries: Path | None) -> None:
    paths.create()
    cluster = postgres.prepare(paths, name=name, binaries=binaries)
    supervisor.start([cluster.service(paths.logs / "postgres.log", {})])
    cluster.create_database()
    print(json.dumps({"DATABASE_URL": cluster.url}), flush=True)
    supervisor.run_forever()


if __name__ == "__main__":
    sys.exit(main())
