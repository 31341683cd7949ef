"""What an earlier instance left running, if its keeper and supervisor were both killed at once."""

import os
import signal
import time

from annotary.embedded import processes, state
from annotary.embedded.errors import EmbeddedError
from annotary.embedded.places import Places
from annotary.embedded.processes import Identity


def end(places: Places, *, patience: float = 10.0) -> list[int]:
    """Requires the lock of the data folder. Ends recorded processes that still live, and all below them.

    Only a process whose start time is the recorded one is touched: its number may belong to another by now.
    Returns the ids of those ended.
    """
    recorded = state.read(places)
    if recorded is None:
        return []
    mine = Identity.of(os.getpid())
    alive = [one for one in recorded.everybody() if one.alive() and one != mine]
    # Collected before the first signal: afterwards children hang below init and are no longer to be told apart.
    doomed = set(alive)
    for one in alive:
        doomed |= {found for pid in processes.descendants(one.pid) if (found := Identity.of(pid))}
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
