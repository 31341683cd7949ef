"""The front server limits the connections of an address, with a real nginx and nothing behind it."""

import http.client
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from annotary.runtime import front, network
from annotary.runtime.paths import DataPaths
from annotary.runtime.services import Addresses
from tests.slow_senders import count_open, half_headers

LIMIT, FLOOD = 8, 20
ONE, OTHER = "127.0.0.5", "127.0.0.6"
Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start nginx on a free port, which is returned."""
    monkeypatch.setattr(front, "SOCKETS_OF_AN_ADDRESS", LIMIT)
    paths = DataPaths(tmp_path / "data")
    paths.create()
    with ExitStack() as stack:

        def started(host: str = "127.0.0.1", **environment: str) -> int:
            addresses = network.resolve(host=host, port=0)
            process = run(paths, addresses, environment)
            stack.callback(process.wait, 30)
            stack.callback(process.send_signal, signal.SIGKILL)
            return addresses.port

        yield started


def run(paths: DataPaths, addresses: Addresses, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    service = front.service(paths, addresses, environment)
    service.prepare(False)
    process = service.start({})
    deadline = time.monotonic() + 30
    # Without a web server, the front answers 503.
    while status(addresses.probe) != 503:
        assert process.poll() is None and time.monotonic() < deadline, service.last_log_line()
        time.sleep(0.02)
    return process


def status(address: tuple[str, int], source: str | None = None) -> int | None:
    """Return the status of a request, None for a connection that was refused or closed."""
    client = http.client.HTTPConnection(*address, timeout=10, source_address=(source, 0) if source else None)
    try:
        client.request("GET", "/healthz")
        return client.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        client.close()


def held(port: int, address: str) -> int:
    """Return how many of many sockets of an address stay open."""
    sockets = half_headers(port, FLOOD, address)
    try:
        # The last to connect has been decided on when a request that came after it has an answer.
        assert status(("127.0.0.1", port)) == 503
        return count_open(sockets)
    finally:
        for one in sockets:
            one.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_an_address_holds_a_limited_number_of_connections(start: Start, host: str) -> None:
    port = start(host)
    sockets = half_headers(port, FLOOD, ONE)
    assert status(("127.0.0.1", port), ONE) is None
    assert status(("127.0.0.1", port), OTHER) == 503
    assert count_open(sockets) == LIMIT
    for one in sockets:
        one.close()
    # Its connections are counted until they are closed, and no longer.
    wait_for(lambda: status(("127.0.0.1", port), ONE) == 503)
    assert held(port, ONE) == LIMIT


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_connection_that_is_kept_open_between_requests_counts(start: Start) -> None:
    port = start()
    with ExitStack() as stack:
        for _ in range(LIMIT):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(ONE, 0)))
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(100).startswith(b"HTTP/1.1 503 ")
        assert status(("127.0.0.1", port), ONE) is None
    wait_for(lambda: status(("127.0.0.1", port), ONE) == 503)


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_callers_on_this_machine_are_not_counted(start: Start, host: str) -> None:
    assert held(start(host), "127.0.0.1") == FLOOD


def test_callers_who_come_through_the_owners_proxy_are_not_counted(start: Start) -> None:
    assert held(start(ANNOTARY_PROXIES="1"), ONE) == FLOOD


def test_a_killed_front_leaves_no_socket_that_stops_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "SOCKETS_OF_AN_ADDRESS", LIMIT)
    paths = DataPaths(tmp_path / "data")
    paths.create()
    addresses = network.resolve(host="127.0.0.1", port=0)
    for _ in range(2):
        process = run(paths, addresses, {})
        try:
            assert held(addresses.port, ONE) == LIMIT
        finally:
            process.kill()
            process.wait(30)
        assert paths.front_socket.exists()


#: An nginx without the stream module, as far as its configuration shows.
WITHOUT_STREAM = """#!/bin/sh
for last; do :; done
if grep -qsE '(^| )stream [{{]|sockets[.]conf' "$last" "front/$last"; then
    echo 'nginx: [emerg] unknown directive "stream"' >&2
    exit 1
fi
exec {nginx} "$@"
"""


def test_an_nginx_without_the_stream_module_serves_without_the_limit_and_says_so(
    tmp_path: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "nginx"
    other.write_text(WITHOUT_STREAM.format(nginx=front.locate({})))
    other.chmod(0o755)
    port = start(ANNOTARY_NGINX=str(other))
    assert held(port, ONE) == FLOOD
    notice = capsys.readouterr().out
    assert f"The front server ({other}) limits the requests of an address but not its connections" in notice
    assert "nginx 1.25.5 or newer with the stream module" in notice


def test_a_machine_that_allows_few_open_files_allows_an_address_a_quarter_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "_files_allowed", lambda: (2 * 1000 + front.FILES_OF_ITS_OWN, 4096))
    assert front.sockets_of_an_address() == 250
