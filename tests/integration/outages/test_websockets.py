"""While the database is away, live pages are told to connect again later, and do once it is back."""

import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from websockets import Origin
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.integration.outages.conftest import Site
from tests.ui.sockets import PATIENCE, message, socket_server

TRY_AGAIN = 1013


@pytest.fixture
def port(site: Site) -> Iterator[int]:
    with socket_server() as running:
        yield running


def opened(site: Site, port: int) -> ClientConnection:
    session = site.callers["manager"].cookies[settings.SESSION_COOKIE_NAME]
    return connect(
        f"ws://127.0.0.1:{port}/ws/projects/{site.world.project.public_id}/",
        origin=Origin("http://127.0.0.1"),
        additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"},
        open_timeout=PATIENCE,
    )


def test_sockets_are_closed_with_try_again_and_connect_again(site: Site, port: int) -> None:
    with opened(site, port) as client:
        assert message(client)["type"] == "snapshot"
        site.database.stop()
        try:
            client.send(json.dumps({"type": "resync"}))
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=PATIENCE)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == TRY_AGAIN
            with pytest.raises(InvalidStatus) as refused:
                opened(site, port)
            assert refused.value.response.status_code == 403
        finally:
            site.database.start()
    with opened(site, port) as client:
        assert message(client)["type"] == "snapshot"
