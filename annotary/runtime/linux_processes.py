"""Linux processes: identities that survive pid reuse, descendants, and killing a whole tree."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Loaded once and before any fork: nothing may be imported between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """A process id with its start time (clock ticks since boot) and the boot id: the combination is never reused."""

    pid: int
    start: int
    boot: str

    @classmethod
    def from_pid(cls, pid: int) -> "Identity | None":
        start = _start_ticks(pid)
        return None if start is None else cls(pid, start, boot_id())

    def alive(self) -> bool:
        return self.boot == boot_id() and _start_ticks(self.pid) == self.start

    def send(self, number: int) -> bool:
        """Signal exactly this process; return False if it is gone or its pid now belongs to another process."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            # With the pidfd open, the pid cannot be reused between this check and the signal.
            if not self.alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name, which may contain spaces and parentheses (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.rpartition(")")[2].split()


def _start_ticks(pid: int) -> int | None:
    """Return the start time of a live process; a zombie counts as gone, since it runs no code."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return int(fields[19])


def descendants(root: int) -> list[int]:
    """Return the live descendants of `root`, at any depth."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - half the time of iterdir, in a loop that races forks
        if entry.isdigit() and (fields := _stat_fields(int(entry))) and fields[0] not in {"Z", "X"}:
            children.setdefault(int(fields[1]), []).append(int(entry))
    pids: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        pids.extend(below)
        waiting.extend(below)
    return pids


def end_descendants(root: int, *, timeout: float = 5.0) -> list[int]:
    """Kill all descendants of `root` until none is left; return those that survived for `timeout` seconds.

    A process may fork between the scan and the kill, so one pass is not enough. With `root` as subreaper a
    child whose parent died is still found below it.
    """
    deadline = time.monotonic() + timeout
    while left := descendants(root):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if time.monotonic() > deadline:
            return left
        time.sleep(0.01)
    return []


def reap() -> list[tuple[int, int]]:
    """Reap every exited child, adopted ones too: pairs of process id and exit code (negative: the signal)."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, os.waitstatus_to_exitcode(status)))


def become_subreaper() -> None:
    """Adopt all orphans below this process from now on, instead of init, so that none can escape."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")


def die_with_parent(number: int, then: Callable[[], None] | None = None) -> Callable[[], None]:
    """Return a function for the child to run between fork and exec: call `then`, then request signal `number` for the
    time when the parent dies.

    The order matters: setuid and entering a user namespace clear the request. This is only the third line of defense:
    it reaches direct children only, and fires when the forking thread ends.
    """
    parent = os.getpid()

    def prepare() -> None:
        if then is not None:
            then()
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def unshare_user() -> None:
    """Enter a new user namespace. Raises OSError if the kernel or the container refuses."""
    clone_newuser = 0x10000000
    if _libc.unshare(clone_newuser) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER) was refused")
