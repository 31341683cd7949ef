"""Linux processes: who they are beyond a reused number, who descends from whom, and how to end all of them."""

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
# Loaded once and before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """A process id with its start, in clock ticks since boot, and the boot: together never reused."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        start = _start_ticks(pid)
        return None if start is None else cls(pid, start, boot_id())

    def alive(self) -> bool:
        return self.boot == boot_id() and _start_ticks(self.pid) == self.start

    def send(self, number: int) -> bool:
        """Signal this very process; False when it is gone or its number belongs to another by now."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            # The handle is open, so the number cannot change hands between this look and the signal.
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
    """Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.rpartition(")")[2].split()


def _start_ticks(pid: int) -> int | None:
    """Start of a living process; a zombie counts as gone, since it runs no more code."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return int(fields[19])


def descendants(root: int) -> list[int]:
    """Living processes below `root`, at any depth."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - half the time of iterdir, in a loop that races forks
        if entry.isdigit() and (fields := _stat_fields(int(entry))) and fields[0] not in {"Z", "X"}:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def end_descendants(root: int, *, patience: float = 5.0) -> list[int]:
    """Kill all that descends from `root` until a look finds nothing; returns what resisted `patience` seconds.

    A process may fork between the look and the kill, so one pass is not enough. With `root` as subreaper a
    child whose parent died is still found below it.
    """
    deadline = time.monotonic() + patience
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
    """Collect every ended child, adopted ones too: pairs of process id and exit code (negative: the signal)."""
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
    """From now on orphans below this process become its children instead of init's, so none can slip away."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")


def die_with_parent(number: int, then: Callable[[], None] | None = None) -> Callable[[], None]:
    """A function for the child between fork and exec: first `then`, next ask for `number` when the parent ends.

    The order matters, setuid and user namespaces clear the request. It is the third line of defence: it reaches
    direct children alone and fires when the thread that forked ends.
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
    """Enter a new user namespace; raises OSError where the kernel or the container refuses."""
    clone_newuser = 0x10000000
    if _libc.unshare(clone_newuser) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER) was refused")
