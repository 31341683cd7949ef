"""An import creates images and tasks, reports refused files, and survives being killed."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile  # noqa: TID251 - creates the archives that people upload
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotary.runtime.source_roots import python_path
from kernel.events import number_events, stream_snapshot
from kernel.jobs import run_job
from kernel.models import Event, Job
from projects.models import Project
from storage import backends
from storage.models import Blob
from tasks.batching.models import Batch, Task
from tasks.flow import imports
from tasks.flow.imports import run_import
from tasks.flow.jobs import run_import_job
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.selectors import import_report
from tasks.ingest.services import (
    add_file,
    add_metadata,
    add_staged_archive,
    finish_upload,
    ingest_folder,
    stage_archive,
    start_import,
)
from tasks.validate.imaging.errors import DecoderUnavailable
from tests.concurrency_helpers import together
from tests.factories import a_project, ada
from tests.own_storage import storage_folder as storage_folder
from tests.pictures import a_folder, a_jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]
ROOT = Path(__file__).resolve().parents[2]


def a_zip(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return target.getvalue()


def an_import_of_files(files: dict[str, bytes], *, project: Project | None = None, table: bytes = b"") -> Import:
    batch_import = start_import(project=project or a_project(), by=ada())
    for name, body in files.items():
        add_file(batch_import=batch_import, name=name, source=io.BytesIO(body))
    if table:
        add_metadata(batch_import=batch_import, source=io.BytesIO(table))
    finish_upload(batch_import=batch_import)
    return batch_import


def an_import_of_zip(body: bytes, *, project: Project | None = None) -> Import:
    batch_import = start_import(project=project or a_project(), by=ada(), source="archive")
    archive = stage_archive(source=io.BytesIO(body), name="images.zip")
    add_staged_archive(batch_import=batch_import, archive=archive)
    finish_upload(batch_import=batch_import)
    return batch_import


def run(batch_import: Import, **options: Any) -> dict[str, Any]:
    run_import(import_id=batch_import.pk, **({"decoders": 1} | options))
    return import_report(batch_import=batch_import)


def totals(batch_import: Import) -> dict[str, int]:
    assert batch_import.project_id is not None
    while number_events(project_id=batch_import.project_id):
        pass
    return stream_snapshot(project_id=batch_import.project_id).totals


def photos(count: int) -> dict[str, bytes]:
    return {f"photos/{number:03}.jpg": a_jpeg(number) for number in range(count)}


def test_files_become_images_and_tasks_in_draft_batches() -> None:
    project = a_project(batch_size=3, answers_min=2)
    batch_import = an_import_of_files(photos(5), project=project)
    report = run(batch_import)
    assert (report["state"], report["total"], report["taken"], report["waiting"]) == ("done", 5, 5, 0)
    assert report["finished_at"] is not None
    assert [task.image.source_key for task in Task.objects.order_by("id")] == list(photos(5))
    assert list(Batch.objects.order_by("number").values_list("state", "wanted")) == [("draft", 6), ("draft", 4)]
    assert totals(batch_import) == {"images": 5, "tasks": 5, "places": 10}


def test_the_images_of_an_import_are_distributed_over_all_of_its_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "TASKS_AT_ONCE", 12)
    run(an_import_of_files(photos(36), project=a_project(batch_size=12)))
    for batch in Batch.objects.all():
        keys = sorted(batch.tasks.values_list("image__source_key", flat=True))
        assert len(keys) == 12
        # Without mixing, the first and the last image of a batch are 11 apart; with it, below 15 once in 40,000 runs.
        assert int(keys[-1][7:10]) - int(keys[0][7:10]) >= 15, keys


def test_an_archive_is_unpacked_and_refused_files_are_reported_with_a_reason() -> None:
    files = photos(3) | {
        "photos/copy.jpg": a_jpeg(0),
        "photos/readme.txt": b"two cats",
        "labels/000.xml": b"<?xml version='1.0'?><annotation/>",
        "../climbing.jpg": a_jpeg(7),
        "photos/more.zip": b"PK",
        "__MACOSX/photos/._000.jpg": b"litter",
    }
    report = run(an_import_of_zip(a_zip(files)))
    assert (report["state"], report["taken"], report["duplicates"], report["refused"]) == ("done", 3, 1, 4)
    reported = {item["name"]: (item["state"], item["code"]) for item in report["items"]}
    assert reported == {
        "photos/copy.jpg": ("duplicate", "duplicate"),
        "photos/readme.txt": ("refused", "not_an_image"),
        "labels/000.xml": ("refused", "format_refused"),
        "../climbing.jpg": ("refused", "name_path"),
        "photos/more.zip": ("refused", "nested"),
    }
    assert all(item["reason"].endswith(".") for item in report["items"])


def test_the_archive_is_dropped_afterwards_and_its_files_are_the_originals() -> None:
    batch_import = an_import_of_zip(a_zip(photos(2)))
    run(batch_import)
    row = Import.objects.get(pk=batch_import.pk)
    assert row.archive is None
    assert {image.original.sha256 for image in Image.objects.all()} == {image.sha256 for image in Image.objects.all()}
    assert not ImportItem.objects.exclude(original=None).exists()


def test_an_invalid_archive_fails_the_import_with_a_message() -> None:
    report = run(an_import_of_zip(b"PK\x03\x04 cut off"))
    assert (report["state"], report["total"]) == ("failed", 0)
    assert report["error"] == "The archive is truncated. Copy or upload it again."
    assert Blob.objects.count() == 1


def test_a_lost_archive_fails_the_import_with_a_message() -> None:
    batch_import = an_import_of_zip(a_zip(photos(1)))
    assert batch_import.archive is not None
    backends.delete(batch_import.archive.key)
    report = run(batch_import)
    assert (report["state"], report["error"]) == (
        "failed",
        "The archive was lost before it could be read. Upload it again.",
    )


def test_an_import_without_any_accepted_file_fails() -> None:
    report = run(an_import_of_files({"a.txt": b"one", "b.txt": b"two"}))
    assert (report["state"], report["refused"]) == ("failed", 2)
    assert "No file of this import" in report["error"]


def test_metadata_and_groups_come_from_the_table() -> None:
    table = b"file_name;place;group\n000.jpg;Bonn;herd\nphotos/001.jpg;Ghent;\nlost.jpg;Lund;\n"
    report = run(an_import_of_files(photos(3), table=table))
    assert report["metadata"] == {
        "named": 3,
        "unmatched": ["lost.jpg"],
        "unmatched_count": 1,
        "problems": [],
        "problem_count": 0,
    }
    kept = {image.source_key: (image.metadata, image.group_key) for image in Image.objects.all()}
    assert kept == {
        "photos/000.jpg": ({"place": "Bonn", "group": "herd"}, "herd"),
        "photos/001.jpg": ({"place": "Ghent"}, ""),
        "photos/002.jpg": ({}, ""),
    }


def test_a_table_at_the_root_of_an_archive_is_its_metadata() -> None:
    files = photos(1) | {"metadata.csv": b"file_name,place\n000.jpg,Bonn\n"}
    report = run(an_import_of_zip(a_zip(files)))
    assert (report["total"], report["metadata"]["named"]) == (1, 1)
    assert Image.objects.get().metadata == {"place": "Bonn"}
    broken = run(
        an_import_of_zip(a_zip({"a.jpg": a_jpeg(9), "metadata.csv": b"place\nBonn\n"}), project=a_project("Others"))
    )
    assert [(item["name"], item["code"]) for item in broken["items"]] == [("metadata.csv", "metadata_refused")]


def test_images_already_in_the_dataset_become_tasks_of_a_second_project() -> None:
    first = a_project()
    run(an_import_of_files(photos(2), project=first))
    second = a_project("Others")
    Project.objects.filter(pk=second.pk).update(dataset=first.dataset)
    second.refresh_from_db()
    report = run(an_import_of_files(photos(3), project=second))
    assert (report["state"], report["taken"], report["duplicates"]) == ("done", 1, 2)
    assert Task.objects.filter(project=second).count() == 3
    assert Task.objects.filter(project=first).count() == 2


def test_running_a_finished_import_again_changes_nothing() -> None:
    batch_import = an_import_of_files(photos(2))
    first = run(batch_import)
    assert run(batch_import) == first
    assert totals(batch_import) == {"images": 2, "tasks": 2, "places": 6}


def test_a_run_out_of_time_queues_its_continuation() -> None:
    batch_import = an_import_of_zip(a_zip(photos(4)))
    Job.objects.update(state="done")
    for _ in range(20):
        if run_import(import_id=batch_import.pk, decoders=1, seconds=0):
            break
        assert Job.objects.filter(state="queued").count() == 1
        Job.objects.update(state="done")
    assert import_report(batch_import=batch_import)["taken"] == 4
    assert totals(batch_import)["images"] == 4


def test_the_job_retries_when_the_decoder_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    batch_import = an_import_of_files(photos(1))

    def away(*args: object, **options: object) -> None:
        raise DecoderUnavailable

    monkeypatch.setattr("tasks.validate.services.inspect_and_render", away)
    job = Job.objects.get()

    def work(row: Job) -> None:
        run_import(import_id=batch_import.pk, decoders=1)

    run_job(job.pk, work)
    job.refresh_from_db()
    assert (job.state, Import.objects.get(pk=batch_import.pk).state) == ("queued", "working")


@pytest.mark.django_db(transaction=True)
def test_the_job_imports_a_folder_with_two_decoders_and_publishes_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.flow.imports.ANNOUNCE_SECONDS", 0.0)
    folder = a_folder(tmp_path / "in", photos(25))
    batch_import = ingest_folder(project=a_project(), by=ada(), folder=folder)
    run_import_job(Job.objects.get().pk)
    assert Job.objects.get().state == "done", Job.objects.get().error
    events = Event.objects.filter(kind="import.progress").order_by("id")
    deltas = [event.delta.get("images", 0) for event in events]
    assert sum(deltas) == 25
    assert sum(count > 0 for count in deltas) >= 3
    assert totals(batch_import) == {"images": 25, "tasks": 25, "places": 75}
    progress = [event.data["progress"] for event in events]
    assert [each["done"] for each in progress] == sorted(each["done"] for each in progress)
    assert progress[-1] == {"done": 25, "total": 25, "unit": "files"}


def test_an_import_announces_its_progress_once_a_second_however_quick_it_is() -> None:
    batch_import = an_import_of_zip(a_zip(photos(30)))
    assert import_report(batch_import=batch_import)["progress"] == {"done": 0, "total": None, "unit": "files"}
    started = time.monotonic()
    run_import(import_id=batch_import.pk, decoders=1)
    most = time.monotonic() - started + 3  # one at the end of each part
    assert Event.objects.filter(kind="import.progress").count() <= most
    assert import_report(batch_import=batch_import)["progress"] == {"done": 30, "total": 30, "unit": "files"}


@pytest.mark.django_db(transaction=True)
def test_concurrent_runs_count_nothing_twice() -> None:
    batch_import = an_import_of_zip(a_zip(photos(12) | {"notes.txt": b"x", "../up.jpg": b"x"}))
    results = together(*[lambda: run_import(import_id=batch_import.pk, decoders=1)] * 2)
    assert results == [True, True]
    report = import_report(batch_import=batch_import)
    assert (report["state"], report["total"], report["taken"], report["refused"]) == ("done", 14, 12, 2)
    assert ImportItem.objects.count() == 14
    assert totals(batch_import) == {"images": 12, "tasks": 12, "places": 36}


@pytest.fixture
def killed_runs(storage_folder: Path) -> Iterator[Any]:
    """Starts runs in separate processes, to be killed with SIGKILL."""
    script = (
        "import sys, django; django.setup()\n"
        "from django.conf import settings\n"
        "settings.STORAGES['default']['OPTIONS']['location'] = sys.argv[2]\n"
        "from tasks.flow.imports import run_import\n"
        "run_import(import_id=int(sys.argv[1]))\n"
    )
    options = connection.settings_dict
    url = f"postgresql://{options['USER']}@/{options['NAME']}?host={options['HOST']}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "annotary.settings.test",
        "PYTHONPATH": python_path(),
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(batch_import: Import) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", script, str(batch_import.pk), str(storage_folder)]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(10)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_killed_repeatedly_resumes_without_loss(killed_runs: Any) -> None:
    count = 60
    files = {f"{number:03}.jpg": a_jpeg(number, width=400, height=300) for number in range(count)}
    batch_import = an_import_of_zip(a_zip(files | {"notes.txt": b"x"}))
    kills = 0
    for target in (5, 20, 35):
        process = killed_runs(batch_import)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if Import.objects.get(pk=batch_import.pk).taken >= target:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.005)
        process.wait(60)
    assert kills == 3
    assert run_import(import_id=batch_import.pk)
    report = import_report(batch_import=batch_import)
    assert (report["state"], report["total"], report["taken"], report["refused"]) == ("done", count + 1, count, 1)
    assert Image.objects.count() == Task.objects.count() == count
    assert totals(batch_import) == {"images": count, "tasks": count, "places": 3 * count}
