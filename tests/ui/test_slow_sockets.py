"""A socket whose peer does not read holds up no other one and costs no memory, and catches up when it reads again."""

import json
import socket
from collections.abc import Iterator

import pytest
from django.conf import settings
from structlog.contextvars import bind_contextvars
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

from kernel.events import record_event
from projects.models import Project
from tests import factories
from tests.ui.live import session_of
from tests.ui.sockets import PATIENCE, message, opened, relay_once, socket_server
from workers_ui.consumers import feeds
from workers_ui.consumers.project import MAX_WAITING, ConsoleSocket

pytestmark = pytest.mark.django_db(transaction=True)

#: Larger than what the operating system and the server keep for a connection.
LARGE = "x" * 500_000
DELTAS = MAX_WAITING + 15


@pytest.fixture
def port() -> Iterator[int]:
    with socket_server() as running:
        yield running


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


def stalled(port: int, project: Project) -> ClientConnection:
    """Open a console whose client reads no more than the operating system does for it."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(factories.ada().user)}"
    return connect(
        f"ws://127.0.0.1:{port}/ws/projects/{project.public_id}/",
        sock=plain,
        origin=Origin("http://127.0.0.1"),
        additional_headers={"Cookie": cookie},
        max_queue=1,
        open_timeout=PATIENCE,
    )


def waiting_of_sockets() -> list[int]:
    watched = [feed for each in feeds._feeds.values() for feed in each._feeds.values()]
    return [len(each._waiting) for feed in watched for each in feed.watchers if isinstance(each, ConsoleSocket)]


def test_a_console_that_does_not_read_holds_up_no_other_and_keeps_few_messages(port: int, project: Project) -> None:
    bind_contextvars(request_id="a test")  # or each event would be logged, and they are large
    with stalled(port, project) as slow, opened(port, project.public_id, factories.ada().user) as quick:
        assert message(quick)["type"] == "snapshot"
        for number in range(1, DELTAS + 1):
            record_event(project_id=project.pk, kind="answer.submitted", data={"large": LARGE}, submitted=1)
            relay_once()
            received = message(quick)
            assert (received["type"], received["number"]) == ("delta", number)
        assert max(waiting_of_sockets()) <= MAX_WAITING
        number, snapshots = 0, 0
        while number < DELTAS:
            received = json.loads(slow.recv(timeout=PATIENCE))
            assert received["type"] == "snapshot" or received["first"] == number + 1
            number, snapshots = received["number"], snapshots + (received["type"] == "snapshot")
        assert snapshots >= 2, "it dropped what it could not send, and got the totals instead"
