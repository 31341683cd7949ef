"""Checks whose result is known in time, even if what they check never answers."""

import threading
import time
from collections.abc import Callable

# A probe waits this long for a check that has succeeded so far, and this long for one that has failed.
PATIENCE, IMPATIENCE = 1.2, 0.1
OK, SILENT = "ok", "unreachable (no answer)"


class Check:
    """Runs a function in a thread, once for all probes that ask in the meantime.

    A check that hangs keeps one thread. Later probes do not wait for it again, so they cannot use up the threads of the
    web server.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._running = False
        self._started = 0.0
        self._latest = OK

    def begin(self, now: float) -> None:
        """Start the check unless it runs."""
        with self._lock:
            if self._running:
                return
            self._running, self._started, self._done = True, now, threading.Event()
            threading.Thread(target=self._run, args=(self._done,), name="readiness", daemon=True).start()

    def result(self, now: float) -> str:
        """Wait for the check, but not long, and return `ok` or what is wrong. `now` is when the probe arrived."""
        with self._lock:
            done = self._done
            until = min(self._started + PATIENCE, now + (PATIENCE if self._latest == OK else IMPATIENCE))
        finished = done.wait(max(0.0, until - time.monotonic()))
        with self._lock:
            if not finished and self._latest == OK:
                self._latest = SILENT
            return self._latest

    def _run(self, done: threading.Event) -> None:
        try:
            self._function()
        except Exception as error:  # drivers raise many kinds of errors, and each means: not ready
            latest = f"unreachable ({type(error).__name__})"
        else:
            latest = OK
        with self._lock:
            self._latest, self._running = latest, False
        done.set()
