"""One process that the supervisor starts, watches and stops."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.linux_processes import die_with_parent

LOG_LIMIT = 20 * 1024 * 1024


def _always() -> bool:
    return True


def _nothing(failed: bool) -> None:
    """Needs no preparation."""


@dataclass(frozen=True)
class Service:
    """What to run. `title` is the name shown to people; `ready` is polled until it returns true.

    A service with a `pid_file` is only ready if the file names the process that was started: after a power cut the file
    of the previous one is still there. `prepare` runs before each start, and is told whether the last run ended with an
    error. `recovery` returns a sentence while a start may take longer than `start_timeout`.
    """

    name: str
    title: str
    argv: list[str]
    environment: dict[str, str]
    log: Path
    folder: Path
    stop_signal: int = signal.SIGTERM
    stop_timeout: float = 10.0
    start_timeout: float = 60.0
    preexec: Callable[[], None] | None = None
    ready: Callable[[], bool] = _always
    pid_file: Path | None = None
    prepare: Callable[[bool], None] = _nothing
    recovery: Callable[[], str] = str

    def start(self, extra_environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the process in a session of its own, so that its whole process group can be killed.

        Standard input is empty and output goes to the log. `extra_environment` is added to the environment.
        """
        rotate(self.log)
        handle = self._open_log()
        try:
            return subprocess.Popen(
                self.argv,
                env={**self.environment, **extra_environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal, self.preexec),
            )
        finally:
            os.close(handle)

    def _open_log(self) -> int:
        try:
            return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            # A full disk has no room for a new file. Running without a log is better than not running.
            return os.open(os.devnull, os.O_WRONLY)

    def is_ready(self, pid: int) -> bool:
        """Return whether the process with this id, which `start` returned, is ready."""
        return (self.pid_file is None or first_number(self.pid_file) == pid) and self.ready()

    def last_log_line(self) -> str:
        """Return the last line of the log, for the message about a failed start."""
        return last_line(self.log)


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty; "" if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def rotate(log: Path) -> None:
    """Keep one older log. The writer has the file open for appending, so it is copied and truncated, not renamed.

    Best effort: without room for the copy, the log is emptied, which makes room.
    """
    older = log.with_suffix(".log.1")
    with suppress(OSError):
        if log.stat().st_size <= LOG_LIMIT:
            return
        try:
            shutil.copyfile(log, older)
        except OSError:
            older.unlink(missing_ok=True)
        os.truncate(log, 0)


def first_number(file: Path) -> int | None:
    """Return the number on the first line of a pid file; None if there is none."""
    try:
        return int(file.read_text(errors="replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
