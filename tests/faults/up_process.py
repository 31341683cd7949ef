"""`manage.py up` for the fault tests: started on a data folder, cut off like a machine that loses power, stalled."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from annotary.runtime import linux_processes, secrets, state
from annotary.runtime.launcher import LIFELINE_VARIABLE
from annotary.runtime.paths import DataPaths
from annotary.runtime.source_roots import ROOT, python_path
from annotary.runtime.state import State

CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
MAKE_MANAGER = """
import json, os
from annotary.demo.accounts import make_manager
print(json.dumps(make_manager(os.environ).key))
"""
PROJECT = {
    "name": "Faults",
    "classes": [{"name": "cat"}, {"name": "dog"}],
    "tools": ["class"],
}


def eventually(condition: Callable[[], bool], *, timeout: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


class UpProcess:
    """One installation, which a test starts again and again on the same data and port."""

    def __init__(self, data: Path) -> None:
        self.paths = DataPaths(data.resolve())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.output = data.with_name(f"{data.name}.out")
        self._lifeline = -1
        self._clients: list[Client] = []

    def start(self) -> None:
        reader, self._lifeline = os.pipe()
        variables = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_TESTS}
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(self.paths.data)]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=variables | {LIFELINE_VARIABLE: str(reader)},
                pass_fds=[reader],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        os.close(reader)

    def start_and_wait(self, *, timeout: float = 240.0) -> None:
        """Start it and return when it is ready. One start must be enough."""
        self.start()
        assert eventually(lambda: self.is_ready() or self.exit_code() is not None, timeout=timeout), self.printed()
        assert self.exit_code() is None, self.printed()

    def exit_code(self) -> int | None:
        assert self.process is not None
        return self.process.poll()

    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def state(self) -> State:
        current = state.running(self.paths)
        assert current is not None, self.printed()
        return current

    def is_ready(self) -> bool:
        current = state.running(self.paths)
        mine = self.process is not None and current is not None and current.keeper.pid == self.process.pid
        return mine and current is not None and current.phase == "ready"

    def readiness(self, timeout: float = 10.0) -> int:
        """Return the status of /readyz; 0 if there is no response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def environment(self) -> dict[str, str]:
        return {**self.state().environment, **secrets.load_or_create(self.paths.data / "secrets.json")}

    def manager_key(self) -> str:
        return str(json.loads(self.run(MAKE_MANAGER)))

    def run(self, program: str) -> str:
        """Run a Python program with the installation's environment and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **self.environment(), "PYTHONPATH": python_path()},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def client(self) -> "Client":
        """Return a manager's client, which is closed with the installation."""
        self._clients.append(Client(self.url, self.manager_key()))
        return self._clients[-1]

    def processes_of(self, service: str) -> list[int]:
        """Return the ids of a service's processes, the service itself first."""
        main = self.state().children[service].pid
        return [main, *linux_processes.descendants(main)]

    @contextmanager
    def stalled(self, *services: str) -> Iterator[None]:
        """Stop every process of these services for the duration of the block, as a host that hangs does."""
        pids = [pid for service in services for pid in self.processes_of(service)]
        send(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            send(pids, signal.SIGCONT)

    def cut_power(self) -> None:
        """Kill every process of the installation at once, those that would react first."""
        assert self.process is not None
        send([self.process.pid, *linux_processes.descendants(self.process.pid)], signal.SIGKILL)
        self.process.wait(30)
        os.close(self._lifeline)
        self.process = None

    def close(self) -> None:
        """Stop it in order, if it runs."""
        for client in self._clients:
            client.http.close()
        if self.process is not None:
            os.close(self._lifeline)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            self.process.kill()
            self.process.wait(30)
            self.process = None


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Client:
    """A manager who writes small rows; `acknowledged` holds the ids of those that the server confirmed."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30)
        created = self.http.post("/projects/", json=PROJECT)
        assert created.status_code == 201, created.text
        self.project: dict[str, Any] = created.json()
        self.acknowledged: list[str] = []

    def write(self) -> int:
        """Create one invitation and return the status; 0 if there is no response."""
        try:
            body = {"role": "worker", "max_uses": 1}
            response = self.http.post(f"/projects/{self.project['id']}/invitations/", json=body)
        except httpx.TransportError:
            return 0
        if response.status_code == 201:
            self.acknowledged.append(response.json()["id"])
        return response.status_code
