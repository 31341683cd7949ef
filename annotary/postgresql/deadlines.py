"""Connections that give up on a PostgreSQL server that does not respond.

`statement_timeout` is the server's own clock, and TCP notices only a host that is gone. A server that was stopped or
whose disk hangs accepts connections and never answers; a query would wait for it forever. So a query that takes long
asks, every few seconds and on a second connection, whether the server still answers anyone.
"""

import threading
import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo

# How long a query waits between two questions, and how long for an answer: an overloaded machine is not a stalled one.
ASK_AFTER, ANSWER_WITHIN = 3.0, 5


class DeadlineConnection(psycopg.Connection[Any]):
    """Raises OperationalError from a query once the server does not answer anyone, and closes itself.

    Also after `longest` seconds, if that is set: one backend alone can be stuck where no server-side limit reaches it.
    """

    longest: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        started = time.monotonic()
        while True:
            try:
                return super().wait(gen, interval, ASK_AFTER)
            except errors._WaitTimeout:
                too_long = self.longest is not None and time.monotonic() - started > self.longest
                if too_long or not probe.answers(self):
                    self.pgconn.finish()
                    raise errors.ConnectionTimeout("the database server does not respond") from None
                gen = _resumed(gen)


def _resumed(gen: Any) -> Generator[Any, Any, Any]:
    """Continue a generator of psycopg after a wait that timed out.

    `wait` begins with None, but the compiled generator that sends a statement takes only numbers: which side is ready.
    """
    ready = 0
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as stop:
            return stop.value
        ready = (yield wanted) or 0


class _Probe:
    """Asks the server whether it answers, once for all queries of the process that want to know."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[float, bool]] = {}

    def answers(self, connection: psycopg.Connection[Any]) -> bool:
        address = connection.info.dsn
        with self._lock:
            at, answered = self._asked.get(address, (-ASK_AFTER, True))
            if time.monotonic() - at > 1:
                answered = _connects(connection)
                self._asked[address] = time.monotonic(), answered
            return answered


def _connects(connection: psycopg.Connection[Any]) -> bool:
    # With the password, which `connection.info.dsn` leaves out.
    options: dict[str, Any] = {one.keyword.decode(): one.val.decode() for one in connection.pgconn.info if one.val}
    try:
        psycopg.connect(make_conninfo(**options), connect_timeout=ANSWER_WITHIN).close()
    except errors.ConnectionTimeout:
        return False
    except psycopg.Error:
        # "Too many clients", "starting up": that is an answer, and the query's own connection learns what it means.
        return True
    return True


probe = _Probe()
