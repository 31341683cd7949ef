"""The published state of a running installation: `runtime.json`, and the lock that tells whether it is current."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.files import write_private
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths

# The phase while a command has the data folder of a stopped installation for itself.
MAINTENANCE = "maintenance"


@dataclass
class State:
    """The contents of `runtime.json`. `keeper` is the launcher, which the user started; `supervisor` is its child.

    `instance` is a random id, set as ANNOTARY_INSTANCE in the environment of every service.
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
    since: float = field(default_factory=time.time)
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, paths: DataPaths) -> None:
        write_private(paths.state, json.dumps(asdict(self), indent=2) + "\n")

    def all_processes(self) -> list[Identity]:
        return [self.keeper, *([self.supervisor] if self.supervisor else []), *self.children.values()]


_FIELDS = frozenset(each.name for each in fields(State))


def read(paths: DataPaths) -> State | None:
    """Return the state that was last written, whether or not its processes still run.

    It may come from another version of Annotary, with fields that this one does not know.
    """
    try:
        raw = json.loads(paths.state.read_text())
        raw["keeper"] = Identity(**raw["keeper"])
        raw["supervisor"] = Identity(**raw["supervisor"]) if raw["supervisor"] else None
        raw["children"] = {name: Identity(**child) for name, child in raw["children"].items()}
        return State(**{name: value for name, value in raw.items() if name in _FIELDS})
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def running(paths: DataPaths) -> State | None:
    """Return the state of the installation if it is running, else None."""
    state = read(paths)
    return state if state is not None and state.keeper.alive() else None


def _acquire_lock(path: Path, *, timeout: float) -> int | None:
    """Lock the data folder and return a file descriptor, or None if another process held it for `timeout` seconds.

    The lock belongs to the open file, which launcher and supervisor share: it is released only when both are gone.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(0.1)


def lock_data(paths: DataPaths, *, unfinished: bool = False) -> int:
    """Lock the data folder; an instance that is stopping gets time to finish.

    Raises EmbeddedError if it is in use, or if a restore into it did not finish, unless it may be `unfinished`.
    """
    current = running(paths)
    handle = _acquire_lock(paths.lock, timeout=0.5 if current and current.phase != "stopping" else 20)
    if handle is not None:
        if paths.unfinished_restore.exists() and not unfinished:
            os.close(handle)
            raise EmbeddedError(f"A restore into {paths.data} was interrupted. Repeat it, or delete the folder.")
        return handle
    current = running(paths)
    if current is not None and current.phase == MAINTENANCE:
        raise EmbeddedError(
            f"A backup, a restore or an upgrade of the database is using {paths.data} (process {current.keeper.pid}). "
            "Wait until it has finished."
        )
    where = f" at {current.url}" if current and current.url else ""
    who = f" (process {current.keeper.pid})" if current else ""
    raise EmbeddedError(
        f"Annotary is already running on {paths.data}{where}{who}. Stop it with 'python3 manage.py stop', "
        "or use another data folder with --data."
    )
