"""The whole platform in separate processes, on the tests' database: pages and websockets, relay, Celery worker.

Nothing shares the test's settings or threads, so updates reach a page the same way as in production.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from annotary.runtime.source_roots import python_path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class RunningSite:
    url: str


@contextmanager
def running_platform(data: Path) -> Iterator[RunningSite]:
    """Start everything, with its files below `data`, and always stop what was started."""
    port = _free_port()
    environment = _environment(data)
    logs = data / "logs"
    logs.mkdir(parents=True)
    commands = {
        "web": ["uvicorn", "annotary.asgi:application", "--port", str(port), "--lifespan", "off"],
        "relay": ["django", "relay"],
        "worker": ["celery", "-A", "annotary.celery", "worker", "--pool", "threads", "--concurrency", "2"],
    }
    processes: list[subprocess.Popen[bytes]] = []
    files: list[IO[bytes]] = []
    try:
        for name, command in commands.items():
            files.append((logs / f"{name}.log").open("wb"))
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=ROOT,
                    env=environment,
                    stdout=files[-1],
                    stderr=subprocess.STDOUT,
                )
            )
        site = RunningSite(f"http://127.0.0.1:{port}")
        _wait(site, processes, logs)
        yield site
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for file in files:
            file.close()


def _environment(data: Path) -> dict[str, str]:
    parts = urlsplit(os.environ["DATABASE_URL"])
    test_database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    return {
        **os.environ,
        "DATABASE_URL": test_database,
        "REDIS_URL": settings.REDIS_URL,
        "ANNOTARY_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "annotary.settings.test",
        "PYTHONPATH": python_path(),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(site: RunningSite, processes: list[subprocess.Popen[bytes]], logs: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            break
        try:
            with urllib.request.urlopen(f"{site.url}/healthz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    output = "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}" for path in sorted(logs.iterdir()))
    raise AssertionError(f"The platform did not start.\n{output}")
