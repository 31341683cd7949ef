"""The whole installation through its commands: up, status, a second up, a dead service, stop, kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from annotary.runtime import instance, linux_processes
from annotary.runtime.linux_processes import Identity
from annotary.runtime.source_roots import ROOT

pytestmark = pytest.mark.slow
WORKERS = {"worker", "worker-import", "worker-export", "worker-heavy"}
PARTS = {"postgres", "valkey", "front", "web", "websockets", *WORKERS, "beat", "relay"}
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all tests, since creating a database takes seconds."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(autouse=True)
def own_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)


def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def status(data: Path) -> dict[str, object]:
    body: dict[str, object] = json.loads(manage("status", "--json", "--data", str(data)).stdout)
    return body


def eventually(condition: Callable[[], bool], *, timeout: float = 30.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def tree(root: int) -> list[Identity]:
    return [process for pid in [root, *linux_processes.descendants(root)] if (process := Identity.from_pid(pid))]


def test_up_runs_every_service_restarts_a_dead_one_refuses_a_second_start_and_stops(data: Path) -> None:
    with instance.start(data=data) as running:
        report = status(data)
        assert report["answering"] is True
        parts = report["parts"]
        assert isinstance(parts, dict)
        assert set(parts) == PARTS

        second = manage("up", "--data", str(data), "--port", "0")
        assert second.returncode == 1
        assert f"already running on {data} at {running.url}" in second.stderr

        os.kill(parts["web"], signal.SIGKILL)
        assert eventually(
            lambda: status(data)["answering"] is True and running.state().children["web"].pid != parts["web"],
            timeout=90.0,
        )

        identities = tree(running.process.pid)
        stopped = manage("stop", "--data", str(data))
        assert stopped.stdout == "Stopped.\n"
        assert running.process.wait(5) == 0
    assert not any(process.alive() for process in identities)
    assert status(data) == {"running": False}


def test_killing_up_leaves_no_process_and_the_next_start_works_on_the_same_data(data: Path) -> None:
    with instance.start(data=data) as running:
        identities = tree(running.process.pid)
        # There are grandchildren too: prefork children of the job worker, backends of the database.
        assert len(identities) > len(PARTS) + 6
        running.process.kill()
        assert eventually(lambda: not any(process.alive() for process in identities))
    leftover = data / "spool" / "half.upload"
    leftover.write_bytes(b"half")
    with instance.start(data=data):
        assert status(data)["answering"] is True
        assert not leftover.exists()


def test_a_command_without_a_running_installation_says_what_to_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate"],
        env={**os.environ, "ANNOTARY_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Start Annotary first, with 'python3 manage.py up' in another terminal.")
