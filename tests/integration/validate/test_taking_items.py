"""A file of an import becomes an image once, or is refused with a reason."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from projects.models import Project
from storage import backends
from storage.models import Blob
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.services import add_file, start_import
from tasks.validate.imaging.errors import DecoderUnavailable
from tasks.validate.services import process_item
from tests.concurrency_helpers import together
from tests.factories import a_project, ada
from tests.own_storage import content
from tests.pictures import a_jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


def an_item(body: bytes, name: str = "photos/a.jpg", *, project: Project | None = None) -> ImportItem:
    batch_import = start_import(project=project or a_project(), by=ada())
    return add_file(batch_import=batch_import, name=name, source=io.BytesIO(body))


def counts(item: ImportItem) -> tuple[int, int, int]:
    row = Import.objects.get(pk=item.batch_import_id)
    return row.taken, row.duplicates, row.refused


def test_an_image_is_stored_with_its_renditions_in_the_upright_frame() -> None:
    original = a_jpeg(width=48, height=32, orientation=6)
    item = an_item(original)
    image = process_item(item=item, metadata={"place": "Bonn", "Group": "herd"})
    assert image is not None
    assert (image.width, image.height, image.original_width, image.original_height) == (32, 48, 48, 32)
    assert (image.orientation, image.source_key, image.group_key) == (6, "photos/a.jpg", "herd")
    assert image.metadata == {"place": "Bonn", "Group": "herd"}
    assert content(image.original) == original
    for blob in (image.release, image.rendition, image.thumb):
        with Picture.open(io.BytesIO(content(blob))) as shown:  # noqa: TID251 - a test looks at what was stored
            assert shown.size == (32, 48)
            assert not shown.getexif()
    assert image.quality["format"] == "JPEG"
    item.refresh_from_db()
    assert (item.state, item.image, item.original) == ("taken", image, None)
    assert counts(item) == (1, 0, 0)


def test_processing_an_item_again_changes_nothing() -> None:
    item = an_item(a_jpeg())
    assert process_item(item=item) == process_item(item=item)
    assert counts(item) == (1, 0, 0)


def test_the_same_content_under_another_name_is_a_duplicate_of_the_first() -> None:
    project = a_project()
    image = process_item(item=an_item(a_jpeg(), project=project))
    twin = an_item(a_jpeg(), "copy.jpg", project=project)
    assert process_item(item=twin) == image
    twin.refresh_from_db()
    assert (twin.state, twin.reason) == ("duplicate", "The dataset already contains this image as photos/a.jpg.")
    assert counts(twin) == (0, 1, 0)


def test_another_dataset_shares_the_files_of_the_same_content() -> None:
    first = process_item(item=an_item(a_jpeg()))
    second = process_item(item=an_item(a_jpeg(), project=a_project("Others")))
    assert first is not None and second is not None
    assert first != second
    assert (first.original, first.release) == (second.original, second.release)
    assert Blob.objects.filter(sha256=first.sha256).count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"two cats", "not_an_image"), (a_jpeg()[:400], "truncated"), (b"%PDF-1.7", "format_refused")],
)
def test_an_item_that_is_not_an_image_is_refused_with_a_sentence(body: bytes, code: str) -> None:
    item = an_item(body)
    assert process_item(item=item) is None
    item.refresh_from_db()
    assert (item.state, item.code, item.original) == ("refused", code, None)
    assert item.reason.endswith(".")
    assert counts(item) == (0, 0, 1)
    assert not Image.objects.exists()


def test_a_lost_file_is_refused_and_does_not_block_the_import() -> None:
    item = an_item(a_jpeg())
    assert item.original is not None
    backends.delete(item.original.key)
    assert process_item(item=item) is None
    item.refresh_from_db()
    assert (item.state, item.code, counts(item)) == ("refused", "file_lost", (0, 0, 1))


def test_an_unavailable_decoder_leaves_the_item_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    item = an_item(a_jpeg())

    def unavailable(*args: object, **options: object) -> None:
        raise DecoderUnavailable

    with monkeypatch.context() as patch, pytest.raises(DecoderUnavailable):
        patch.setattr("tasks.validate.services.inspect_and_render", unavailable)
        process_item(item=item)
    item.refresh_from_db()
    assert (item.state, counts(item)) == ("waiting", (0, 0, 0))
    assert process_item(item=item) is not None


def test_no_temporary_files_remain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.ANNOTARY_DATA = tmp_path / "data"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    process_item(item=an_item(a_jpeg()))
    process_item(item=an_item(b"two cats", project=a_project("Others")))
    assert list(temporary.iterdir()) == []
    assert list((tmp_path / "data" / "spool").iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_runs_count_an_item_once() -> None:
    item = an_item(a_jpeg())
    results = together(*[lambda slot=slot: process_item(item=item, slot=slot) for slot in range(2)])
    assert results == [Image.objects.get()] * 2
    item.refresh_from_db()
    assert (item.state, counts(item)) == ("taken", (1, 0, 0))


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_imports_of_the_same_content_one_has_the_duplicate() -> None:
    project = a_project()
    items = [an_item(a_jpeg(), f"{number}.jpg", project=project) for number in range(2)]
    results = together(
        *[lambda item=item, slot=slot: process_item(item=item, slot=slot) for slot, item in enumerate(items)]
    )
    assert results == [Image.objects.get()] * 2
    assert sorted(ImportItem.objects.values_list("state", flat=True)) == ["duplicate", "taken"]
    assert sorted(counts(item) for item in items) == [(0, 1, 0), (1, 0, 0)]
