"""Of several files with one name the first is taken and the others are refused, in whichever way they are sent."""

import hashlib
import io
import warnings
import zipfile  # noqa: TID251 - creates the archives that people upload
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.constraints import violated_constraint
from projects.models import Project
from tasks.flow import imports
from tasks.flow.imports import run_import
from tasks.ingest.models import ITEM_ENTRY, ITEM_KEY, Image, Import, ImportItem
from tasks.ingest.selectors import import_report
from tasks.ingest.services import add_file, add_staged_archive, finish_upload, stage_archive, start_import
from tests.concurrency_helpers import together
from tests.factories import a_project, ada
from tests.own_storage import storage_folder as storage_folder
from tests.pictures import a_jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]

Files = Sequence[tuple[str, bytes]]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def zipped(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, body in files:
            archive.writestr(name, body)
    return target.getvalue()


def receive(*, loose: Files = (), archive: Files = (), project: Project | None = None) -> Import:
    batch_import = start_import(project=project or a_project(), by=ada(), source="archive" if archive else "files")
    for name, body in loose:
        add_file(batch_import=batch_import, name=name, source=io.BytesIO(body))
    if archive:
        blob = stage_archive(source=io.BytesIO(zipped(archive)), name="images.zip")
        add_staged_archive(batch_import=batch_import, archive=blob)
    finish_upload(batch_import=batch_import)
    return batch_import


def result(batch_import: Import) -> dict[str, Any]:
    while not run_import(import_id=batch_import.pk, decoders=1):
        pass
    report = import_report(batch_import=batch_import)
    counts = {name: report[name] for name in ("state", "total", "taken", "duplicates", "refused")}
    return counts | {"images": sources()}


def sources() -> dict[str, str]:
    """{source key: SHA-256 of the original}."""
    return dict(Image.objects.order_by("id").values_list("source_key", "sha256"))


def test_an_archive_with_a_name_twice_gives_the_first_of_them() -> None:
    first, second, other = a_jpeg(1), a_jpeg(2), a_jpeg(3)
    batch_import = receive(archive=[("a.jpg", first), ("a.jpg", second), ("b.jpg", other)])
    report = result(batch_import)
    assert (report["state"], report["total"], report["taken"], report["refused"]) == ("done", 3, 2, 1)
    assert list(report["images"]) == ["a.jpg", "b.jpg"]
    assert report["images"]["a.jpg"] == digest(first)
    (left_out,) = import_report(batch_import=batch_import)["items"]
    assert (left_out["name"], left_out["state"], left_out["code"]) == ("a.jpg", "refused", "duplicate")
    assert "Only the first is used." in left_out["reason"]


@pytest.mark.parametrize("names", [("é.jpg", "e\u0301.jpg"), ("e\u0301.jpg", "é.jpg"), ("./é.jpg", "e\u0301.jpg")])
def test_two_unicode_forms_are_one_name(names: tuple[str, str]) -> None:
    for ways in ({"archive": 2}, {"loose": 2}):
        files = [(names[0], a_jpeg(1)), (names[1], a_jpeg(2))]
        report = result(receive(project=a_project(f"by {ways}"), **dict.fromkeys(ways, files)))
        assert (report["total"], report["taken"], report["refused"]) == (2, 1, 1), ways
        assert set(report["images"]) == {"é.jpg"}
        assert report["images"]["é.jpg"] == digest(a_jpeg(1))


def test_a_refused_entry_never_stands_in_for_a_good_one() -> None:
    link = zipfile.ZipInfo("a.jpg")
    link.external_attr = 0o120777 << 16
    link.create_system = 3
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, b"/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", a_jpeg(1))
    target.seek(0)
    batch_import = start_import(project=a_project(), by=ada(), source="archive")
    add_staged_archive(batch_import=batch_import, archive=stage_archive(source=target, name="x.zip"))
    finish_upload(batch_import=batch_import)
    report = result(batch_import)
    assert (report["total"], report["taken"], report["refused"]) == (2, 1, 1)


def test_loose_files_of_one_import_and_its_archive_share_their_names() -> None:
    report = result(
        receive(
            loose=[("a.jpg", a_jpeg(1)), ("a.jpg", a_jpeg(2)), ("../c.jpg", a_jpeg(3))],
            archive=[("a.jpg", a_jpeg(4)), ("../c.jpg", a_jpeg(5)), ("b.jpg", a_jpeg(6))],
        )
    )
    assert (report["total"], report["taken"], report["refused"]) == (6, 2, 4)
    assert report["images"] == {"a.jpg": digest(a_jpeg(1)), "b.jpg": digest(a_jpeg(6))}


@pytest.mark.parametrize("chunk", [1, 2, 50])
def test_a_run_that_was_interrupted_anywhere_counts_nothing_twice(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", chunk)
    files = [(name, a_jpeg(at)) for at, name in enumerate(["a.jpg", "b.jpg", "a.jpg", "../x.jpg", "b.jpg", "c.jpg"])]
    batch_import = receive(loose=[("c.jpg", a_jpeg(9))], archive=files)
    for _ in range(20):
        if run_import(import_id=batch_import.pk, decoders=1, seconds=0):
            break
    report = import_report(batch_import=batch_import)
    assert (report["state"], report["total"], report["taken"], report["refused"]) == ("done", 7, 3, 4)
    assert sources() == {"c.jpg": digest(a_jpeg(9)), "a.jpg": digest(a_jpeg(0)), "b.jpg": digest(a_jpeg(1))}


def test_an_import_that_an_older_version_had_begun_is_finished_without_counting_again() -> None:
    batch_import = receive(archive=[("a.jpg", a_jpeg(1)), ("b.jpg", a_jpeg(2)), ("../c.jpg", a_jpeg(3))])
    Import.objects.update(total=2, refused=1)
    ImportItem.objects.create(
        batch_import=batch_import, name="../c.jpg", state="refused", code="name_path", reason="A path."
    )
    ImportItem.objects.create(batch_import=batch_import, name="a.jpg", original=Import.objects.get().archive)
    result(batch_import)
    report = import_report(batch_import=batch_import)
    # Its item of a.jpg is no image here; what matters is that it is not unpacked again.
    assert (report["total"], report["taken"]) == (3, 1)


def test_a_file_that_an_older_version_received_keeps_its_name() -> None:
    batch_import = start_import(project=a_project(), by=ada())
    ImportItem.objects.create(batch_import=batch_import, name="a.jpg")
    ImportItem.objects.create(batch_import=batch_import, name="b.jpg", state="refused", code="x", reason="Too large.")
    names = ("a.jpg", "b.jpg")
    items = [add_file(batch_import=batch_import, name=name, source=io.BytesIO(a_jpeg(1))) for name in names]
    assert [item.state for item in items] == ["refused", "waiting"]


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_requests_with_one_name_one_is_taken() -> None:
    batch_import = start_import(project=a_project(), by=ada())
    bodies = [a_jpeg(number) for number in range(4)]
    items = together(
        *[
            lambda body=body: add_file(batch_import=batch_import, name="a.jpg", source=io.BytesIO(body))
            for body in bodies
        ]
    )
    assert sorted(item.state for item in items) == ["refused", "refused", "refused", "waiting"]
    row = Import.objects.get()
    assert (row.total, row.refused) == (4, 3)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_unpack_each_entry_once() -> None:
    files = [(f"{at % 5}.jpg", a_jpeg(at)) for at in range(12)]
    batch_import = receive(archive=files)
    together(*[lambda: run_import(import_id=batch_import.pk, decoders=1)] * 3)
    report = import_report(batch_import=batch_import)
    assert (report["total"], report["taken"], report["refused"]) == (12, 5, 7)


def test_the_database_forbids_two_files_with_one_key() -> None:
    batch_import = start_import(project=a_project(), by=ada())
    ImportItem.objects.create(batch_import=batch_import, name="a", key="a", entry=0)
    for again, constraint in (({"key": "a"}, ITEM_KEY), ({"entry": 0}, ITEM_ENTRY)):
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            ImportItem.objects.create(batch_import=batch_import, name="a", **again)
        assert violated_constraint(error.value) == constraint


NAMES = st.sampled_from(["a.jpg", "é.jpg", "e\u0301.jpg", "./a.jpg", "d\\a.jpg", "d/a.jpg", "../a.jpg", ".DS_Store"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(loose=st.lists(NAMES, max_size=4), archive=st.lists(NAMES, min_size=1, max_size=6))
def test_every_file_is_accounted_for_and_the_first_with_a_name_is_taken(loose: list[str], archive: list[str]) -> None:
    """Property: each name is one image, of the first file with it, and taken and refused add up to what was sent."""
    with transaction.atomic():
        bodies = iter(range(1, 100))
        sent = [(name, a_jpeg(next(bodies))) for name in loose]
        packed = [(name, a_jpeg(next(bodies))) for name in archive]
        batch_import = receive(loose=sent, archive=packed, project=a_project(f"P{next(bodies)}"))
        report = result(batch_import)
        ignored = sum(name == ".DS_Store" for name in archive)
        assert report["total"] == len(loose) + len(archive) - ignored
        assert report["total"] == report["taken"] + report["refused"] + report["duplicates"]
        expected: dict[str, str] = {}
        for name, body in [*sent, *packed]:
            clean = {"e\u0301.jpg": "é.jpg", "./a.jpg": "a.jpg", "d\\a.jpg": "d/a.jpg"}.get(name, name)
            if clean not in ("../a.jpg", ".DS_Store"):
                expected.setdefault(clean, digest(body))
        assert report["images"] == expected
        transaction.set_rollback(True)
