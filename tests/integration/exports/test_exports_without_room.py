"""An export for which the disk has no room is retried, and says so when it has failed."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from annotary_core.formats.registry import verify_release
from kernel.jobs import run_job
from kernel.models import Job
from tasks.exports.models import Export
from tasks.exports.services import request_export
from tasks.flow.jobs import write_export_job
from tasks.snapshots.models import Snapshot
from tests.factories import ada
from tests.integration.outages.test_the_disk_is_full import SENTENCE, no_room_beyond

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def attempt(export: Export) -> Job:
    """Run the export's job, although it is not due, and return it."""
    job = Job.objects.get(kind="exports.write")
    Job.objects.filter(pk=job.pk).update(not_before=None)
    run_job(job.pk, write_export_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it
    job.refresh_from_db()
    export.refresh_from_db()
    return job


@pytest.mark.parametrize("room", [0, 1000])
def test_the_last_attempt_tells_that_there_was_no_room(release: Snapshot, scratch: Path, room: int) -> None:
    export = request_export(snapshot=release, format="coco", by=ada())
    with no_room_beyond(room):
        job = attempt(export)
        assert (job.state, export.state) == ("queued", "writing")
        assert SENTENCE in job.error
        while job.state == "queued":
            job = attempt(export)
    assert (job.state, export.state, export.blob, export.frame) == ("failed", "failed", None, None)
    assert SENTENCE in export.error
    assert list(scratch.iterdir()) == []


def test_reading_it_back_needs_no_room(release: Snapshot, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*args: Any) -> None:
        with no_room_beyond(0):
            verify_release(*args)

    export = request_export(snapshot=release, format="coco", by=ada())
    monkeypatch.setattr("tasks.exports.services.verify_release", verify)
    assert attempt(export).state == "done"
    assert list(scratch.iterdir()) == []
    assert (export.state, export.error) == ("ready", "")
