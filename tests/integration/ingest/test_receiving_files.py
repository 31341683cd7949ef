"""Files are received under their owner's names until the import is submitted, once."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.models import Job, OutboxMessage
from storage.models import Blob
from tasks.ingest import services
from tasks.ingest.errors import FolderRefused, ImportClosed, ImportEmpty, ImportNotFound, ImportTooLarge
from tasks.ingest.models import Import, ImportItem
from tasks.ingest.selectors import import_for, import_report, imports_of, is_stalled, metadata_by_item
from tasks.ingest.services import (
    add_file,
    add_metadata,
    add_staged_archive,
    finish_upload,
    ingest_folder,
    resume_import,
    stage_archive,
    start_import,
)
from tests.concurrency_helpers import together
from tests.factories import a_project, ada
from tests.own_storage import content
from tests.pictures import a_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


def an_import(**options: Any) -> Import:
    return start_import(project=a_project(), by=ada(), **options)


def add(batch_import: Import, name: str, body: bytes = b"seen") -> ImportItem:
    return add_file(batch_import=batch_import, name=name, source=io.BytesIO(body))


def add_archive(batch_import: Import, name: str, body: bytes = b"PK") -> None:
    archive = stage_archive(source=io.BytesIO(body), name=name)
    add_staged_archive(batch_import=batch_import, archive=archive)


def test_a_file_keeps_its_relative_path_and_its_bytes() -> None:
    item = add(an_import(), "photos/2024/a b.JPG")
    assert (item.name, item.state) == ("photos/2024/a b.JPG", "waiting")
    assert item.original is not None and content(item.original) == b"seen"
    assert item.original.content_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("sent", "stored"), [("photos\\a.jpg", "photos/a.jpg"), ("./a.jpg", "a.jpg"), ("/a.jpg", "a.jpg")]
)
def test_names_are_made_posix(sent: str, stored: str) -> None:
    assert add(an_import(), sent).name == stored


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../etc/passwd", "name_path"),
        ("a\nb.jpg", "name_control"),
        ("", "name_nul"),
        ("x" * 1100 + ".jpg", "name_long"),
        ("C:\\photos\\a.jpg", "name_absolute"),
        ("Thumbs.db", "system_file"),
    ],
)
def test_a_bad_name_is_a_refused_item_with_its_reason(name: str, code: str) -> None:
    batch_import = an_import()
    item = add(batch_import, name)
    assert (item.state, item.code) == ("refused", code)
    assert item.reason[0].isupper() and item.reason.endswith(".")
    assert not Blob.objects.exists()
    report = import_report(batch_import=batch_import)
    assert (report["total"], report["refused"], report["items"][0]["code"]) == (1, 1, code)


def test_a_file_that_is_too_large_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_FILE", 1)
    assert add(an_import(), "a.jpg").code == "too_many_bytes"


class Stream(io.BytesIO):
    """A stream whose size is not known before its end."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, Stream])
def test_a_file_of_the_largest_size_is_taken_and_a_byte_more_is_not(
    monkeypatch: pytest.MonkeyPatch, kind: type[io.BytesIO]
) -> None:
    monkeypatch.setattr(services, "MAX_FILE", 5)
    taken = services.stage_file(name="a.jpg", source=kind(b"12345"))
    assert taken.blob is not None
    assert content(taken.blob) == b"12345"
    refused = services.stage_file(name="b.jpg", source=kind(b"123456"))
    assert (refused.blob, refused.refusal and refused.refusal[0]) == (None, "too_many_bytes")


def test_submitting_queues_one_job_in_the_same_transaction() -> None:
    batch_import = an_import()
    add(batch_import, "a.jpg")
    finish_upload(batch_import=batch_import)
    job = Job.objects.get()
    assert (job.kind, job.args, job.project_id) == (
        "flow.run_import",
        {"import_id": batch_import.pk},
        batch_import.project_id,
    )
    assert OutboxMessage.objects.get().job == job
    assert Import.objects.get().state == "working"


def test_nothing_can_be_added_after_submission() -> None:
    batch_import = an_import()
    add(batch_import, "a.jpg")
    finish_upload(batch_import=batch_import)
    calls: list[Callable[[], object]] = [
        lambda: add(batch_import, "b.jpg"),
        lambda: add_archive(batch_import, "x.zip"),
        lambda: add_metadata(batch_import=batch_import, source=io.BytesIO(b"file_name\na.jpg\n")),
        lambda: finish_upload(batch_import=batch_import),
    ]
    for call in calls:
        with pytest.raises(ImportClosed):
            call()
    assert Import.objects.get().total == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_submissions_one_succeeds_and_late_files_are_refused_or_counted() -> None:
    batch_import = an_import()
    add(batch_import, "a.jpg")
    results = together(
        *[lambda: finish_upload(batch_import=batch_import)] * 2,
        *[lambda name=name: add(batch_import, name) for name in ("b.jpg", "c.jpg")],
    )
    assert sorted(type(result).__name__ for result in results[:2]) == ["ImportClosed", "NoneType"]
    assert Job.objects.count() == 1
    row = Import.objects.get()
    assert row.total == ImportItem.objects.count() == 1 + sum(isinstance(each, ImportItem) for each in results[2:])


def test_an_empty_import_is_refused() -> None:
    with pytest.raises(ImportEmpty):
        finish_upload(batch_import=an_import())


def test_an_import_has_one_archive_and_a_maximum_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    batch_import = an_import(source="archive")
    add_archive(batch_import, "x.zip")
    with pytest.raises(ImportTooLarge, match="already has an archive"):
        add_archive(batch_import, "y.zip")
    monkeypatch.setattr(services, "MAX_ITEMS", 1)
    add(batch_import, "a.jpg")
    with pytest.raises(ImportTooLarge, match="Put the rest in another import"):
        add(batch_import, "b.jpg")


def test_an_archive_over_the_limit_is_refused(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 3
    with pytest.raises(ImportTooLarge, match=r"x\.zip is larger"):
        add_archive(an_import(), "x.zip", b"PK12")


def test_tables_are_merged_and_names_without_a_file_are_reported() -> None:
    batch_import = an_import()
    add(batch_import, "photos/a.jpg")
    assert (
        add_metadata(batch_import=batch_import, source=io.BytesIO(b"file_name,place\na.jpg,Bonn\nb.jpg,Ghent\n")) == 2
    )
    assert add_metadata(batch_import=batch_import, source=io.BytesIO(b"file_name,place\nc.jpg,Lund\n")) == 1
    report = import_report(batch_import=batch_import)
    assert report["metadata"] == {
        "named": 3,
        "unmatched": ["b.jpg", "c.jpg"],
        "unmatched_count": 2,
        "problems": [],
        "problem_count": 0,
    }


def test_names_of_a_table_that_are_ambiguous_or_differ_are_reported() -> None:
    batch_import = an_import()
    for name in ("a/1.jpg", "b/1.jpg", "2.jpg", "a/3.jpg"):
        add(batch_import, name)
    table = b"file_name,place\n1.jpg,Bonn\n2.JPG,Ghent\nb/3.jpg,Lund\n"
    add_metadata(batch_import=batch_import, source=io.BytesIO(table))
    report = import_report(batch_import=batch_import)["metadata"]
    assert (report["unmatched"], report["problem_count"]) == (["b/3.jpg"], 2)
    assert report["problems"] == [
        {"name": "1.jpg", "reason": "This may be a/1.jpg or b/1.jpg. Use the full path."},
        {"name": "2.JPG", "reason": "It was used for the image 2.jpg, whose name differs."},
    ]
    assert metadata_by_item(batch_import=batch_import) == {"2.jpg": {"place": "Ghent"}}


def test_a_folder_is_imported_without_links_and_system_files(tmp_path: Path) -> None:
    folder = a_folder(
        tmp_path / "in",
        {
            "b/x.jpg": b"1",
            "a.jpg": b"2",
            "notes.txt": b"3",
            ".hidden/y.jpg": b"4",
            ".DS_Store": b"5",
            "__MACOSX/z.jpg": b"6",
            "metadata.csv": b"file_name,place\na.jpg,Bonn\n",
        },
    )
    (folder / "link.jpg").symlink_to("/etc/hostname")
    batch_import = ingest_folder(project=a_project(), by=ada(), folder=folder)
    names = list(batch_import.items.order_by("id").values_list("name", flat=True))
    assert names == ["a.jpg", "notes.txt", "b/x.jpg"]
    assert (batch_import.state, batch_import.source) == ("working", "folder")
    assert batch_import.metadata == {"a.jpg": {"place": "Bonn"}}
    with pytest.raises(FolderRefused):
        ingest_folder(project=a_project("Others"), by=ada(), folder=folder / "a.jpg")


def test_an_import_whose_job_gave_up_is_stalled_and_can_be_resumed() -> None:
    batch_import = an_import()
    add(batch_import, "a.jpg")
    with pytest.raises(ImportClosed):
        resume_import(batch_import=batch_import)
    finish_upload(batch_import=batch_import)
    assert is_stalled(batch_import=Import.objects.get()) is False
    Job.objects.update(state="failed")
    assert import_report(batch_import=batch_import)["stalled"] is True
    resume_import(batch_import=batch_import)
    assert import_report(batch_import=batch_import)["stalled"] is False


def test_an_import_belongs_to_its_project() -> None:
    batch_import = an_import()
    project, other = a_project("One"), a_project("Two")
    mine = start_import(project=project, by=ada())
    assert list(imports_of(project=project)) == [mine]
    assert import_for(project=project, public_id=str(mine.public_id)) == mine
    for public_id in (batch_import.public_id, "no-uuid"):
        with pytest.raises(ImportNotFound):
            import_for(project=other, public_id=public_id)
