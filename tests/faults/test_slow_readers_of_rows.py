"""Clients that do not read the file that they asked for hold neither threads of the web server nor a snapshot."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import python_path

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
THREADS, READERS, ROWS = 3, 6, 20_000
#: Half of the time after which nginx gives up on a client that reads nothing (`send_timeout`): that frees a thread too.
PATIENCE = 30.0
#: A project with one answer of many revisions, of about a kilobyte each: more than the kernel buffers for a socket.
FILL = f"""
import django
django.setup()
from tasks.annotation.models import Annotation
from tests import factories
from tests.api.people import member, with_key
from accounts.services import create_token
project = factories.a_project(tools=["box"], workers=[factories.finch()])
body = factories.box_answer(*((1, 10 * n, 10, 9, 9) for n in range(9)))
answer = factories.an_answer(factories.a_task(project), factories.finch(), body)
names = "project_id assignment_id task_id actor_id source schema_id body body_sha256 raw_sha256".split()
common = {{name: getattr(answer, name) for name in names}} | {{"is_current": False, "created_at": answer.created_at}}
revisions = (Annotation(**common, revision=number) for number in range(2, {ROWS} + 1))
Annotation.objects.bulk_create(revisions, batch_size=1000)
owner = factories.ada()
_, key = create_token(actor=owner, organisation=project.organisation, name="reader", scopes=["read"])
print(project.public_id, key)
"""
OPEN_CURSORS = """
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE '%_django_curs_%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANNOTARY_WEB_THREADS", str(THREADS))
    # Longer than the test waits, so that it is not the database that frees a thread.
    monkeypatch.setenv("ANNOTARY_IDLE_TRANSACTION_SECONDS", "600")
    with instance.start(data=tmp_path / "data") as started:
        yield started


def fill(running: Running) -> tuple[str, str]:
    """The path of the file, and a key for it."""
    environment = {**os.environ, **running.environment, "PYTHONPATH": python_path()}
    done = subprocess.run([sys.executable, "-c", FILL], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    project, key = done.stdout.split()
    return f"/api/v1/projects/{project}/answers.jsonl?revisions=all", key


def begin(running: Running, path: str, key: str) -> socket.socket:
    """Request the file, and read its first bytes alone."""
    url = httpx.URL(running.url)
    reader = socket.socket()
    reader.settimeout(PATIENCE)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it connects, or the kernel takes megabytes
    reader.connect((url.host, url.port or 80))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    assert reader.recv(12) == b"HTTP/1.1 200"
    return reader


def open_cursors(running: Running) -> int:
    with psycopg.connect(running.environment["DATABASE_URL"]) as connection:
        row = connection.execute(OPEN_CURSORS).fetchone()
    assert row is not None
    return int(row[0])


def test_more_readers_than_threads_hold_none(running: Running) -> None:
    path, key = fill(running)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=PATIENCE) as client, ExitStack() as readers:
        for _ in range(READERS):
            readers.enter_context(begin(running, path, key))
        assert client.get("/api/v1/me/").status_code == 200
        deadline = time.monotonic() + PATIENCE
        while open_cursors(running):
            assert time.monotonic() < deadline, "a reader that does not read holds a thread and a snapshot"
            time.sleep(0.2)
        content = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert content.headers["Content-Encoding"] == "gzip"
    assert len(content.text.splitlines()) == ROWS
