"""A PostgreSQL server of its own for a test that stops it, with the tables of the site."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from annotary.runtime import postgres
from annotary.runtime.paths import DataPaths
from annotary.runtime.postgres import Cluster
from annotary.settings import env

PATIENCE = 60.0


class OwnDatabase:
    """Runs the server; `stop` and `start` act on it as an administrator would."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.paths.create()
        self.cluster: Cluster = postgres.prepare(self.paths)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        service = self.cluster.service(self.paths.logs / "postgres.log", postgres.TEMPORARY_TUNING)
        self.process = service.start({})
        deadline = time.monotonic() + PATIENCE
        while not service.ready():
            assert self.process.poll() is None, service.last_log_line()
            assert time.monotonic() < deadline, "the database did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(self.cluster.service(self.paths.logs / "postgres.log", {}).stop_signal)
            self.process.wait(PATIENCE)
            self.process = None


@contextmanager
def own_database(folder: Path) -> Iterator[OwnDatabase]:
    """Point Django to a migrated database on a server of its own for the duration of the block."""
    database = OwnDatabase(folder)
    database.start()
    database.cluster.create_database()
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(env.database(database.cluster.url) | {"CONN_MAX_AGE": 600})
    try:
        call_command("migrate", verbosity=0)
        yield database
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)
        database.stop()
