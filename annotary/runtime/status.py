"""`manage.py status`: shows what is running and where. Exit code 0 if all is well, 3 if not running, else 1."""

import argparse
import json
import time
from pathlib import Path

from annotary.runtime import services, state
from annotary.runtime.paths import DataPaths, default_data
from annotary.runtime.services import Addresses
from annotary.runtime.state import State

ALL_WELL, TROUBLE, NOT_RUNNING = 0, 1, 3


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="manage.py status",
        description="Show whether Annotary is running, with its address and processes.",
        epilog="The exit code is 0 if all is well, 3 if Annotary is not running, and 1 otherwise.",
    )
    parser.add_argument("--data", type=Path, help="data folder (default: .annotary in the checkout)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    options = parser.parse_args(arguments)
    paths = DataPaths((options.data or default_data()).expanduser().resolve())
    current = state.running(paths)
    if current is None:
        print(
            json.dumps({"running": False})
            if options.json
            else f"Annotary is not running on {paths.data}. Start it with 'python3 manage.py up'."
        )
        return NOT_RUNNING
    answering = current.phase == "ready" and _answers(current)
    parts = {name: one.pid if one.alive() else None for name, one in current.children.items()}
    if options.json:
        body = {"running": True, "phase": current.phase, "answering": answering, "url": current.url, "parts": parts}
        print(json.dumps({**body, "ws_url": current.ws_url, "data": str(paths.data), "keeper": current.keeper.pid}))
    else:
        print(_describe(current, answering=answering, parts=parts, paths=paths))
    return ALL_WELL if answering and None not in parts.values() else TROUBLE


def _answers(current: State) -> bool:
    return services.responds(Addresses(current.host, current.port, current.url).probe, "/healthz")


def _describe(current: State, *, answering: bool, parts: dict[str, int | None], paths: DataPaths) -> str:
    words = {"starting": "starting", "stopping": "stopping", "ready": "running" if answering else "not responding"}
    minutes = (time.time() - current.since) / 60
    lines = [f"Annotary is {words.get(current.phase, current.phase)} at {current.url or '(no address yet)'}"]
    lines.append(f"  Main process {current.keeper.pid}, up for {minutes:.0f} min. Data and logs are in {paths.data}")
    for name, pid in parts.items():
        lines.append(f"  {name:<14}{'process ' + str(pid) if pid else 'restarting'}")
    return "\n".join(lines)
