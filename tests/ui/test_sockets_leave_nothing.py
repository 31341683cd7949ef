"""Sockets that close or drop while events flow leave no subscription in Valkey and no queue in the process."""

import asyncio
import random
import socket
import struct
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer
from django.conf import settings
from websockets.asyncio.client import connect

from accounts.services import create_token
from kernel.events import record_event
from projects.models import Project
from tests import factories
from tests.ui.live import session_of
from tests.ui.sockets import message, opened, relayed, socket_server
from workers_ui.consumers import feeds

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0
AT_ONCE = 25


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


def traffic(project: Project) -> AbstractContextManager[None]:
    return relayed(lambda: record_event(project_id=project.pk, kind="answer.submitted", submitted=1))


def channels_in_valkey() -> list[bytes]:
    prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return list(client.pubsub_channels(f"{prefix}*"))


def queues_in_process() -> int:
    layer = get_channel_layer()
    assert layer is not None
    in_layer = sum(len(each.channels) + len(each.groups) for each in layer._layers.values())
    return in_layer + sum(len(each._feeds) for each in feeds._feeds.values())


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


async def open_and_leave(port: int, path: str, headers: dict[str, str], way: str) -> None:
    url, host = f"ws://127.0.0.1:{port}{path}", "http://127.0.0.1"
    if way == "mid-connect":
        plain = socket.create_connection(("127.0.0.1", port))
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {host}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        plain.sendall(request.encode())
        await asyncio.sleep(random.random() * 0.05)
        reset(plain)
        return
    client = await connect(url, origin=host, additional_headers=headers, open_timeout=PATIENCE)  # type: ignore[arg-type]
    await client.recv()
    await client.recv()
    if way == "close":
        await client.close()
    else:
        client.transport.abort()


async def leave_in_every_way(port: int, path: str, headers: dict[str, str], count: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await open_and_leave(port, path, headers, ("close", "drop", "mid-connect")[number % 3])

    await asyncio.gather(*[one(number) for number in range(count)])


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run in a thread: Playwright's tests in the same process leave a running event loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def leave_under_traffic(project: Project, path: str, headers: dict[str, str], count: int) -> None:
    with socket_server() as port, traffic(project):
        run(leave_in_every_way(port, path, headers, count))
        wait_until_nothing_is_left()


@pytest.mark.slow
def test_consoles_that_close_or_drop_under_traffic_leave_nothing(
    project: Project, request: pytest.FixtureRequest
) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(factories.ada().user)}"
    path = f"/ws/projects/{project.public_id}/"
    leave_under_traffic(project, path, {"Cookie": cookie}, request.config.getoption("--dropped-sockets"))


@pytest.mark.slow
def test_programs_that_close_or_drop_under_traffic_leave_nothing(
    project: Project, request: pytest.FixtureRequest
) -> None:
    ada = factories.ada()
    _, key = create_token(actor=ada, organisation=project.organisation, name="reader", scopes=["read"])
    path = f"/ws/projects/{project.public_id}/events/?after=0"
    headers = {"Authorization": f"Bearer {key}"}
    leave_under_traffic(project, path, headers, request.config.getoption("--dropped-sockets"))


def test_all_sockets_of_a_project_share_one_subscription(project: Project) -> None:
    ada = factories.ada()
    with socket_server() as port, ExitStack() as open_sockets:
        for _ in range(5):
            client = open_sockets.enter_context(opened(port, project.public_id, ada.user))
            assert message(client)["type"] == "snapshot"
        assert len(channels_in_valkey()) == 1
        layer = get_channel_layer()
        assert layer is not None
        assert sum(len(each.channels) for each in layer._layers.values()) == 1
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
