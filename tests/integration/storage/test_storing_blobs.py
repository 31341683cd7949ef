"""A row is ready only if its file exists, and equal content is one blob."""

import io
from pathlib import Path

import pytest

from storage import backends
from storage.backends import BlobMissing
from storage.models import Blob
from storage.services import StorageBusy, blob_file, open_blob, store_blob
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
