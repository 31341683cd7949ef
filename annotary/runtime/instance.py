"""Starts Annotary from another program: the demo, the benchmarks, the fault tests."""

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
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import ROOT
from annotary.runtime.state import State


@dataclass(frozen=True)
class Running:
    """A running installation. `environment` holds the variables that Django needs to use it (`os.environ.update`)."""

    url: str
    ws_url: str
    data: Path
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    def state(self) -> State:
        """Return the current state, with the ids of all processes."""
        current = state.running(DataPaths(self.data))
        if current is None:
            raise EmbeddedError("Annotary is no longer running.")
        return current


@contextmanager
def start(
    *, data: Path, port: int = 0, host: str = "127.0.0.1", quiet: bool = True, timeout: float = 120.0
) -> Iterator[Running]:
    """Run `manage.py up` for the duration of the block; it also ends if this program is killed.

    Port 0 picks a free port. Raises EmbeddedError with the message that `up` printed if it does not start.
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
        # Ctrl-C reaches only this program, which then stops the installation in order.
        start_new_session=True,
    )
    os.close(reader)
    try:
        ready = _await_ready(process, DataPaths(data.resolve()), timeout)
        from annotary.runtime import secrets

        environment = {**ready.environment, **secrets.load_or_create(data.resolve() / "secrets.json")}
        yield Running(ready.url, ready.ws_url, data.resolve(), environment, process)
    finally:
        os.close(writer)
        _terminate(process)


def _terminate(process: subprocess.Popen[str]) -> None:
    """End the process and wait for it; kill it if it has not ended after a minute."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _await_ready(process: "subprocess.Popen[str]", paths: DataPaths, timeout: float) -> State:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            message = process.stderr.read().strip() if process.stderr is not None else ""
            raise EmbeddedError(message or f"'up' exited with code {process.returncode}.")
        current = state.running(paths)
        if current is not None and current.phase == "ready" and current.keeper.pid == process.pid:
            return current
        time.sleep(0.05)
    raise EmbeddedError(f"Annotary was not ready within {timeout:.0f} seconds. Its logs are in {paths.logs}.")
