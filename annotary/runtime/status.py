"""`manage.py status`: what runs, and where. Exit code 0 when all is well, 3 when nothing runs, 1 otherwise."""

import argparse
import json
import time
from pathlib import Path

from annotary.runtime import services as plan
from annotary.runtime import state
from annotary.runtime.paths import Places, default_data
from annotary.runtime.services import Addresses
from annotary.runtime.state import State

ALL_WELL, TROUBLE, NOT_RUNNING = 0, 1, 3


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py status", description="Say what runs.")
    parser.add_argument("--data", type=Path, help="folder of the data (default: .annotary in the checkout)")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    places = Places((options.data or default_data()).expanduser().resolve())
    found = state.running(places)
    if found is None:
        print(json.dumps({"running": False}) if options.json else f"Annotary is not running on {places.data}.")
        return NOT_RUNNING
    answering = found.phase == "ready" and _answers(found)
    parts = {name: one.pid if one.alive() else None for name, one in found.children.items()}
    if options.json:
        told = {"running": True, "phase": found.phase, "answering": answering, "url": found.url, "parts": parts}
        print(json.dumps({**told, "ws_url": found.ws_url, "data": str(places.data), "keeper": found.keeper.pid}))
    else:
        print(_describe(found, answering=answering, parts=parts, places=places))
    return ALL_WELL if answering and None not in parts.values() else TROUBLE


def _answers(found: State) -> bool:
    addresses = Addresses(found.host, found.port, found.ws_port, found.url)
    return plan.answers(addresses.probe_host, found.port, "/healthz")


def _describe(found: State, *, answering: bool, parts: dict[str, int | None], places: Places) -> str:
    words = {"starting": "starting", "stopping": "stopping", "ready": "running" if answering else "not answering"}
    minutes = (time.time() - found.since) / 60
    lines = [f"Annotary is {words.get(found.phase, found.phase)} at {found.url or '(no address yet)'}"]
    lines.append(f"  process {found.keeper.pid}, for {minutes:.0f} min, data and logs in {places.data}")
    for name, pid in parts.items():
        lines.append(f"  {name:<12}{'process ' + str(pid) if pid else 'is being restarted'}")
    return "\n".join(lines)
