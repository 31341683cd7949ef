"""Images have the order in which they were sent: loose files, the entries of an archive, the files of a folder."""

import io
import threading
import zipfile  # noqa: TID251 - creates the archives that people upload
from pathlib import Path
from typing import Any

import pytest

from kernel.jobs import others_wait
from kernel.models import Job
from projects.models import Project
from tasks.flow.imports import run_import
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.services import (
    add_file,
    add_staged_archive,
    finish_upload,
    ingest_folder,
    stage_archive,
    start_import,
)
from tasks.validate import services as validate
from tasks.validate.imaging.errors import DecoderUnavailable
from tasks.validate.imaging.inspect import inspect_and_render
from tests.factories import a_project, ada
from tests.own_storage import storage_folder as storage_folder
from tests.pictures import a_folder, a_jpeg

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("storage_folder")]
# No order of names, of contents, or of sizes.
NAMES = ["10.jpg", "2.jpg", "b/1.jpg", "a/9.jpg", "B.jpg", "a/10.jpg", "1.jpg", "z.jpg"]


def bodies(names: list[str]) -> dict[str, bytes]:
    """The first of every three is large: its decoder is slower than that of those after it."""
    return {name: a_jpeg(at, width=2400, height=1600) if at % 3 == 0 else a_jpeg(at) for at, name in enumerate(names)}


def order() -> list[str]:
    return list(Image.objects.order_by("id").values_list("source_key", flat=True))


def received(project: Project, names: list[str]) -> Import:
    batch_import = start_import(project=project, by=ada())
    for name, body in bodies(names).items():
        add_file(batch_import=batch_import, name=name, source=io.BytesIO(body))
    finish_upload(batch_import=batch_import)
    return batch_import


def test_loose_files_are_in_the_order_sent_although_several_are_decoded_at_once() -> None:
    run_import(import_id=received(a_project(), NAMES).pk, decoders=2)
    assert order() == NAMES


def test_the_files_of_an_archive_are_in_its_order() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, body in bodies(NAMES).items():
            archive.writestr(name, body)
    target.seek(0)
    batch_import = start_import(project=a_project(), by=ada(), source="archive")
    add_staged_archive(batch_import=batch_import, archive=stage_archive(source=target, name="x.zip"))
    finish_upload(batch_import=batch_import)
    run_import(import_id=batch_import.pk, decoders=2)
    assert order() == NAMES


def test_the_files_of_a_folder_are_in_natural_order(tmp_path: Path) -> None:
    batch_import = ingest_folder(project=a_project(), by=ada(), folder=a_folder(tmp_path / "in", bodies(NAMES)))
    run_import(import_id=batch_import.pk, decoders=2)
    assert order() == ["1.jpg", "2.jpg", "10.jpg", "B.jpg", "z.jpg", "a/9.jpg", "a/10.jpg", "b/1.jpg"]


def test_of_two_files_with_the_same_content_the_first_is_the_image() -> None:
    batch_import = start_import(project=a_project(), by=ada())
    for name in ("first.jpg", "second.jpg", "third.jpg"):
        add_file(batch_import=batch_import, name=name, source=io.BytesIO(a_jpeg(1)))
    finish_upload(batch_import=batch_import)
    run_import(import_id=batch_import.pk, decoders=2)
    assert order() == ["first.jpg"]
    assert [item.state for item in ImportItem.objects.order_by("id")] == ["taken", "duplicate", "duplicate"]


def test_a_failure_of_the_machine_leaves_later_files_waiting_and_the_next_run_keeps_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch_import = received(a_project(), NAMES)
    failed = threading.Event()

    def fails_once(*args: Any, name: str, **options: Any) -> Any:
        if name == NAMES[2] and not failed.is_set():
            failed.set()
            raise DecoderUnavailable
        return inspect_and_render(*args, name=name, **options)

    monkeypatch.setattr(validate, "inspect_and_render", fails_once)
    with pytest.raises(DecoderUnavailable):
        run_import(import_id=batch_import.pk, decoders=2)
    assert order() == NAMES[:2]
    run_import(import_id=batch_import.pk, decoders=2)
    assert order() == NAMES


def test_imports_of_one_project_do_not_take_turns_and_those_of_others_do() -> None:
    project, other = a_project("One"), a_project("Two")
    received(project, NAMES[:1])
    running = Job.objects.get()
    received(project, NAMES[1:2])
    assert not others_wait(running)
    received(other, NAMES[:1])
    assert others_wait(running)
