"""Run calls concurrently, each on its own database connection: all at once, or one for the test to observe."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from django.db import connection
from psycopg.conninfo import make_conninfo

PATIENCE = 10.0
BETWEEN_LOOKS = 0.01


def database_url() -> str:
    """The test's database, for a connection of its own that Django does not know."""
    settings = connection.settings_dict
    return make_conninfo(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
    )


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls concurrently, each on its own connection; return their results or exceptions, in order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=10)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class BackgroundCall:
    """Runs `call` in a background thread, on its own database connection."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self._call = call
        self._backend_pid: int | None = None
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self._backend_pid = connection.connection.info.backend_pid
            self._connected.set()
            self.result = self._call()
        except Exception as error:  # returned to the test as the result
            self.result = error
        finally:
            self._connected.set()
            connection.close()

    def wait_until_blocked(self, *, by: Self | None = None, patience: float = PATIENCE) -> None:
        """Return once the call waits for a lock that the test's own connection holds, or that the call `by` holds.

        Asks PostgreSQL and not the clock: pg_blocking_pids reads the lock table as it is now, even inside a
        transaction, where pg_stat_activity keeps its first answer.

        Raises AssertionError when the call ends without waiting, or when `patience` seconds have passed.
        """
        assert self._connected.wait(patience), "The call has no database connection."
        deadline = time.monotonic() + patience
        while not self._is_blocked(by):
            assert self._thread.is_alive(), f"The call ended without waiting for the lock: {self.result!r}"
            assert time.monotonic() < deadline, f"The call has not waited for the lock within {patience:g} seconds."
            time.sleep(BETWEEN_LOOKS)

    def _is_blocked(self, by: Self | None) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(%s, pg_backend_pid()) = ANY (pg_blocking_pids(%s))",
                [None if by is None else by._backend_pid, self._backend_pid],
            )
            return bool(cursor.fetchone()[0])

    def wait_for_result(self) -> Any:
        """Wait for the call to end and return its result or exception; fails after 30 seconds."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "The call has not ended within 30 seconds."
        return self.result
