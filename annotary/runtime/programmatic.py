"""Starting Annotary from a program: the demonstration, benchmarks and fault tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotary.runtime import state
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.launcher import LIFELINE_VARIABLE
from annotary.runtime.paths import Places
from annotary.runtime.source_roots import ROOT
from annotary.runtime.state import State


@dataclass(frozen=True)
class Running:
    """A started installation. `environment` is what Django needs to join it (`os.environ.update`)."""

    url: str
    ws_url: str
    data: Path
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    def state(self) -> State:
        """The present parts and their process ids."""
        found = state.running(Places(self.data))
        if found is None:
            raise EmbeddedError("Annotary has ended.")
        return found


@contextmanager
def start(
    *, data: Path, port: int = 0, host: str = "127.0.0.1", quiet: bool = True, patience: float = 120.0
) -> Iterator[Running]:
    """Run `manage.py up` for the length of the block; it also ends when this program is killed.

    Port 0 takes any free one. Raises EmbeddedError with the sentence that `up` printed when it does not start.
    """
    reader, writer = os.pipe()
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--host", host, "--port", str(port)]
    process = subprocess.Popen(
        [*command, *(["--quiet"] if quiet else [])],
        env={**os.environ, LIFELINE_VARIABLE: str(reader)},
        pass_fds=[reader],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is for this program, which ends the other in order.
        start_new_session=True,
    )
    os.close(reader)
    try:
        found = _await_ready(process, Places(data.resolve()), patience)
        from annotary.runtime import secrets

        environment = {**found.environment, **secrets.load_or_create(data.resolve() / "secrets.json")}
        yield Running(found.url, found.ws_url, data.resolve(), environment, process)
    finally:
        os.close(writer)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _await_ready(process: "subprocess.Popen[str]", places: Places, patience: float) -> State:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.stderr.read().strip() if process.stderr is not None else ""
            raise EmbeddedError(said or f"'up' ended with code {process.returncode}.")
        found = state.running(places)
        if found is not None and found.phase == "ready" and found.keeper.pid == process.pid:
            return found
        time.sleep(0.05)
    raise EmbeddedError(f"Annotary was not ready within {patience:.0f} seconds; its logs are in {places.logs}.")
