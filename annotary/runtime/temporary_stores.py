"""A PostgreSQL and a Valkey for tests: fsync off, sockets alone, gone with the program that asked for them.

`python -m annotary.runtime.temporary_stores` runs them, prints one line of JSON with their addresses and ends when its
standard input closes; `ThrowAway` does that for a caller.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from annotary.runtime import launcher as keeper
from annotary.runtime import postgres, valkey
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places
from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.supervisor import Supervisor

START_PATIENCE = 60.0


class ThrowAway:
    """Started stores; `environment` holds DATABASE_URL, REDIS_URL and ANNOTARY_DATA."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "annotary.runtime.temporary_stores"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.environment = self._read()

    def _read(self) -> dict[str, str]:
        output = self.process.stdout
        if output is not None and select.select([output], [], [], START_PATIENCE)[0]:
            line = output.readline()
            if line:
                environment: dict[str, str] = json.loads(line)
                return environment
        said = self.close()
        raise EmbeddedError(f"The throw-away database did not start: {said or 'it said nothing.'}")

    def close(self) -> str:
        """End the stores and remove their files; returns what went to standard error."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdin = None
        return self.process.communicate(timeout=60)[1].strip()

    def remove_files(self) -> None:
        """What `close` cannot leave to the keeper when that was killed."""
        _remove(Places(Path(self.environment["ANNOTARY_DATA"]).parent))


def _remove(places: Places) -> None:
    shutil.rmtree(places.data, ignore_errors=True)
    shutil.rmtree(postgres.SYSTEM_HOME / places.key, ignore_errors=True)


def main() -> int:
    # Short, since sockets lie in it; a kill -9 of everything leaves only this folder, in the system's own place.
    folder = Path(tempfile.mkdtemp(prefix="annotary-test-")).resolve()
    places = Places(folder)
    os.environ[keeper.LIFELINE_VARIABLE] = str(os.dup(0))
    try:
        return keeper.keep(lambda supervisor: _serve(supervisor, places))
    finally:
        _remove(places)


def _serve(supervisor: Supervisor, places: Places) -> None:
    places.create()
    cluster, broker = postgres.prepare(places), valkey.prepare(places)
    stores = [
        cluster.service(places.logs / "postgres.log", postgres.THROW_AWAY),
        broker.service(places.logs / "valkey.log", lasting=False),
    ]
    supervisor.start(stores)
    cluster.create_database()
    told = {"DATABASE_URL": cluster.url, "REDIS_URL": broker.url, "ANNOTARY_DATA": str(places.data / "files")}
    print(json.dumps(told), flush=True)
    supervisor.forever()


if __name__ == "__main__":
    sys.exit(main())
