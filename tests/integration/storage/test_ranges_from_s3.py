"""A range of a file in a bucket is requested from the bucket as a range: a cut download does not load it all again."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from annotary.settings import env
from storage import backends

CONTENT = bytes(range(256)) * 40
KEY = backends.key_of("ab" * 32)


class Bucket(BaseHTTPRequestHandler):
    """The two calls of S3 that reading a file makes, with one file. Notes the ranges that it was requested for."""

    requested: list[str | None]

    def do_HEAD(self) -> None:
        self._send(CONTENT, 200 if self.path.endswith(KEY) else 404)

    def do_GET(self) -> None:
        self.requested.append(self.headers["Range"])
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        assert match is not None
        part = CONTENT[int(match[1]) : int(match[2]) + 1]
        self._send(part, 206)
        self.wfile.write(part)

    def _send(self, content: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if status < 300 else 0))
        self.send_header("ETag", '"1"')
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def requested(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    """The ranges that were requested from the bucket in which files are stored."""
    Bucket.requested = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    url = f"s3://pictures/?endpoint_url=http://127.0.0.1:{server.server_port}&region_name=eu&addressing_style=path"
    settings.STORAGES = settings.STORAGES | {"default": env.storage(url, settings.ANNOTARY_DATA)}
    yield Bucket.requested
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_the_range_is_loaded(requested: list[str | None]) -> None:
    file = backends.open_part(KEY, range(300, 310))
    assert file.read() == CONTENT[300:310]
    file.close()
    assert requested == ["bytes=300-309"]


def test_a_missing_file_is_missing(requested: list[str | None]) -> None:
    with pytest.raises(backends.BlobMissing):
        backends.open_part(backends.key_of("cd" * 32), range(1))
    assert requested == []
