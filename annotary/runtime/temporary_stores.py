"""Temporary PostgreSQL and Valkey for tests: fsync off, only sockets, gone with the program that started them.

Run as a module, this file starts both, prints one line of JSON with their addresses, and exits when its standard input
closes; the class below does that for a caller.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from annotary.runtime import launcher, postgres, valkey
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.supervisor import Supervisor

START_TIMEOUT = 60.0


class StoreProcess:
    """A module that runs stores until its standard input closes; `environment` holds the addresses that it printed."""

    def __init__(
        self, module: str, *arguments: str, timeout: float = START_TIMEOUT, pass_fds: Sequence[int] = ()
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self.environment = self._read(timeout)

    def _read(self, timeout: float) -> dict[str, str]:
        output = self.process.stdout
        try:
            if output is not None and select.select([output], [], [], timeout)[0]:
                line = output.readline()
                if line:
                    environment: dict[str, str] = json.loads(line)
                    return environment
        except BaseException:
            self.close()
            raise
        errors = self.close()
        raise EmbeddedError(f"The database did not start: {errors or 'it printed nothing.'}")

    def close(self) -> str:
        """Stop the stores, remove their files, and return what they wrote to standard error."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdin = None
        return self.process.communicate(timeout=60)[1].strip()


class TemporaryStores(StoreProcess):
    """Running stores; `environment` holds DATABASE_URL, REDIS_URL and ANNOTARY_DATA."""

    def __init__(self) -> None:
        super().__init__("annotary.runtime.temporary_stores")


def remove_files(paths: DataPaths) -> None:
    shutil.rmtree(paths.data, ignore_errors=True)
    shutil.rmtree(postgres.SYSTEM_HOME / paths.key, ignore_errors=True)


def main() -> int:
    # A short path, since it holds sockets. A kill -9 of everything leaves only this folder, in the temporary directory.
    folder = Path(tempfile.mkdtemp(prefix="annotary-test-")).resolve()
    paths = DataPaths(folder)
    os.environ[launcher.LIFELINE_VARIABLE] = str(os.dup(0))
    try:
        return launcher.run(lambda supervisor: _serve(supervisor, paths))
    finally:
        remove_files(paths)


def _serve(supervisor: Supervisor, paths: DataPaths) -> None:
    paths.create()
    cluster, broker = postgres.prepare(paths), valkey.prepare(paths)
    stores = [
        cluster.service(paths.logs / "postgres.log", postgres.TEMPORARY_TUNING),
        broker.service(paths.logs / "valkey.log", lasting=False),
    ]
    supervisor.start(stores)
    cluster.create_database()
    environment = {"DATABASE_URL": cluster.url, "REDIS_URL": broker.url, "ANNOTARY_DATA": str(paths.data / "files")}
    print(json.dumps(environment), flush=True)
    supervisor.run_forever()


if __name__ == "__main__":
    sys.exit(main())
