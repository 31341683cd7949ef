"""On a host of its own, nginx limits the connections of an address as the front server of `up` does."""

import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from annotary.runtime import front
from tests.slow_senders import count_open, half_headers, open_files

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "deploy" / "nginx" / "annotary.conf"
SOCKETS = ROOT / "deploy" / "nginx" / "annotary-sockets.conf"
ONE, OTHER = "127.0.0.5", "127.0.0.6"
LIMIT = front.SOCKETS_OF_AN_ADDRESS


def directives(text: str) -> list[str]:
    """Return a configuration's directives up to its servers, without comments."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return [" ".join(part.split()) for part in re.split(r"[;{}]\s", text.split("server {")[0]) if part.strip()]


def network(text: str) -> str:
    """Return the map that counts an IPv6 network as one caller."""
    found = re.search(r"map \$binary_remote_addr \$annotary_network \{.*?\n *\}\n", text, re.DOTALL)
    assert found is not None
    return found.group()


def test_nginx_and_the_front_of_up_limit_connections_alike() -> None:
    callers = (front.HERE / "callers.conf").read_text(encoding="utf-8")
    up = (front.HERE / "sockets.conf").read_text(encoding="utf-8")
    for name, value in {
        "include callers.conf;": network(callers),
        # A proxy of the owner may be in front of `up`, on its machine; nginx itself is that proxy here.
        "$annotary_caller": "$annotary_network",
        "@SOCKETS@": str(LIMIT),
        "../../logs/front.log": "/var/log/nginx/annotary.log",
    }.items():
        assert name in up
        up = up.replace(name, value)
    assert directives(SOCKETS.read_text(encoding="utf-8")) == directives(up)
    assert directives(network(SITE.read_text(encoding="utf-8"))) == directives(network(callers))


def test_whoever_has_too_many_requests_and_consoles_gets_a_page_and_not_a_closed_connection() -> None:
    text = (front.HERE / "nginx.conf").read_text(encoding="utf-8")
    assert sum(map(int, re.findall(r"limit_conn \w+ (\d+);", text))) < LIMIT


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Install the two files as deploy/README.md says, start nginx, and return its port for TLS."""
    site, sockets = tmp_path / "annotary.conf", tmp_path / "annotary-sockets.conf"
    shutil.copyfile(SITE, site)
    command = re.search(r"sed -i .*?/etc/nginx/conf\.d/annotary\.conf", (ROOT / "deploy/README.md").read_text(), re.S)
    assert command is not None
    subprocess.run(command.group().replace("/etc/nginx/conf.d", str(tmp_path)), shell=True, check=True)
    listens = re.findall(r"^ *listen (\S+?);? ?(?:ssl http2;)?$", site.read_text(), re.MULTILINE)
    assert re.findall(r"^ *pass (\S+);$", SOCKETS.read_text(encoding="utf-8"), re.MULTILINE) == listens
    ports = {name: free_port() for name in ("80", "443", *listens)}
    for file, text in ((sockets, SOCKETS.read_text(encoding="utf-8")), (site, site.read_text())):
        text = re.sub(r"^ *(listen \[::\].*|gzip_static .*)$", "", here(text), flags=re.MULTILINE)  # not in the wheel
        for name, number in ports.items():
            text = re.sub(rf"(listen|pass) {re.escape(name)}\b", rf"\1 127.0.0.1:{number}", text)
        file.write_text(text)
    certificate(tmp_path)
    process = run(tmp_path)
    try:
        wait_until_open(ports["443"], process)
        yield ports["443"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def here(text: str) -> str:
    """Replace the folders of a host by the present one."""
    return re.sub(r"/(var/log/nginx|etc/ssl/annotary)/", "", text.replace("/opt/annotary/", f"{ROOT}/"))


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subject = ["-subj", "/CN=label.example.org", "-addext", "subjectAltName=DNS:label.example.org"]
    subprocess.run([*command, *files, *subject], cwd=folder, capture_output=True, check=True)


def run(folder: Path) -> "subprocess.Popen[bytes]":
    spools = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"{front._user()} pid nginx.pid; daemon off; master_process off; events {{ worker_connections 4096; }}\n"
        f"http {{ {spools} include annotary.conf; }}\ninclude annotary-sockets.conf;\n"
    )
    command = [str(front.locate({})), "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"]
    return subprocess.Popen(command, cwd=folder)


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)


def status(port: int, folder: Path, source: str) -> bytes:
    """Return the status line of a request over TLS. Raises OSError for a closed connection."""
    context = ssl.create_default_context(cafile=folder / "fullchain.pem")
    with (
        socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as plain,
        context.wrap_socket(plain, server_hostname="label.example.org") as client,
    ):
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: label.example.org\r\n\r\n")
        return client.recv(1000).split(b"\r\n")[0]


def test_an_address_holds_a_limited_number_of_connections_before_tls(port: int, tmp_path: Path) -> None:
    with open_files(2 * LIMIT + 1000):
        sockets = half_headers(port, LIMIT + 300, ONE)
        try:
            # Nothing is behind this nginx.
            assert status(port, tmp_path, OTHER).startswith(b"HTTP/1.1 503 ")
            assert count_open(sockets) == LIMIT
            with pytest.raises(OSError):
                status(port, tmp_path, ONE)
        finally:
            for one in sockets:
                one.close()
    deadline = time.monotonic() + 10
    while f"refused connections address={ONE} limit={LIMIT}" not in (tmp_path / "annotary.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status(port, tmp_path, ONE).startswith(b"HTTP/1.1 503 ")
