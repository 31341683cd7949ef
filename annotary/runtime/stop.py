"""`manage.py stop`: stops the running installation and waits until it has stopped."""

import argparse
import signal
import time
from pathlib import Path

from annotary.runtime import state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, default_data

TIMEOUT = 60.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="manage.py stop", description="Stop the running installation and wait until it has stopped."
    )
    parser.add_argument("--data", type=Path, help="data folder (default: .annotary in the checkout)")
    options = parser.parse_args(arguments)
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    current = state.running(paths)
    if current is None:
        print(f"Annotary is not running on {paths.data}.")
        return 0
    watched = [current.keeper, *([current.supervisor] if current.supervisor else [])]
    current.keeper.send(signal.SIGTERM)
    deadline = time.monotonic() + TIMEOUT
    while any(process.alive() for process in watched):
        if time.monotonic() > deadline:
            pid = current.keeper.pid
            raise EmbeddedError(
                f"Annotary (process {pid}) did not stop within {TIMEOUT:.0f} seconds. "
                f"Run 'kill -9 {pid}' to stop it and everything it runs."
            )
        time.sleep(0.05)
    print("Stopped.")
    return 0
