"""A statement that does not fit into the socket is sent in the end, however long the server takes to read it."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from annotary.postgresql import deadlines

SIZE = 30_000_000


@pytest.fixture
def slow_server(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server's process for this connection sleeps for longer than a query waits before it asks again."""
    monkeypatch.setattr(deadlines, "ASK_AFTER", 0.2)
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(1.0, os.kill, (pid, signal.SIGCONT))
    timer.start()
    yield
    timer.join()


def test_a_large_statement_waits_for_the_server(slow_server: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT length(%s)", ["x" * SIZE])
        assert cursor.fetchone() == (SIZE,)
