"""Run the old installation with the code of this checkout, and query it over HTTP and SQL."""

import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile  # noqa: TID251 - reads releases of our own
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
import redis

ROOT = Path(__file__).resolve().parents[2]
# Variables that the tests set for their own database and Valkey, or that would make `up` use other data.
UNSET_VARIABLES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
# `up` exits when this pipe closes, so a test run that is killed leaves no processes behind.
LIFELINE = "ANNOTARY_LIFELINE_FD"
# Jobs that were interrupted or that wait for a sweep take half a minute on an idle machine.
TIMEOUT, MIN_TIMEOUT = 180.0, 30.0
API = "/api/v1"
Json = dict[str, Any]


def environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNSET_VARIABLES} | extra


def manage(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a command of this checkout's `manage.py` and wait until it exits."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=environment(), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def eventually(condition: Callable[[], bool], *, timeout: float) -> bool:
    """Poll until the condition holds; returns False if it does not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@dataclass(frozen=True)
class Upgraded:
    """The running installation, with the results that the old code recorded; `started` is on the monotonic clock."""

    data: Path
    url: str
    expected: Json
    started: float

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    @property
    def database(self) -> str:
        return f"postgresql://annotary@/annotary?host={self.data / 'run'}"

    def value(self, query: str, *values: Any) -> Any:
        return self.sql(query, *values)[0][0]

    def unfinished_jobs(self, jobs: Sequence[int]) -> dict[int, str]:
        """Return those of the jobs that are not done, as {id: kind, state, attempts and error}."""
        query = "SELECT id, kind, state, attempts, error FROM kernel_job WHERE id = ANY(%s) AND state <> 'done'"
        return {row[0]: " ".join(map(str, row[1:])) for row in self.sql(query, list(jobs))}

    def eventually(self, condition: Callable[[], bool]) -> bool:
        """Poll until the condition holds; returns False if it does not.

        The timeout counts from the start of `up` and is shared by all tests, so that failures cost the full wait only
        once.
        """
        left = self.started + TIMEOUT - time.monotonic()
        return eventually(condition, timeout=max(left, MIN_TIMEOUT))

    def wait_for_jobs(self, jobs: Sequence[int]) -> dict[int, str]:
        """Wait until these jobs are done; returns those that are not."""
        self.eventually(lambda: not self.unfinished_jobs(jobs))
        return self.unfinished_jobs(jobs)

    def queued_messages(self) -> int:
        """Return the number of messages in the queue that the old code wrote to."""
        with redis.Redis(unix_socket_path=str(self.data / "run" / "valkey.sock")) as client:
            return int(cast(int, client.llen("celery")))

    def manager(self) -> httpx.Client:
        return self.client(self.expected["manager_key"])

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def browser(self, cookies: Mapping[str, str]) -> httpx.Client:
        """Return a client with the session of a browser that signed in before the upgrade."""
        headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": f"{self.url}/"}
        return httpx.Client(base_url=self.url, headers=headers, cookies=dict(cookies), timeout=30)

    def wait_for_state(self, path: str, state: str) -> Json:
        """Poll the API until the object is in this state or has failed; returns the last response."""
        body: Json = {}

        def is_finished() -> bool:
            response = client.get(API + path)
            body.clear()
            body.update(response.raise_for_status().json())
            return bool(body["state"] in {state, "failed"})

        with self.manager() as client:
            self.eventually(is_finished)
        return body

    def download(self, export: str) -> bytes:
        with self.manager() as client:
            return client.get(f"{API}/exports/{export}/download").raise_for_status().content

    def logs(self) -> str:
        """Return everything that the processes have logged."""
        return "\n".join(file.read_text(errors="replace") for file in sorted((self.data / "logs").iterdir()))


@contextmanager
def up(data: Path, expected: Json) -> Iterator[Upgraded]:
    """Run `manage.py up` on this data folder for the duration of the block."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--port", "0", "--quiet"],
        env=environment(**{LIFELINE: str(reader)}),
        pass_fds=[reader],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(reader)
    try:
        yield Upgraded(data, _wait_for_url(process, data), expected, time.monotonic())
    finally:
        os.close(writer)
        process.terminate()
        process.communicate(timeout=60)


def _wait_for_url(process: "subprocess.Popen[str]", data: Path) -> str:
    """Wait until the installation is healthy; returns its URL."""

    def is_healthy() -> bool:
        if process.poll() is not None:
            errors = process.stderr.read() if process.stderr else ""
            raise AssertionError(f"'up' exited with {process.returncode}: {errors}")
        finished = manage("status", "--json", "--data", str(data))
        status.update(json.loads(finished.stdout or "{}"))
        return finished.returncode == 0

    status: Json = {}
    assert eventually(is_healthy, timeout=TIMEOUT), f"'up' did not start on the old data: {status}"
    return str(status["url"])


def file_hashes(archive: bytes) -> dict[str, str]:
    """Return {name: SHA-256} for the files in an exported release."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return {name: hashlib.sha256(source.read(name)).hexdigest() for name in source.namelist()}


def numbers_in(value: Any) -> list[float]:
    """Return every number in a JSON value, sorted, to compare fitted parameters whatever their fields are called."""
    if isinstance(value, Mapping):
        return sorted(number for item in value.values() for number in numbers_in(item))
    if isinstance(value, list):
        return sorted(number for item in value for number in numbers_in(item))
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []
