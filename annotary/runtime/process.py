"""One process that the supervisor starts, watches and stops."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.linux_processes import die_with_parent

LOG_LIMIT = 20 * 1024 * 1024


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """What to run. `title` is the name shown to people; `ready` is polled until it returns true.

    `socket` is a Unix socket that the program creates: one that was killed leaves it behind, and granian then refuses.
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
    socket: Path | None = None

    def start(self, extra_environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the process in a session of its own, so that its whole process group can be killed.

        Standard input is empty and output goes to the log. `extra_environment` is added to the environment.
        """
        rotate(self.log)
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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

    def last_log_line(self) -> str:
        """Return the last line of the log, for the message about a failed start."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        except FileNotFoundError:
            return ""
        return lines[-1].strip() if lines else ""


def rotate(log: Path) -> None:
    """Keep one older log. The writer has the file open for appending, so it is copied and truncated, not renamed."""
    try:
        if log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
    except FileNotFoundError:
        return
