"""A socket whose peer does not read holds up no other one and costs no memory, and catches up when it reads again."""

import json
import socket
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from structlog.contextvars import bind_contextvars

from kernel.events import record_event
from projects.models import Project
from tests import factories
from tests.ui.live import session_of
from tests.ui.sockets import PATIENCE, message, opened, relay_once
from workers_ui.consumers import feeds
from workers_ui.consumers import project as consoles
from workers_ui.consumers.project import ConsoleSocket

pytestmark = pytest.mark.django_db(transaction=True)

#: Events of ten megabytes in all: more than the operating system and the server keep for a connection.
LARGE = "x" * 400_000
WAITING = 4
DELTAS = 25


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


def stalled(port: int, project: Project) -> socket.socket:
    """Open a console as a browser does that then reads nothing: a websocket client would read ahead."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(PATIENCE)
    plain.connect(("127.0.0.1", port))
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(factories.ada().user)}"
    plain.sendall(
        f"GET /ws/projects/{project.public_id}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1\r\n"
        f"Cookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    response = b""
    while not response.endswith(b"\r\n\r\n"):
        response += plain.recv(1)
    assert response.startswith(b"HTTP/1.1 101")
    return plain


def read_exactly(plain: socket.socket, count: int) -> bytes:
    body = bytearray()
    while len(body) < count:
        chunk = plain.recv(min(count - len(body), 65_536))
        assert chunk, "the server closed the connection"
        body += chunk
    return bytes(body)


def next_message(plain: socket.socket) -> dict[str, Any]:
    """Read a text frame (RFC 6455, section 5.2), passing over pings."""
    opcode, length = read_exactly(plain, 2)
    if length >= 126:
        length = int.from_bytes(read_exactly(plain, 2 if length == 126 else 8), "big")
    body = read_exactly(plain, length)
    return json.loads(body) if opcode & 15 == 1 else next_message(plain)


def waiting_of_sockets() -> list[int]:
    watched = [feed for each in feeds._feeds.values() for feed in each._feeds.values()]
    return [len(each._waiting) for feed in watched for each in feed.watchers if isinstance(each, ConsoleSocket)]


def test_a_console_that_does_not_read_holds_up_no_other_and_keeps_few_messages(
    port: int, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consoles, "MAX_WAITING", WAITING)
    bind_contextvars(request_id="a test")  # or each event would be logged, and they are large
    ada = factories.ada().user
    with closing(stalled(port, project)) as slow, opened(port, project.public_id, ada) as quick:
        assert message(quick)["type"] == "snapshot"
        for number in range(1, DELTAS + 1):
            record_event(project_id=project.pk, kind="answer.submitted", data={"large": LARGE}, submitted=1)
            relay_once()
            received = message(quick)
            assert (received["type"], received["number"]) == ("delta", number)
        assert 0 < max(waiting_of_sockets()) <= WAITING
        number, snapshots = 0, 0
        while number < DELTAS:
            received = next_message(slow)
            assert received["type"] == "snapshot" or received["first"] == number + 1
            number, snapshots = received["number"], snapshots + (received["type"] == "snapshot")
        assert snapshots >= 2, "it dropped what it could not send, and got the totals instead"
