"""Sockets that close or drop while events flow leave no subscription in Valkey and no queue in the process."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import connect

from kernel.events import record_event
from kernel.relay import Relay
from projects.models import Project
from tests import factories
from tests.ui.live import session_of
from tests.ui.sockets import socket_server

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0
AT_ONCE = 25


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


@contextmanager
def traffic(project: Project) -> Iterator[None]:
    """Record and relay events without a pause."""
    stop = threading.Event()

    def flow() -> None:
        relay = Relay()
        while not stop.is_set():
            record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
            relay.step()
        connection.close()

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)


def channels_in_valkey() -> list[bytes]:
    prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return list(client.pubsub_channels(f"{prefix}*"))


def queues_in_process() -> int:
    layer = get_channel_layer()
    assert layer is not None
    return sum(len(each.channels) + len(each.groups) for each in layer._layers.values())


def wait_until_nothing_is_left() -> None:
    deadline = time.monotonic() + PATIENCE
    while (channels_in_valkey() or queues_in_process()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert channels_in_valkey() == []
    assert queues_in_process() == 0


def reset(sock: socket.socket) -> None:
    """End the connection by RST, without a close frame and without a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def open_and_leave(port: int, project: UUID, cookie: str, way: str) -> None:
    url, host = f"ws://127.0.0.1:{port}/ws/projects/{project}/", "http://127.0.0.1"
    if way == "mid-connect":
        plain = socket.create_connection(("127.0.0.1", port))
        plain.sendall(
            f"GET /ws/projects/{project}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {host}\r\nCookie: {cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await asyncio.sleep(random.random() * 0.05)
        reset(plain)
        return
    client = await connect(url, origin=host, additional_headers={"Cookie": cookie}, open_timeout=PATIENCE)  # type: ignore[arg-type]
    await client.recv()
    await client.recv()
    if way == "close":
        await client.close()
    else:
        client.transport.abort()


async def leave_in_every_way(port: int, project: UUID, cookie: str, count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await open_and_leave(port, project, cookie, ("close", "drop", "mid-connect")[number % 3])

    await asyncio.gather(*[one(number) for number in range(count)])


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run in a thread: Playwright's tests in the same process leave a running event loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


@pytest.mark.slow
def test_sockets_that_close_or_drop_under_traffic_leave_nothing(
    project: Project, request: pytest.FixtureRequest
) -> None:
    user = factories.ada().user
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(user)}"
    count = request.config.getoption("--dropped-sockets")
    with socket_server() as port, traffic(project):
        run(leave_in_every_way(port, project.public_id, cookie, count))
        wait_until_nothing_is_left()


def test_refused_sockets_leave_nothing(project: Project) -> None:
    async def refused(port: int) -> None:
        for path, origin in (
            ("/ws/nowhere/", "http://127.0.0.1"),
            (f"/ws/projects/{project.public_id}/", "http://x.y"),
        ):
            with pytest.raises(Exception, match="HTTP 403"):
                await connect(f"ws://127.0.0.1:{port}{path}", origin=origin)  # type: ignore[arg-type]

    with socket_server() as port:
        run(refused(port))
        wait_until_nothing_is_left()
