"""A row is ready only if its file exists, and equal content is one blob."""

import hashlib
import io
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile

from storage import backends
from storage.backends import BlobMissing, ContentDiffers
from storage.models import Blob
from storage.services import StorageBusy, blob_file, open_blob, store_blob
from storage.uploads import SpoolUploadHandler
from tests.concurrency_helpers import together
from tests.own_storage import content

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


def test_stored_content_can_be_read_back() -> None:
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/png")
    assert (blob.state, blob.size, blob.content_type) == (Blob.State.READY, 4, "image/png")
    assert content(blob) == b"seen"
    with blob_file(blob) as path:
        assert path.read_bytes() == b"seen"
    row = Blob.objects.get()
    assert (row, row.sha256, row.state, row.size) == (blob, blob.sha256, Blob.State.READY, 4)


def test_equal_content_is_one_blob_and_keeps_its_first_type(tmp_path: Path) -> None:
    first = store_blob(source=io.BytesIO(b"seen"), content_type="image/png")
    (tmp_path / "again").write_bytes(b"seen")
    second = store_blob(source=tmp_path / "again", content_type="text/html")
    assert first == second
    assert Blob.objects.get().content_type == "image/png"


def test_a_row_left_in_writing_becomes_ready_with_its_file() -> None:
    stored = backends.put(io.BytesIO(b"seen"))
    Blob.objects.create(sha256=stored.sha256, size=4, content_type="image/png", state=Blob.State.WRITING)
    assert store_blob(source=io.BytesIO(b"seen"), content_type="image/png").state == Blob.State.READY
    assert Blob.objects.get().state == Blob.State.READY


def test_a_file_deleted_before_its_row_is_written_is_stored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    put, puts = backends.put, []

    def put_and_lose_once(source: io.BytesIO) -> backends.StoredObject:
        stored = put(source)
        puts.append(stored)
        if len(puts) == 1:
            backends.delete(stored.key)
        return stored

    monkeypatch.setattr(backends, "put", put_and_lose_once)
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/png")
    assert len(puts) == 2
    assert content(blob) == b"seen"


def test_no_row_is_ready_if_the_file_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    put = backends.put

    def put_and_lose(source: io.BytesIO) -> backends.StoredObject:
        stored = put(source)
        backends.delete(stored.key)
        return stored

    monkeypatch.setattr(backends, "put", put_and_lose)
    with pytest.raises(StorageBusy):
        store_blob(source=io.BytesIO(b"seen"), content_type="image/png")
    assert not Blob.objects.exists()


def test_a_missing_file_raises_blob_missing() -> None:
    blob = store_blob(source=io.BytesIO(b"seen"), content_type="image/png")
    backends.delete(blob.key)
    with pytest.raises(BlobMissing), blob_file(blob):
        pass
    with pytest.raises(BlobMissing):
        open_blob(blob)


@pytest.mark.django_db(transaction=True)
def test_concurrent_stores_of_the_same_content_get_the_same_blob() -> None:
    results = together(*[lambda: store_blob(source=io.BytesIO(b"seen" * 10_000), content_type="image/png")] * 4)
    assert {type(result) for result in results} == {Blob}, results
    assert len({result.pk for result in results}) == 1
    assert content(results[0]) == b"seen" * 10_000


def an_upload(body: bytes) -> TemporaryUploadedFile:
    """A file that Django has received and written to the spool."""
    handler = SpoolUploadHandler()
    handler.new_file("archive", "big.zip", "application/zip", len(body), None, {})
    handler.receive_data_chunk(body, 0)
    file = handler.file_complete(len(body))
    assert isinstance(file, TemporaryUploadedFile)
    return file


def test_an_upload_in_the_spool_is_stored_without_a_copy(tmp_path: Path) -> None:
    with an_upload(b"seen" * 10_000) as upload:
        spooled = Path(upload.temporary_file_path()).stat()
        blob = store_blob(source=cast(BinaryIO, upload.file), content_type="application/zip")
    path = backends.local_path(blob.key)
    assert path is not None
    assert (path.stat().st_ino, path.stat().st_nlink) == (spooled.st_ino, 1)
    assert content(blob) == b"seen" * 10_000
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_of_somebody_else_is_copied(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(b"seen")
    blob = store_blob(source=mine, content_type="image/jpeg")
    mine.write_bytes(b"changed")
    assert content(blob) == b"seen"


def test_an_upload_that_differs_from_its_checksum_leaves_nothing(storage_folder: Path) -> None:
    with an_upload(b"seen") as upload, pytest.raises(ContentDiffers):
        backends.put(cast(BinaryIO, upload.file), sha256=hashlib.sha256(b"else").hexdigest())
    assert [path for path in storage_folder.rglob("*") if path.is_file()] == []
