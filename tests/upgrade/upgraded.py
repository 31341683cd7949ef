"""The old installation under the code of this checkout: started by its own command, asked over HTTP and by SQL."""

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
# What the tests' own stores put into the environment, and what would lead `up` to other data.
CHOSEN = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
# `up` ends when this pipe closes, so that a test run that is killed leaves nothing behind.
LIFELINE = "ANNOTARY_LIFELINE_FD"
# Jobs that were cut off or wait for a sweep take half a minute on an idle machine.
PATIENCE, LEAST_PATIENCE = 180.0, 30.0
API = "/api/v1"
Json = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in CHOSEN} | more


def manage(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """A command of this checkout, run to its end."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=environment(), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def eventually(true: Callable[[], bool], *, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@dataclass(frozen=True)
class Upgraded:
    """The running installation, and what the old code had written down of it."""

    data: Path
    url: str
    expected: Json
    since: float

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    @property
    def database(self) -> str:
        return f"postgresql://annotary@/annotary?host={self.data / 'run'}"

    def value(self, query: str, *values: Any) -> Any:
        return self.sql(query, *values)[0][0]

    def unfinished(self, jobs: Sequence[int]) -> dict[int, str]:
        """Of these jobs those that are not done: {id: kind, state and error}."""
        told = "SELECT id, kind, state, attempts, error FROM kernel_job WHERE id = ANY(%s) AND state <> 'done'"
        return {row[0]: " ".join(map(str, row[1:])) for row in self.sql(told, list(jobs))}

    def eventually(self, true: Callable[[], bool]) -> bool:
        """Whether it comes true. All tests share the time that the work takes, so that a failure costs it only once."""
        left = self.since + PATIENCE - time.monotonic()
        return eventually(true, patience=max(left, LEAST_PATIENCE))

    def wait_for(self, jobs: Sequence[int]) -> dict[int, str]:
        """Wait until these jobs are done; returns those that are not."""
        self.eventually(lambda: not self.unfinished(jobs))
        return self.unfinished(jobs)

    def messages(self) -> int:
        """How many messages nobody has taken yet, in the queue that the old code wrote to."""
        with redis.Redis(unix_socket_path=str(self.data / "run" / "valkey.sock")) as client:
            return int(cast(int, client.llen("celery")))

    def manager(self) -> httpx.Client:
        return self.client(self.expected["manager_key"])

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def browser(self, cookies: Mapping[str, str]) -> httpx.Client:
        """A browser that was signed in before the upgrade."""
        headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": f"{self.url}/"}
        return httpx.Client(base_url=self.url, headers=headers, cookies=dict(cookies), timeout=30)

    def reaches(self, path: str, state: str) -> Json:
        """Ask the API until the thing has this state; returns it as it was last."""
        found: Json = {}

        def is_there() -> bool:
            response = client.get(API + path)
            found.clear()
            found.update(response.raise_for_status().json())
            return bool(found["state"] in {state, "failed"})

        with self.manager() as client:
            self.eventually(is_there)
        return found

    def download(self, export: str) -> bytes:
        with self.manager() as client:
            return client.get(f"{API}/exports/{export}/download").raise_for_status().content

    def log(self) -> str:
        """All that the parts have written."""
        return "\n".join(file.read_text(errors="replace") for file in sorted((self.data / "logs").iterdir()))


@contextmanager
def up(data: Path, expected: Json) -> Iterator[Upgraded]:
    """`manage.py up` on this data for the length of the block."""
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
        yield Upgraded(data, _await_health(process, data), expected, time.monotonic())
    finally:
        os.close(writer)
        process.terminate()
        process.communicate(timeout=60)


def _await_health(process: "subprocess.Popen[str]", data: Path) -> str:
    """The address, once it answers."""

    def answers() -> bool:
        if process.poll() is not None:
            said = process.stderr.read() if process.stderr else ""
            raise AssertionError(f"'up' ended with {process.returncode}: {said}")
        done = manage("status", "--json", "--data", str(data))
        told.update(json.loads(done.stdout or "{}"))
        return done.returncode == 0

    told: Json = {}
    assert eventually(answers, patience=PATIENCE), f"the old data did not start: {told}"
    return str(told["url"])


def files_of(archive: bytes) -> dict[str, str]:
    """{name: SHA-256} of the files in a release."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return {name: hashlib.sha256(source.read(name)).hexdigest() for name in source.namelist()}


def numbers_in(value: Any) -> list[float]:
    """Every number in a JSON value, sorted: what was learnt, whatever its fields are called."""
    if isinstance(value, Mapping):
        return sorted(number for each in value.values() for number in numbers_in(each))
    if isinstance(value, list):
        return sorted(number for each in value for number in numbers_in(each))
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []
