"""A query does not wait for a PostgreSQL server that stopped responding, and does wait for one that is merely slow."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from annotary.postgresql.deadlines import ASK_AFTER, DeadlineConnection
from annotary.runtime import linux_processes
from annotary.runtime.temporary_stores import TemporaryStores


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryStores]:
    stores = TemporaryStores()
    yield stores
    stores.close()


@contextmanager
def stopped(server: TemporaryStores) -> Iterator[None]:
    """Stop the server and its backends: everything below the launcher and the supervisor."""
    supervisor = linux_processes.descendants(server.process.pid)[0]
    pids = [pid for pid in linux_processes.descendants(server.process.pid) if pid != supervisor]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_query_gives_up_on_a_server_that_does_not_respond(server: TemporaryStores) -> None:
    url = server.environment["DATABASE_URL"]
    connection = DeadlineConnection.connect(url)
    with stopped(server):
        with pytest.raises(psycopg.OperationalError, match="does not respond"):
            connection.execute("SELECT 1")
        assert connection.closed
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            DeadlineConnection.connect(url, connect_timeout=2)
    with DeadlineConnection.connect(url) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_slow_query_is_waited_for(server: TemporaryStores) -> None:
    with DeadlineConnection.connect(server.environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT pg_sleep(%s), 1", [ASK_AFTER * 1.5]).fetchone() == ("", 1)


def test_a_query_longer_than_its_limit_ends_even_if_the_server_responds(
    server: TemporaryStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeadlineConnection, "longest", 1.0)
    with DeadlineConnection.connect(server.environment["DATABASE_URL"]) as connection:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.closed
