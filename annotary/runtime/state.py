"""What a running installation tells others: `runtime.json` beside a lock that says whether it is true."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from annotary.runtime import secrets
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import Places


@dataclass
class State:
    """The contents of `runtime.json`. `keeper` is the process that a person started, `supervisor` its child.

    `instance` is a random name that stands as ANNOTARY_INSTANCE in the environment of every part.
    """

    phase: str
    keeper: Identity
    instance: str = ""
    supervisor: Identity | None = None
    children: dict[str, Identity] = field(default_factory=dict)
    url: str = ""
    ws_url: str = ""
    host: str = ""
    port: int = 0
    ws_port: int = 0
    since: float = field(default_factory=time.time)
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, places: Places) -> None:
        secrets.write_private(places.state, json.dumps(asdict(self), indent=2) + "\n")

    def everybody(self) -> list[Identity]:
        return [self.keeper, *([self.supervisor] if self.supervisor else []), *self.children.values()]


def read(places: Places) -> State | None:
    """The last state written, whether or not its processes still run."""
    try:
        raw = json.loads(places.state.read_text())
        raw["keeper"] = Identity(**raw["keeper"])
        raw["supervisor"] = Identity(**raw["supervisor"]) if raw["supervisor"] else None
        raw["children"] = {name: Identity(**one) for name, one in raw["children"].items()}
        return State(**raw)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def running(places: Places) -> State | None:
    """The state of a living installation, else None."""
    state = read(places)
    return state if state is not None and state.keeper.alive() else None


def take_lock(path: Path, *, patience: float) -> int | None:
    """Hold the data folder: a file descriptor, or None when somebody else has held it for `patience` seconds.

    The lock belongs to the open file, which keeper and supervisor share: it is free only when both are gone.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(0.1)


def hold_data(places: Places) -> int:
    """Take the data folder or say who has it. An instance that is ending gets a moment to finish."""
    found = running(places)
    handle = take_lock(places.lock, patience=0.5 if found and found.phase != "stopping" else 20)
    if handle is not None:
        return handle
    found = running(places)
    where = f" at {found.url}" if found and found.url else ""
    who = f" (process {found.keeper.pid})" if found else ""
    raise EmbeddedError(
        f"Annotary is already running on {places.data}{where}{who}: stop it with 'python3 manage.py stop', "
        "or choose another folder with --data."
    )
