"""Exports keep no copies of images: they are composed of what is stored, with the bytes of a file stored whole."""

import asyncio
import hashlib
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError, Sum
from rest_framework.test import APIClient

from annotary_core.formats.release_archive import open_tree
from storage import backends
from storage.composed_files import ComposedBlob, PartDamaged, open_file
from storage.models import Blob
from storage.sending import ComposedFileSender, order_of
from storage.services import blob_file, store_blob, sweep_blobs
from tasks.exports.models import Export
from tasks.exports.selectors import file_of
from tasks.exports.services import request_export, write_export
from tasks.snapshots.models import Snapshot
from tests.api.people import with_key
from tests.factories import ada

pytestmark = pytest.mark.django_db
FORMATS = ("coco", "imagenet")


def written(snapshot: Snapshot, format: str) -> Export:
    export = request_export(snapshot=snapshot, format=format, by=ada())
    write_export(export_id=export.pk)
    return Export.objects.select_related("blob", "frame", "project", "snapshot").get(pk=export.pk)


def content(export: Export) -> bytes:
    file = file_of(export)
    assert file is not None
    with open_file(file) as stream:
        return stream.read()


def stored_whole(snapshot: Snapshot, format: str, monkeypatch: pytest.MonkeyPatch) -> Export:
    """As all exports were stored, and as they are in remote storage."""
    with monkeypatch.context() as patch:
        patch.setattr(backends, "is_local", lambda: False)
        export = written(snapshot, format)
    assert export.blob is not None and export.frame is None
    return export


@pytest.mark.parametrize("format", FORMATS)
def test_a_composed_export_has_the_bytes_of_one_that_was_stored_whole(
    release: Snapshot, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    whole = stored_whole(release, format, monkeypatch)
    bytes_of_whole = content(whole)
    assert (whole.sha256, whole.size) == (hashlib.sha256(bytes_of_whole).hexdigest(), len(bytes_of_whole))
    Export.objects.filter(pk=whole.pk).delete()

    composed = written(release, format)

    assert composed.blob is None
    assert content(composed) == bytes_of_whole
    assert (composed.sha256, composed.size) == (whole.sha256, whole.size)


@pytest.mark.parametrize("format", FORMATS)
def test_images_are_stored_once(release: Snapshot, format: str) -> None:
    images = release.items.aggregate(total=Sum("image__release__size"))["total"]
    before = Blob.objects.aggregate(total=Sum("size"))["total"]
    export = written(release, format)
    more = Blob.objects.aggregate(total=Sum("size"))["total"] - before
    left_out = 0 if format == "coco" else release.items.order_by("pk")[0].image.release.size
    left_out += 0 if format == "coco" else release.items.order_by("pk")[2].image.release.size
    parts = release.items.count() if format == "coco" else 1
    # What is added is a record for each image, and the footer.
    assert more == export.size - (images - left_out) + 56 * parts + 24


def ranges(size: int, edges: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Short ranges around each edge of a part, and a few long ones."""
    for edge in edges:
        for start in (edge - 1, edge):
            for length in (1, 2, 700):
                if 0 <= start < size:
                    yield start, min(size, start + length) - 1
    yield from ((0, size - 1), (1, size - 1), (size - 1, size - 1), (size // 3, 2 * size // 3))


def test_every_range_is_that_of_the_whole_file(release: Snapshot) -> None:
    export = written(release, "coco")
    whole = content(export)
    client = with_key(ada())
    url = f"/api/v1/exports/{export.public_id}/download"
    response = client.get(url)
    assert response.getvalue() == whole
    assert int(response["Content-Length"]) == len(whole)
    assert (response["ETag"], response["Accept-Ranges"]) == (f'"{export.sha256}"', "bytes")
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="strays-1-coco.zip"'
    with open_tree(io.BytesIO(whole)) as tree:
        images = [name for name in tree.names() if "/images/" in name]
        edges = [whole.index(read(tree, name)) for name in images]
    for start, last in ranges(len(whole), iter([*edges, *(whole.index(b"PK\x01\x02"),)])):
        part = client.get(url, headers={"Range": f"bytes={start}-{last}"})
        assert (part.status_code, part.getvalue()) == (206, whole[start : last + 1]), (start, last)
        assert part["Content-Range"] == f"bytes {start}-{last}/{len(whole)}"
    known = client.get(url, headers={"If-None-Match": response["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    other = client.get(url, headers={"Range": "bytes=8-", "If-Range": '"other"'})
    assert (other.status_code, other.getvalue()) == (200, whole)
    assert client.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert client.get(url, headers={"If-Match": '"other"'}).status_code == 412


def read(tree: Any, name: str) -> bytes:
    with tree.open(name) as stream:
        found: bytes = stream.read()
    return found


def test_an_export_that_was_stored_whole_is_still_sent(release: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    export = stored_whole(release, "coco", monkeypatch)
    response = with_key(ada()).get(f"/api/v1/exports/{export.public_id}/download")
    assert hashlib.sha256(response.getvalue()).hexdigest() == export.sha256


def make_old() -> None:
    Blob.objects.update(touched_at=F("touched_at") - timedelta(hours=2))


def test_the_sweep_keeps_what_an_export_is_composed_of(release: Snapshot) -> None:
    export = written(release, "coco")
    before = content(export)
    stray = store_blob(source=io.BytesIO(b"of nobody"), content_type="image/jpeg")
    make_old()

    sweep_blobs()

    assert not Blob.objects.filter(pk=stray.pk).exists()
    export.refresh_from_db()
    assert content(export) == before


def test_images_of_a_release_cannot_be_deleted_while_it_exists(release: Snapshot) -> None:
    """The frame names its parts without a foreign key: the release holds them for it."""
    item = release.items.select_related("image__release").order_by("pk")[0]
    for row in (item.image.release, item.image):
        with pytest.raises(ProtectedError):
            row.delete()
    with pytest.raises(IntegrityError, match="a release is immutable"), transaction.atomic():
        item.delete()


def test_a_frame_that_no_export_refers_to_is_swept(release: Snapshot) -> None:
    export = written(release, "coco")
    frame = export.frame
    assert frame is not None
    Export.objects.filter(pk=export.pk).delete()
    make_old()
    sweep_blobs()
    assert not Blob.objects.filter(pk=frame.pk).exists()
    assert not backends.exists(frame.key)


@pytest.mark.parametrize("damage", ["shorter", "missing"])
def test_a_damaged_part_ends_the_download_instead_of_shifting_it(release: Snapshot, damage: str) -> None:
    export = written(release, "coco")
    whole = content(export)
    item = release.items.select_related("image__release").order_by("pk")[1]
    with blob_file(item.image.release) as path:
        body = path.read_bytes()
        place = whole.index(body)
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(body[:-1])
    file = file_of(export)
    assert isinstance(file, ComposedBlob)
    with open_file(file) as stream:
        assert stream.read(place) == whole[:place]
        with pytest.raises((PartDamaged, backends.BlobMissing)):
            stream.read(len(body))
        # What does not need it can still be read.
        stream.seek(place + len(body))
        assert stream.read() == whole[place + len(body) :]


def ordered(client: APIClient, export: Export, **headers: str) -> str:
    """The path that the front is told to ask the asynchronous server for."""
    response = client.get(f"/api/v1/exports/{export.public_id}/download", headers=headers)
    assert (response.status_code, response.content) == (200, b"")
    assert response["ETag"] == f'"{export.sha256}"'
    assert "Accept-Ranges" not in response, "who sends the file says so"
    return str(response["X-Accel-Redirect"])


def sent(path: str, *, method: str = "GET", take: int = 1000) -> tuple[int | str, dict[bytes, bytes], list[bytes]]:
    """What the asynchronous server sends to a client that leaves after `take` chunks."""
    messages: list[dict[str, Any]] = []

    async def no_app(*_: Any) -> None:
        messages.append({"status": "passed on"})

    async def run() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)
            if len(messages) > take:
                left.set()
            await asyncio.sleep(0)

        await ComposedFileSender(no_app)({"type": "http", "path": path, "method": method}, receive, send)

    asyncio.run(run())
    head = messages[0]
    return head["status"], dict(head.get("headers", [])), [each.get("body", b"") for each in messages[1:]]


def test_behind_the_front_the_asynchronous_server_sends_it(release: Snapshot, settings: Any) -> None:
    export = written(release, "coco")
    whole, client = content(export), with_key(ada())
    settings.ANNOTARY_FILES_BY_FRONT = True

    status, headers, chunks = sent(ordered(client, export))
    assert (status, b"".join(chunks)) == (200, whole)
    assert headers == {
        b"content-type": b"application/zip",
        b"content-length": str(len(whole)).encode(),
        b"accept-ranges": b"bytes",
    }
    status, headers, chunks = sent(ordered(client, export, Range="bytes=100-4999"))
    assert (status, b"".join(chunks)) == (206, whole[100:5000])
    assert headers[b"content-range"] == f"bytes 100-4999/{len(whole)}".encode()
    status, headers, chunks = sent(ordered(client, export), method="HEAD")
    assert (status, b"".join(chunks), headers[b"content-length"]) == (200, b"", str(len(whole)).encode())


def test_an_order_that_is_not_ours_is_refused(release: Snapshot, settings: Any) -> None:
    export = written(release, "coco")
    settings.ANNOTARY_FILES_BY_FRONT = True
    path = ordered(with_key(ada()), export)
    assert sent(path[:-1] + ("A" if path[-1] != "A" else "B"))[0] == 404
    assert sent("/front-composed/")[0] == 404
    assert sent("/healthz")[0] == "passed on"
    assert export.frame is not None
    backends.delete(export.frame.key)
    assert sent(path)[0] == 404


def test_a_file_that_is_shorter_than_was_ordered_breaks_off(release: Snapshot) -> None:
    export = written(release, "coco")
    assert export.frame is not None
    path = order_of(frame=export.frame, part=None, size=export.size + 1, content_type="application/zip")
    with pytest.raises(PartDamaged):
        sent(path)


def test_nothing_more_is_read_for_a_client_that_is_gone(
    release: Snapshot, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = written(release, "coco")
    settings.ANNOTARY_FILES_BY_FRONT = True
    monkeypatch.setattr(backends, "CHUNK", 100)
    path = ordered(with_key(ada()), export)
    assert len(sent(path)[2]) > 30
    assert len(sent(path, take=5)[2]) < 15


def test_no_room_is_needed_for_images(release: Snapshot, tmp_path: Path) -> None:
    def folders() -> set[Path]:
        return {path for path in tmp_path.rglob("*") if path.is_file()}

    before = folders()
    export = written(release, "coco")
    assert export.frame is not None
    assert {path.name for path in folders() - before} == {export.frame.sha256}
