"""Valkey or PostgreSQL stops responding without going away, as on a host that hangs. Nothing waits for it forever."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

from tests.faults.up_process import Client, UpProcess, eventually

pytestmark = pytest.mark.slow
PROBES = 20


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    """One installation for all tests, since a first start takes long."""
    created = UpProcess(tmp_path_factory.mktemp("stalled") / "data")
    created.start_and_wait()
    yield created
    created.close()


def probe(up: UpProcess) -> tuple[int, float]:
    """Return the status of /readyz and how many seconds it took."""
    started = time.monotonic()
    return up.readiness(timeout=30), time.monotonic() - started


def probes(up: UpProcess, count: int = PROBES) -> list[tuple[int, float]]:
    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(probe, up) for _ in range(count)]]


def events_without_number(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM kernel_event WHERE number IS NULL").fetchone()
    return -1 if row is None else int(row[0])


def unfinished_jobs(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM kernel_job WHERE state <> 'done'").fetchone()
    return -1 if row is None else int(row[0])


@contextmanager
def open_console(up: UpProcess, project: str) -> Iterator[ClientConnection]:
    """Open the live page's websocket as the manager."""
    session = up.run(
        "import django; django.setup()\n"
        "from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY\n"
        "from accounts.models import User\n"
        "from annotary.sessions import SessionStore\n"
        "from annotary.demo.accounts import EMAIL\n"
        "user, session = User.objects.get(email=EMAIL), SessionStore()\n"
        "session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()\n"
        "session[BACKEND_SESSION_KEY] = 'allauth.account.auth_backends.AuthenticationBackend'\n"
        "session.create()\n"
        "print(session.session_key)"
    ).strip()
    site = up.state().ws_url or f":{up.port}"
    address = f"ws://127.0.0.1{site}/ws/projects/{project}/"
    headers = {"Cookie": f"sessionid={session}"}
    with connect(address, origin=Origin(up.url), additional_headers=headers, open_timeout=30) as client:
        yield client


def record_work(up: UpProcess) -> None:
    """Write what a request leaves to the relay: an event, and a job with its message."""
    up.run(
        "import django; django.setup()\n"
        "from kernel.events import record_event\n"
        "from kernel.jobs import enqueue\n"
        "from projects.models import Project\n"
        "from tasks.consensus.refit import UPDATE_LABELS, TaskIds\n"
        "record_event(project_id=Project.objects.first().pk, kind='answer.submitted', submitted=1)\n"
        "enqueue(UPDATE_LABELS, TaskIds([]))\n"
    )


def work_while_valkey_is_stalled(up: UpProcess, client: Client) -> None:
    answers = probes(up)
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 2.0, answers
    assert httpx.get(f"{up.url}/healthz", timeout=2).status_code == 200
    assert [client.write() for _ in range(10)] == [201] * 10
    assert httpx.get(f"{up.url}/account/login/", timeout=10).status_code == 200
    database = up.environment()["DATABASE_URL"]
    for _ in range(2):
        record_work(up)
        assert eventually(lambda: events_without_number(database) == 0, timeout=30), "the relay hangs"


def test_while_valkey_stalls_the_site_works_and_afterward_everything_catches_up(up: UpProcess) -> None:
    client = up.client()
    database = up.environment()["DATABASE_URL"]
    assert eventually(lambda: up.readiness() == 200)
    with open_console(up, client.project["id"]) as console:
        assert json.loads(console.recv(timeout=30))["type"] == "snapshot"
        with up.stalled("valkey"):
            work_while_valkey_is_stalled(up, client)
        assert eventually(lambda: up.readiness() == 200, timeout=20)
        assert eventually(lambda: unfinished_jobs(database) == 0), "jobs were not run afterward"
        # Both events happened while nothing could reach the console.
        while json.loads(console.recv(timeout=30))["number"] < 2:
            pass


def test_while_postgresql_stalls_readiness_responds_and_afterward_everything_works(up: UpProcess) -> None:
    client = up.client()
    assert eventually(lambda: up.readiness() == 200)
    with up.stalled("postgres"):
        answers = probes(up)
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 2.0, answers
        assert httpx.get(f"{up.url}/healthz", timeout=2).status_code == 200
        with ThreadPoolExecutor(PROBES) as pool:
            started = time.monotonic()
            writes = [pool.submit(client.write) for _ in range(PROBES)]
            time.sleep(0.5)  # until they hold every thread of the web server
            status, seconds = probe(up)
            assert (status, seconds < 2.5) == (503, True), (status, seconds)
            statuses = [one.result() for one in writes]
        assert 201 not in statuses
        assert time.monotonic() - started < 25, "requests wait for a database that does not respond"
        with up.stalled("valkey"):
            status, seconds = probe(up)
            assert (status, seconds < 2.0) == (503, True)
    assert eventually(lambda: up.readiness() == 200, timeout=20)
    assert client.write() == 201
