"""Kills what an earlier instance left running, in case its launcher and supervisor were killed at the same time."""

import contextlib
import os
import signal
import time
from pathlib import Path

from annotary.runtime import linux_processes, state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths

INSTANCE_VARIABLE = "ANNOTARY_INSTANCE"


def kill(paths: DataPaths, *, timeout: float = 30.0) -> list[int]:
    """Requires the lock on the data folder. Kill recorded processes that are still alive, and all their descendants.

    This only touches processes with the recorded start time or with the random id of that run in their environment: a
    pid alone may belong to another process by now.
    Returns the pids of the killed processes.
    """
    recorded = state.read(paths)
    me = Identity.from_pid(os.getpid())
    alive = [process for process in (recorded.all_processes() if recorded else ()) if process.alive() and process != me]
    # Collected before the first signal: afterward init adopts the children, and they can no longer be identified.
    doomed = set(alive)
    for process in alive:
        doomed |= {child for pid in linux_processes.descendants(process.pid) if (child := Identity.from_pid(pid))}
    # An id begins with the data folder's key, because the record may be missing: a full disk cannot take one.
    ids = [f"{paths.key}.", *([recorded.instance] if recorded and recorded.instance else [])]
    doomed |= {process for process in _with_instance(ids) if process != me}
    for process in doomed:
        process.send(signal.SIGKILL)
    deadline = time.monotonic() + timeout
    while any(process.alive() for process in doomed):
        if time.monotonic() > deadline:
            survivors = ", ".join(str(process.pid) for process in doomed if process.alive())
            raise EmbeddedError(
                f"An earlier run left processes that cannot be killed ({survivors}). Kill them and start again."
            )
        time.sleep(0.02)
    with contextlib.suppress(OSError):
        paths.state.unlink(missing_ok=True)
    return sorted(process.pid for process in doomed)


def _with_instance(ids: list[str]) -> set[Identity]:
    """Find processes by the instance id in their environment: the only trace of orphans whose parents died first."""
    beginnings = tuple(f"{INSTANCE_VARIABLE}={one}".encode() for one in ids)
    matches: set[Identity] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(one.startswith(beginnings) for one in (entry / "environ").read_bytes().split(b"\0")):
                    identity = Identity.from_pid(int(entry.name))
                    matches |= {identity} if identity else set()
    return matches
