"""The sweep deletes what nothing references, and never what is about to be referenced."""

import hashlib
import io
import os
import time
from pathlib import Path

import pytest
from django.db import connection, transaction

from kernel.clock import ClockTimestamp
from kernel.jobs import run_job
from kernel.models import Job, OutboxMessage
from storage import backends, services
from storage.jobs import SWEEP_ON, sweep_blobs_job, sweep_on_job
from storage.models import Blob
from storage.services import STRAY_AFTER, store_blob, sweep_blobs
from storage.temporary_files import FOLDER_STRAY_AFTER, spool_folder
from tasks.ingest.models import Import
from tests.concurrency_helpers import BackgroundCall, together
from tests.factories import a_project, ada
from tests.own_storage import content

pytestmark = [pytest.mark.django_db]
LONG_AGO = time.time() - 2 * STRAY_AFTER.total_seconds()


def aged(blob: Blob) -> Blob:
    """Make the blob look as if it was stored two hours ago."""
    Blob.objects.filter(pk=blob.pk).update(touched_at=ClockTimestamp() - 2 * STRAY_AFTER)
    path = backends.local_path(blob.key)
    assert path is not None
    os.utime(path, (LONG_AGO, LONG_AGO))
    return blob


def stored(body: bytes = b"seen") -> Blob:
    return store_blob(source=io.BytesIO(body), content_type="image/png")


def an_import_with(blob: Blob) -> Import:
    project = a_project()
    return Import.objects.create(
        dataset=project.dataset, project_id=project.pk, source="archive", archive=blob, created_by=ada()
    )


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("blobs/??/*"))


def test_an_unreferenced_blob_is_deleted_with_its_file(storage_folder: Path) -> None:
    aged(stored())
    sweep_blobs_job()
    assert not Blob.objects.exists()
    assert files_in(storage_folder) == []


def test_a_referenced_blob_stays(storage_folder: Path) -> None:
    blob = aged(stored())
    an_import_with(blob)
    assert sweep_blobs() == (0, 0)
    assert content(blob) == b"seen"


def test_content_stored_within_the_hour_stays_even_if_it_is_old(storage_folder: Path) -> None:
    stored(b"new")
    aged(stored(b"old"))
    stored(b"old")
    assert sweep_blobs() == (0, 0)
    assert len(files_in(storage_folder)) == 2


def test_a_file_without_a_row_is_deleted_after_an_hour(storage_folder: Path) -> None:
    old, new = backends.put(io.BytesIO(b"old")), backends.put(io.BytesIO(b"new"))
    os.utime(storage_folder / old.key, (LONG_AGO, LONG_AGO))
    assert sweep_blobs() == (0, 1)
    assert files_in(storage_folder) == [new.sha256]


def test_a_sweep_goes_on_in_steps_while_there_is_more(storage_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SWEEP_AT_MOST", 2)
    for number in range(5):
        aged(stored(f"content {number}".encode()))
    sweep_blobs_job()
    for left in (3, 1, 0):
        assert Blob.objects.count() == left
        jobs = list(Job.objects.filter(kind=SWEEP_ON.name, state=Job.State.QUEUED))
        assert len(jobs) == min(left, 1)
        for job in jobs:
            run_job(job.pk, sweep_on_job.run_function)  # type: ignore[attr-defined]
    assert files_in(storage_folder) == []
    assert OutboxMessage.objects.filter(queue="heavy").count() == 2


def test_two_sweeps_at_once_go_on_once(storage_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SWEEP_AT_MOST", 1)
    for number in range(3):
        aged(stored(f"content {number}".encode()))
    sweep_blobs_job()
    sweep_blobs_job()
    assert Job.objects.filter(kind=SWEEP_ON.name).count() == 1


def test_every_kind_of_reference_counts(storage_folder: Path) -> None:
    columns = {column for _, column in services._references()}
    assert {"original_id", "release_id", "rendition_id", "thumb_id", "archive_id", "blob_id", "frame_id"} <= columns


@pytest.mark.django_db(transaction=True)
def test_a_reference_written_during_the_sweep_keeps_the_blob(storage_folder: Path) -> None:
    blob = aged(stored())
    with transaction.atomic():
        an_import_with(blob)
        # As at commit: the deferred foreign key is checked and locks the blob's row.
        connection.check_constraints()
        sweep = BackgroundCall(sweep_blobs)
        sweep.wait_until_blocked()
    assert sweep.wait_for_result() == (0, 0)
    assert content(blob) == b"seen"


@pytest.mark.django_db(transaction=True)
def test_storing_waits_for_a_sweep_of_the_same_content_and_writes_the_file_again(storage_folder: Path) -> None:
    file = backends.put(io.BytesIO(b"seen"))
    with transaction.atomic():
        services._lock(file.sha256)
        store = BackgroundCall(stored)
        store.wait_until_blocked()
        # The sweep, which holds the lock, deletes the file that was just written.
        backends.delete(file.key)
    assert content(store.wait_for_result()) == b"seen"


@pytest.mark.django_db(transaction=True)
def test_concurrent_sweeps_and_stores_never_leave_a_ready_row_without_its_file(storage_folder: Path) -> None:
    for number in range(10):
        body = f"content {number}".encode()
        aged(stored(body))
        results = together(*[sweep_blobs] * 2, *[lambda body=body: stored(body)] * 2)
        assert all(isinstance(result, Blob | tuple) for result in results), results
        ready = {blob.sha256 for blob in Blob.objects.filter(state=Blob.State.READY)}
        assert ready <= set(files_in(storage_folder))
        assert hashlib.sha256(body).hexdigest() in ready


def test_the_spool_loses_what_killed_processes_left_and_nothing_in_use(storage_folder: Path) -> None:
    spool = spool_folder()
    for name in ("left.upload", "arriving.upload"):
        (spool / name).write_bytes(b"half")
    for name in ("left", "working"):
        (spool / name).mkdir()
        (spool / name / "shard").write_bytes(b"half")
    long_ago = time.time() - FOLDER_STRAY_AFTER.total_seconds() - 60
    for path in (spool / "left.upload", spool / "left", spool / "left" / "shard", spool / "working"):
        os.utime(path, (long_ago, long_ago))
    sweep_blobs_job()
    assert sorted(path.name for path in spool.iterdir()) == ["arriving.upload", "working"]
