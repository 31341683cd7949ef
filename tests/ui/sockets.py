"""Real websockets: uvicorn with the site's ASGI application in a thread, and a client that connects to it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import uvicorn
from django.conf import settings
from django.db import connection
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from kernel.models import Event
from kernel.relay import Relay
from tests.ui.live import session_of

PATIENCE = 15.0


@contextmanager
def socket_server() -> Iterator[int]:
    """Run the server and yield its port; its threads share this process's settings and database."""
    from annotary.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_level="warning", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()


@contextmanager
def opened(
    port: int, project: UUID, user: User | None, *, origin: str = "http://127.0.0.1", session: str | None = None
) -> Iterator[ClientConnection]:
    """Open a socket as this person's browser would, on a page of `origin`, in this session or a new one."""
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session or session_of(user)}"} if user else {}
    with connect(
        f"ws://127.0.0.1:{port}/ws/projects/{project}/",
        origin=Origin(origin),
        additional_headers=headers,
        open_timeout=PATIENCE,
    ) as client:
        yield client


@contextmanager
def events_opened(port: int, project: UUID, key: str = "", query: str = "") -> Iterator[ClientConnection]:
    """Open the websocket of events as a program does, with an API key and without an origin."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"ws://127.0.0.1:{port}/ws/projects/{project}/events/{query}"
    with connect(url, additional_headers=headers, open_timeout=PATIENCE) as client:
        yield client


@contextmanager
def relayed(record: Callable[[], object], every: float = 0.0) -> Iterator[None]:
    """Record and relay events in a thread, without a pause or with one."""
    stop = threading.Event()

    def flow() -> None:
        relay = Relay()
        while not stop.is_set():
            record()
            relay.step()
            time.sleep(every)
        connection.close()

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)


def message(client: ClientConnection) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE))
    return payload


def events_of(*deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for delta in deltas for event in delta["events"]]


def relay_once() -> None:
    """Send what is new, in a separate thread, because a browser's event loop may be running in this one."""

    def step() -> None:
        relay = Relay()
        try:
            relay.step()
            while Event.objects.filter(number__isnull=True).exists():  # not due yet
                relay.step()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(step).result(PATIENCE)
