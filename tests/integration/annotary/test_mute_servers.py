"""Servers that accept connections and never answer: every client of the settings gives up, and readiness says so."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from annotary.runtime.source_roots import python_path

# Longer than any deadline, and shorter than what the libraries wait by themselves.
GIVES_UP_WITHIN = 100
PROGRAMS = {
    "cache": "from django.core.cache import cache\nassert cache.get('a') is None\nraise TimeoutError",
    "broker": "from celery import current_app\ncurrent_app.send_task('a', args=[1], ignore_result=True, retry=False)",
    "channel layer": """
import asyncio
from kernel.relay import _group_send
asyncio.run(_group_send("a", {"type": "b"}))""",
    "socket that joins and leaves": """
import asyncio
from channels.layers import get_channel_layer
async def join_and_leave():
    layer = get_channel_layer()
    layer._get_layer().channels["a"] = asyncio.Queue()
    try:
        await layer.group_add("group", "a")
    finally:
        await layer.group_discard("group", "a")
asyncio.run(join_and_leave())""",
    "database": "from django.db import connection\nconnection.ensure_connection()",
    "pool": "from django.db import connection\nconnection.ensure_connection()",
    "storage": "from storage.backends import exists\nexists('blobs/aa/' + 'a' * 64)",
    "mail": """
from django.core.mail import get_connection, send_mail
smtp = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=int(os.environ["MUTE"]))
send_mail("a", "b", "c@example.org", ["d@example.org"], connection=smtp)""",
}
READY = """
import time
from django.test import Client
Client().get("/healthz", headers={"host": "localhost"})  # loads the site
seconds = []
for _ in range(3):
    started = time.monotonic()
    response = Client().get("/readyz", headers={"host": "localhost"})
    seconds.append(time.monotonic() - started)
    assert response.status_code == 503, response.content
    assert all(response.json()[name] != "ok" for name in ("database", "broker", "storage")), response.content
assert max(seconds) < 2, seconds
assert Client().get("/healthz", headers={"host": "localhost"}).status_code == 200
"""


@pytest.fixture(scope="module")
def mute() -> Iterator[int]:
    """The port of a server whose kernel accepts connections that nobody ever reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield server.getsockname()[1]


def run(program: str, mute: int, **variables: str) -> "subprocess.CompletedProcess[str]":
    addresses = {
        "DATABASE_URL": f"postgresql://annotary@127.0.0.1:{mute}/annotary",
        "REDIS_URL": f"redis://127.0.0.1:{mute}/0",
        "STORAGE_URL": f"s3://bucket/files?endpoint_url=http://127.0.0.1:{mute}&region_name=us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "MUTE": str(mute),
        "DJANGO_SETTINGS_MODULE": "annotary.settings.embedded",
        "PYTHONPATH": python_path(),
    }
    kept = {name: value for name, value in os.environ.items() if name != "CELERY_BROKER_URL"}
    return subprocess.run(
        [sys.executable, "-c", f"import django, os; django.setup()\n{program}"],
        env=kept | addresses | variables,
        capture_output=True,
        text=True,
        timeout=GIVES_UP_WITHIN,
        check=False,
    )


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_client_gives_up(client: str, mute: int) -> None:
    done = run(PROGRAMS[client], mute, **({"ANNOTARY_DB_POOL": "1"} if client == "pool" else {}))
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1].lower()
    # The storage's own error says that it is away; the one below it says why.
    reason = done.stderr.lower() if client == "storage" else last
    assert "timeout" in reason or "timed out" in reason or "couldn't get a connection after" in reason, done.stderr


def test_readiness_responds_within_two_seconds_while_everything_is_mute(mute: int) -> None:
    done = run(READY, mute)
    assert done.returncode == 0, done.stderr
