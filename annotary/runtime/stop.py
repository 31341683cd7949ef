"""`manage.py stop`: ask the running installation to end and wait until it has."""

import argparse
import signal
import time
from pathlib import Path

from annotary.runtime import state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places, default_data

PATIENCE = 60.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py stop", description="End the running installation.")
    parser.add_argument("--data", type=Path, help="folder of the data (default: .annotary in the checkout)")
    options = parser.parse_args(arguments)
    places = Places((options.data or default_data()).expanduser().resolve())
    found = state.running(places)
    if found is None:
        print(f"Annotary is not running on {places.data}.")
        return 0
    watched = [found.keeper, *([found.supervisor] if found.supervisor else [])]
    found.keeper.send(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while any(one.alive() for one in watched):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"Process {found.keeper.pid} did not end within {PATIENCE:.0f} seconds: 'kill -9 {found.keeper.pid}' "
                "ends it and all its parts."
            )
        time.sleep(0.05)
    print("Stopped.")
    return 0
