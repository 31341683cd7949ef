"""The front server of a running installation: whom it lets through, and what it answers by itself."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.paths import DataPaths
from tests.faults.composed_exports import a_composed_export, slow_download
from tests.pictures import a_jpeg
from tests.slow_senders import People, sign_in

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
#: Loopback addresses that are not the two by which this machine calls itself.
ELSEWHERE, CROWDED = "127.0.0.7", "127.0.0.8"
LIMIT = 512
LONG_AGO, FAR_AHEAD = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front") / "data"


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        for name in CHOSEN_BY_TESTS:
            patch.delenv(name, raising=False)
        with instance.start(data=data) as started:
            yield started


@pytest.fixture(scope="module")
def people(running: Running) -> Iterator[People]:
    with sign_in(running) as made:
        yield made


def caller(running: Running, address: str = "127.0.0.1", **options: Any) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address, **options)
    return httpx.Client(base_url=running.url, transport=transport, timeout=30)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def chunks() -> Iterator[bytes]:
    yield b'{"name": "Ships", "classes": [{"name": "ship"}],'
    yield b' "tools": ["box"]}'


def test_a_body_in_chunks_arrives_whole(running: Running, people: People) -> None:
    with caller(running) as client:
        headers = {"Authorization": f"Bearer {people.key}", "Content-Type": "application/json"}
        response = client.post("/api/v1/projects/", content=chunks(), headers=headers)
    assert (response.status_code, response.json()["name"]) == (201, "Ships")


def test_a_server_that_gets_chunks_refuses_them_and_says_what_to_send(running: Running, people: People) -> None:
    """As behind a proxy that does not buffer: directly at the web server."""
    server = str(DataPaths(running.data).web_socket)
    headers = {"Authorization": f"Bearer {people.key}", "Content-Type": "application/json"}
    # On a connection each: the server may close one whose body it did not read.
    with caller(running, uds=server) as client:
        response = client.post("/api/v1/projects/", content=chunks(), headers=headers)
    with caller(running, uds=server) as client:
        page = client.post("/account/login/", content=iter([b"login=ada"]))
    assert (response.status_code, response.json()["type"]) == (411, "/problems/length_required/")
    assert "Content-Length" in response.json()["detail"]
    assert (page.status_code, page.headers["content-type"]) == (411, "text/html; charset=utf-8")


def test_the_application_sees_the_address_of_the_caller_and_not_the_one_that_it_claims(
    running: Running, data: Path
) -> None:
    with caller(running, ELSEWHERE) as client:
        page = client.get("/account/login/")
        form = {"login": "ada@example.org", "password": "wrong", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        headers = {"X-Forwarded-For": "203.0.113.9", "Origin": running.url}
        assert page.status_code == client.post("/account/login/", data=form, headers=headers).status_code == 200
    line = next(line for line in (data / "logs" / "web.log").read_text().splitlines() if "sign-in refused" in line)
    assert ELSEWHERE in line and "203.0.113.9" not in line


@pytest.mark.parametrize(
    ("address", "claimed", "status"),
    [
        ("127.0.0.1", None, 200),
        ("127.0.0.1", "203.0.113.9", 404),
        (ELSEWHERE, None, 404),
        (ELSEWHERE, "127.0.0.1", 404),
        (ELSEWHERE, "127.0.0.1, 127.0.0.1", 404),
    ],
)
def test_metrics_are_for_this_machine_alone(running: Running, address: str, claimed: str | None, status: int) -> None:
    with caller(running, address) as client:
        headers = {"X-Forwarded-For": claimed} if claimed else {}
        assert client.get("/metrics", headers=headers).status_code == status


def test_an_address_has_a_limit_of_requests_at_a_time_and_others_do_not_notice(running: Running) -> None:
    port = running.state().port
    with ExitStack() as stack:
        for _ in range(LIMIT + 8):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(CROWDED, 0)))
            one.sendall(b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        crowded, other = (stack.enter_context(caller(running, each)) for each in (CROWDED, ELSEWHERE))
        wait_for(lambda: crowded.get("/healthz").status_code == 429)
        refused = crowded.get("/api/v1/me/")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert refused.json()["type"] == "/problems/too_many_connections/"
        assert other.get("/healthz").status_code == 200


@pytest.mark.parametrize("length", ["Content-Length: 4000000000", "Transfer-Encoding: chunked"])
def test_a_stranger_cannot_send_gigabytes(running: Running, people: People, length: str) -> None:
    """The answer comes before the body."""
    path = f"/api/v1/projects/{people.project['id']}/imports/"
    with socket.create_connection(("127.0.0.1", running.state().port), timeout=10) as stranger:
        stranger.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        assert stranger.recv(100).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_is_too_large_is_refused_in_our_words(running: Running) -> None:
    with caller(running) as client:
        api = client.post("/api/v1/projects/", content=bytes(6 * 1024**2))
        page = client.post("/account/login/", content=bytes(6 * 1024**2))
    assert (api.status_code, api.json()["type"]) == (413, "/problems/body_too_large/")
    assert page.status_code == 413
    assert "The request is too large" in page.text


def test_files_are_compressed_and_not_sent_again(running: Running) -> None:
    collected = json.loads((running.data / "static/staticfiles.json").read_text())["paths"]
    script = f"/static/{collected['workers_ui/bundles/set.js']}"
    with caller(running) as client:
        first = client.get(script, headers={"Accept-Encoding": "gzip"})
        brotli = client.get(script, headers={"Accept-Encoding": "br"})
        again = client.get(script, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, first.headers["content-encoding"]) == (200, "gzip")
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (brotli.headers["content-encoding"], int(brotli.headers["content-length"]) < 60_000) == ("br", True)
    assert (again.status_code, again.content) == (304, b"")


def an_image(client: httpx.Client, people: People) -> str:
    """Import a photograph and return the path of its file."""
    project = f"/api/v1/projects/{people.project['id']}"
    files = {"files": ("cat.jpg", a_jpeg(), "image/jpeg")}
    imported = client.post(
        f"{project}/imports/", files=files, headers={"Idempotency-Key": f"image {time.monotonic_ns()}"}
    )
    assert imported.status_code == 202
    wait_for(lambda: client.get(f"/api/v1/imports/{imported.json()['id']}/").json()["state"] == "done")
    assert client.get(f"{project}/imports/").json()["results"][0]["state"] == "done"
    return f"/api/v1/images/{client.get(f'{project}/images/').json()['results'][0]['id']}/file/"


def test_stored_files_are_sent_by_the_front_to_those_whom_the_application_allows(
    running: Running, people: People
) -> None:
    with caller(running) as client:
        client.headers["Authorization"] = f"Bearer {people.key}"
        path = an_image(client, people)
        whole, part = client.get(path), client.get(path, headers={"Range": "bytes=0-9"})
        etag = whole.headers["etag"]
        rest = client.get(path, headers={"Range": "bytes=10-", "If-Range": etag})
        other = client.get(path, headers={"Range": "bytes=10-", "If-Range": '"other"'})
        several = client.get(path, headers={"Range": "bytes=0-1,4-5"})
        behind = client.get(path, headers={"Range": "bytes=99999999-"})
        known = client.get(path, headers={"If-None-Match": etag})
        backward = client.get(path, headers={"Range": "bytes=5-2"})
        dated = [client.get(path, headers={"If-Unmodified-Since": date}) for date in (LONG_AGO, FAR_AHEAD)]
        matches = [client.get(path, headers={"If-Match": tag}).status_code for tag in (etag, '"other"')]
    assert (whole.status_code, part.status_code) == (200, 206)
    assert (rest.status_code, part.content + rest.content) == (206, whole.content)
    assert (other.status_code, several.status_code, behind.status_code) == (200, 200, 416)
    assert behind.headers["content-range"] == f"bytes */{len(whole.content)}"
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert (backward.status_code, backward.json()["type"]) == (416, "/problems/range_not_satisfiable/")
    assert backward.headers["content-type"].startswith("application/problem+json")
    # The same at every date, or a file would tell its age.
    assert [(each.status_code, each.content) for each in dated] == [(200, whole.content)] * 2
    assert matches == [200, 412]
    assert whole.headers.get_list("accept-ranges") == ["bytes"]
    assert {"ratelimit", "ratelimit-policy"} <= set(whole.headers)
    assert part.headers["etag"] == etag
    assert whole.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert part.content == whole.content[:10]
    assert int(whole.headers["content-length"]) == len(whole.content) > 10
    assert whole.headers["content-type"].startswith("image/")
    assert whole.headers["content-disposition"].startswith("inline")
    assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert {"x-request-id", "x-frame-options"} <= set(whole.headers)
    # Neither the age of the file nor how it was found.
    assert {"last-modified", "x-accel-redirect"}.isdisjoint(whole.headers)
    with caller(running) as stranger:
        assert stranger.get(path).status_code == 401
        assert stranger.get("/front-files/blobs/").status_code == 404


def test_a_composed_export_is_sent_to_slow_readers_without_a_thread_or_a_file_for_each(
    running: Running, people: People, data: Path
) -> None:
    with caller(running) as client, ExitStack() as slow:
        client.headers["Authorization"] = f"Bearer {people.key}"
        image = an_image(client, people).split("/")[4]
        path, content = a_composed_export(running, people, image, 64 * 2**20)
        whole, part = client.get(path), client.get(path, headers={"Range": "bytes=5-4999999"})
        known = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        rest = client.get(path, headers={"Range": "bytes=1000-", "If-Range": whole.headers["etag"]})
        other = client.get(path, headers={"Range": "bytes=1000-", "If-Range": '"other"'})
        # More of them than the web server has threads.
        for _ in range(40):
            slow.enter_context(slow_download(running, people, path))
        assert client.get("/api/v1/me/").status_code == 200
        again = client.get(path, headers={"Range": "bytes=-100"})
        buffered = sum(each.stat().st_size for each in (data / "run" / "front").rglob("*") if each.is_file())
    with caller(running) as stranger:
        order = stranger.get("/front-composed/x")
        assert stranger.get(path).status_code == 401
    assert (whole.status_code, whole.content == content) == (200, True)
    assert (part.status_code, part.content == content[5:5_000_000]) == (206, True)
    assert part.headers["content-range"] == f"bytes 5-4999999/{len(content)}"
    assert (rest.status_code, rest.content == content[1000:]) == (206, True)
    assert (other.status_code, other.content == content) == (200, True)
    assert (known.status_code, known.content) == (304, b"")
    assert (again.status_code, again.content == content[-100:]) == (206, True)
    for answer in (whole, part):
        assert answer.headers["etag"] == whole.headers["etag"]
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers.get_list("accept-ranges") == ["bytes"]
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["repr-digest"].startswith("sha-256=:")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert {"ratelimit", "ratelimit-policy", "x-request-id", "x-frame-options"} <= set(answer.headers)
        assert {"last-modified", "x-accel-redirect", "transfer-encoding"}.isdisjoint(answer.headers)
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert order.status_code == 404
    assert buffered < 2**20


def half_an_upload(running: Running, people: People) -> socket.socket:
    """Send a part of an upload straight to the web server, as if the front had just begun to pass it on."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(DataPaths(running.data).web_socket))
    head = [
        f"POST /api/v1/projects/{people.project['id']}/imports/ HTTP/1.1",
        *("Host: localhost", "Content-Length: 50000000", f"Authorization: Bearer {people.key}"),
        *("Idempotency-Key: half", "Content-Type: multipart/form-data; boundary=x", "", ""),
    ]
    part = '--x\r\nContent-Disposition: form-data; name="archive"; filename="a.zip"\r\n\r\n'
    client.sendall(("\r\n".join(head) + part).encode() + bytes(8 * 1024**2))
    return client


def test_a_web_server_that_is_killed_is_missed_for_seconds_and_leaves_no_upload(
    running: Running, people: People, data: Path
) -> None:
    spool = data / "spool"
    with half_an_upload(running, people), caller(running) as client:
        wait_for(lambda: any(spool.iterdir()))
        os.kill(running.state().children["web"].pid, signal.SIGKILL)
        wait_for(lambda: client.get("/healthz").status_code == 503)
        api, page = client.get("/api/v1/me/"), client.get("/join/secret-of-an-invitation/")
        wait_for(lambda: client.get("/healthz").status_code == 200)
    assert (api.status_code, api.headers["retry-after"]) == (503, "5")
    assert api.json()["type"] == "/problems/unavailable/"
    assert page.status_code == 503
    assert re.search("Annotary is starting or restarting", page.text)
    # Invitations have their secret in the path.
    assert "secret-of-an-invitation" not in (data / "logs" / "front.log").read_text()
    # The sweep takes it within the hour, or the next start.
    assert any(spool.iterdir())


def test_a_front_that_is_killed_comes_back(running: Running) -> None:
    killed = running.state().children["front"]
    os.kill(killed.pid, signal.SIGKILL)
    with httpx.Client(base_url=running.url, timeout=30) as client:

        def is_back() -> bool:
            try:
                return client.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(lambda: running.state().children.get("front") not in (None, killed))
        wait_for(is_back)
