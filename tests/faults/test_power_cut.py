"""A machine loses power, again and again: one `up` each brings everything back, with all that was acknowledged."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from annotary.runtime.paths import DataPaths
from tests.faults.up_process import Client, UpProcess, eventually

pytestmark = pytest.mark.slow
GROW = "INSERT INTO load SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 2000) n"


def pid_file_of_another_program(paths: DataPaths) -> None:
    """After a restart of the machine, the process id may belong to anything: here, to this test."""
    for file in (paths.data / "postgres" / "postmaster.pid", *paths.run.glob(".s.PGSQL.*.lock")):
        file.write_text(file.read_text().replace(file.read_text().split("\n", 1)[0], str(os.getpid()), 1))


def empty_files(paths: DataPaths) -> None:
    for file in (paths.data / "postgres" / "postmaster.pid", paths.state, paths.data / "migrated"):
        file.write_bytes(b"")


def torn_broker_file(paths: DataPaths) -> None:
    for file in (paths.data / "valkey" / "appendonlydir").iterdir():
        file.write_bytes(file.read_bytes()[:-3] + b"\0" * 4096)


def half_written_files(paths: DataPaths) -> None:
    for name in ("runtime.json", "secrets.json", "migrated"):
        (paths.data / f"{name}.1.new").write_text("{")


WRECKS: list[Callable[[DataPaths], None]] = [
    pid_file_of_another_program,
    empty_files,
    torn_broker_file,
    half_written_files,
]


class Load(threading.Thread):
    """Writes through the site, and enough into a table of its own that a recovery has work to do."""

    def __init__(self, client: Client, database: str) -> None:
        super().__init__(name="load", daemon=True)
        self.client, self.database = client, database
        self.over, self.wrote = threading.Event(), threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("CREATE UNLOGGED TABLE IF NOT EXISTS marker (n int)")
            connection.execute("CREATE TABLE IF NOT EXISTS load (n int, filler text)")
            while not self.over.is_set():
                if self.client.write() == 201:
                    self.wrote.set()
                try:
                    connection.execute(GROW)
                except psycopg.OperationalError:
                    return


@pytest.fixture
def up(tmp_path: Path) -> Iterator[UpProcess]:
    created = UpProcess(tmp_path / "data")
    yield created
    created.close()


def acknowledged_but_missing(up: UpProcess, client: Client) -> set[str]:
    with psycopg.connect(up.environment()["DATABASE_URL"]) as connection:
        kept = {str(row[0]) for row in connection.execute("SELECT public_id FROM accounts_invitation")}
    return set(client.acknowledged) - kept


def lose_a_message(up: UpProcess) -> int:
    """Queue a job whose message is lost, which only the scheduler's sweep finds; return its id."""
    return int(
        up.run(
            "import django; django.setup()\n"
            "from datetime import timedelta\n"
            "from kernel.clock import database_now\n"
            "from kernel.models import Job\n"
            "earlier = database_now() - timedelta(hours=1)\n"
            "print(Job.objects.create(kind='consensus.update', args={'task_ids': []}, created_at=earlier).pk)"
        )
    )


def is_done(up: UpProcess, job: int) -> bool:
    with psycopg.connect(up.environment()["DATABASE_URL"]) as connection:
        return connection.execute("SELECT 1 FROM kernel_job WHERE id = %s AND state = 'done'", [job]).rowcount == 1


def test_every_power_cut_is_survived_by_one_start(up: UpProcess, fault_seed: int) -> None:
    chance = random.Random(fault_seed)
    up.start()
    time.sleep(chance.uniform(0.3, 9.0))
    up.cut_power()  # in the middle of the first start
    up.start_and_wait()
    client = up.client()
    for wreck in chance.sample(WRECKS, len(WRECKS)):
        load = Load(client, up.environment()["DATABASE_URL"])
        load.start()
        assert load.wrote.wait(60), "nothing was written"
        time.sleep(chance.uniform(0.2, 1.5))
        up.cut_power()
        load.over.set()
        load.join(30)
        wreck(up.paths)
        if chance.random() < 0.5:
            up.start()
            time.sleep(chance.uniform(0.2, 2.5))
            up.cut_power()  # while it recovers
        up.start_and_wait()
        assert "PostgreSQL is recovering after an unclean stop" in up.printed()
        assert eventually(lambda: up.readiness() == 200), "not ready again"
        assert acknowledged_but_missing(up, client) == set()
    job = lose_a_message(up)
    assert eventually(lambda: is_done(up, job)), "the scheduler does not run"
    assert not list(up.paths.data.glob("*.new"))
