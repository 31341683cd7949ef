"""The front server: where its program is found, and whom it believes."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from annotary.runtime import front, network, services, state, up
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import Identity
from annotary.runtime.paths import DataPaths
from annotary.runtime.services import Addresses


def configuration(tmp_path: Path, host: str = "127.0.0.1", *, proxies: int = 0, limit_sockets: bool = True) -> str:
    paths = DataPaths(tmp_path / "data")
    paths.create()
    addresses = Addresses(host, 8000, "http://localhost:8000")
    folder = front.configure(paths, addresses, proxies=proxies, limit_sockets=limit_sockets)
    # The public port is where connections are limited, or the HTTP server itself.
    names = front.TEMPLATES if limit_sockets else ("nginx.conf",)
    return "".join((folder / name).read_text() for name in names)


def test_the_program_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert os.access(front.locate({}), os.X_OK)


def test_without_a_package_for_the_platform_another_nginx_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert front.locate({"ANNOTARY_NGINX": str(program)}) == program
    monkeypatch.setenv("PATH", str(tmp_path))
    assert front.locate({}) == program


def test_without_any_nginx_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedError, match=r"apt install nginx-light\), or set ANNOTARY_NGINX"):
        front.locate({})
    with pytest.raises(EmbeddedError, match="ANNOTARY_NGINX is set to /no/nginx, not a program"):
        front.locate({"ANNOTARY_NGINX": "/no/nginx"})


def test_every_name_of_the_configuration_has_a_value(tmp_path: Path) -> None:
    text = configuration(tmp_path)
    assert re.findall("@[A-Z_]+@", text) == []
    assert "listen unix:front.sock;" in text


@pytest.mark.parametrize("limit_sockets", [True, False])
@pytest.mark.parametrize(
    ("host", "listen"),
    [
        ("127.0.0.1", "127.0.0.1:8000 "),
        ("0.0.0.0", "0.0.0.0:8000 "),
        ("::", "[::]:8000 ipv6only=off "),
        ("::1", "[::1]:8000 "),
    ],
)
def test_it_listens_where_it_is_told(tmp_path: Path, host: str, listen: str, limit_sockets: bool) -> None:
    text = configuration(tmp_path, host, limit_sockets=limit_sockets)
    assert text.count(f"listen {listen}backlog=4096;") == text.count(":8000") == 1


def test_the_address_that_a_client_claims_is_believed_of_the_owners_proxy_alone(tmp_path: Path) -> None:
    assert "default  $remote_addr;" in configuration(tmp_path)
    assert "default  $proxy_add_x_forwarded_for;" in configuration(tmp_path, proxies=1)


@pytest.mark.parametrize("proxies", ["", "1"])
def test_nginx_accepts_the_configuration(tmp_path: Path, proxies: str) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.create()
    addresses = network.resolve(host="127.0.0.1", port=0)
    service = front.service(paths, addresses, {"ANNOTARY_PROXIES": proxies})
    done = subprocess.run([*service.argv, "-t"], cwd=service.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_scripts_may_pass_a_second_port_which_has_no_effect() -> None:
    assert up._parser().parse_args(["--ws-port", "8001"]).port == network.DEFAULT_PORT


@pytest.mark.parametrize(("theirs", "trusted"), [({}, "1"), ({"ANNOTARY_PROXIES": "1"}, "2")])
def test_the_servers_trust_the_front_and_the_owners_proxies(
    tmp_path: Path, theirs: dict[str, str], trusted: str
) -> None:
    paths = DataPaths(tmp_path)
    for service in (services.web(paths, theirs), services.websockets(paths, theirs)):
        assert service.environment["ANNOTARY_PROXIES"] == trusted


def test_a_number_of_proxies_that_is_none_is_refused() -> None:
    with pytest.raises(EmbeddedError, match="ANNOTARY_PROXIES must be a whole number, not 'two'"):
        services.own_proxies({"ANNOTARY_PROXIES": "two"})


def test_a_socket_that_a_killed_server_left_behind_does_not_stop_the_next(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.create()
    paths.web_socket.touch()
    service = services.web(paths, {"PATH": os.defpath})
    service.prepare(False)
    assert not paths.web_socket.exists()


def test_the_state_of_another_version_is_read(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path)
    me = Identity.from_pid(os.getpid())
    assert me is not None
    state.State("ready", me, url="http://127.0.0.1:8000", port=8000).write(paths)
    raw = json.loads(paths.state.read_text())
    # The version before had a second port; the next one may have anything.
    paths.state.write_text(json.dumps({**raw, "ws_port": 8001, "ws_url": ":8001", "future": [1]}))
    current = state.running(paths)
    assert current is not None
    assert (current.keeper, current.port) == (me, 8000)


def test_what_killed_processes_left_in_the_spool_is_deleted_at_the_start(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.create()
    (paths.spool / "half.upload").write_bytes(b"half")
    (paths.spool / "annotary-image-x").mkdir()
    (paths.spool / "annotary-image-x" / "screen").write_bytes(b"half")
    paths.empty_spool()
    assert list(paths.spool.iterdir()) == []
