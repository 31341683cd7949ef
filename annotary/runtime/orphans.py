"""What an earlier instance left running, if its keeper and supervisor were both killed at once."""

import contextlib
import os
import signal
import time
from pathlib import Path

from annotary.runtime import linux_processes as processes
from annotary.runtime import state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import Places

MARK = "ANNOTARY_INSTANCE"


def end(places: Places, *, patience: float = 10.0) -> list[int]:
    """Requires the lock of the data folder. Ends recorded processes that still live, and all below them.

    Only a process whose start time is the recorded one, or which carries that start's random mark, is touched:
    a number alone may belong to another by now.
    Returns the ids of those ended.
    """
    recorded = state.read(places)
    if recorded is None:
        return []
    me = Identity.of(os.getpid())
    alive = [one for one in recorded.everybody() if one.alive() and one != me]
    # Collected before the first signal: afterwards children hang below init and are no longer to be told apart.
    doomed = set(alive)
    for one in alive:
        doomed |= {found for pid in processes.descendants(one.pid) if (found := Identity.of(pid))}
    doomed |= {one for one in _marked(recorded.instance) if one != me}
    for one in doomed:
        one.send(signal.SIGKILL)
    deadline = time.monotonic() + patience
    while any(one.alive() for one in doomed):
        if time.monotonic() > deadline:
            left = ", ".join(str(one.pid) for one in doomed if one.alive())
            raise EmbeddedError(
                f"An earlier start left processes that cannot be ended ({left}): end them and start again."
            )
        time.sleep(0.02)
    places.state.unlink(missing_ok=True)
    return sorted(one.pid for one in doomed)


def _marked(instance: str) -> set[Identity]:
    """Processes that carry the mark of that start; orphans whose parents died first are found by it alone."""
    if not instance:
        return set()
    mark = f"{MARK}={instance}".encode()
    found: set[Identity] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    identity = Identity.of(int(entry.name))
                    found |= {identity} if identity else set()
    return found
