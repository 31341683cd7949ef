"""Ports and addresses, and the messages when one is taken."""

import socket
from collections.abc import Iterator

import pytest

from annotary.runtime import network
from annotary.runtime.errors import EmbeddedError


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_busy_port_is_named_with_an_alternative(busy: int) -> None:
    with pytest.raises(EmbeddedError, match=f"Port {busy} on 127.0.0.1 is in use by another program.*--port"):
        network.resolve(host="127.0.0.1", port=busy)


def test_an_address_of_another_machine_is_refused_with_advice() -> None:
    with pytest.raises(EmbeddedError, match=r"cannot listen on 192\.0\.2\.7.*--host 127\.0\.0\.1"):
        network.resolve(host="192.0.2.7", port=8000)


def test_loopback_answers_only_to_its_own_names() -> None:
    result = network.resolve(host="127.0.0.1", port=0)
    assert network.host_names(result) == "127.0.0.1,localhost,[::1]"
    assert result.public == f"http://127.0.0.1:{result.port}"


def test_all_interfaces_are_shown_as_the_address_that_phones_can_reach() -> None:
    result = network.resolve(host="0.0.0.0", port=0)
    assert network.lan_address() in network.host_names(result).split(",")
    assert "0.0.0.0" not in result.public
    assert result.probe_host == "127.0.0.1"
