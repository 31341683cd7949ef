"""A call in another thread, on a connection of its own, to be looked at while it runs."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


class Meanwhile:
    """One call in another thread, to be looked at while it runs."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self._call = call
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except Exception as error:  # the test looks at it
            self.result = error
        finally:
            connection.close()

    def is_waiting(self, seconds: float = 0.3) -> bool:
        """Whether it still runs after this time: it waits for a lock that this thread holds."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def ended(self) -> Any:
        """Its result or exception; fails when it does not end."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.result
