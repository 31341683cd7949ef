"""Ports and addresses, and what is said when one is taken."""

import socket
from collections.abc import Iterator

import pytest

from annotary.runtime import network as addresses
from annotary.runtime.errors import EmbeddedError


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_busy_port_is_named_with_the_way_out(busy: int) -> None:
    with pytest.raises(EmbeddedError, match=f"Port {busy} on 127.0.0.1 is in use by another program.*--port"):
        addresses.resolve(host="127.0.0.1", port=busy, ws_port=None)


def test_a_busy_websocket_port_is_passed_over_unless_it_was_asked_for(busy: int) -> None:
    found = addresses.resolve(host="127.0.0.1", port=0, ws_port=None)
    assert found.ws_port > found.port
    with pytest.raises(EmbeddedError, match=f"Port {busy}"):
        addresses.resolve(host="127.0.0.1", port=0, ws_port=busy)


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(EmbeddedError, match=r"cannot listen on 192\.0\.2\.7.*--host 127\.0\.0\.1"):
        addresses.resolve(host="192.0.2.7", port=8000, ws_port=None)


def test_loopback_answers_to_its_own_names_alone() -> None:
    found = addresses.resolve(host="127.0.0.1", port=0, ws_port=None)
    assert addresses.host_names(found) == "127.0.0.1,localhost,[::1]"
    assert found.public == f"http://127.0.0.1:{found.port}"


def test_all_interfaces_are_shown_by_the_address_that_phones_can_reach() -> None:
    found = addresses.resolve(host="0.0.0.0", port=0, ws_port=None)
    assert addresses.lan_address() in addresses.host_names(found).split(",")
    assert "0.0.0.0" not in found.public
    assert found.probe_host == "127.0.0.1"
