"""How far a release or an export has come is told while its job runs, in its transaction, and so is that it failed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from kernel import jobs
from kernel.errors import Refused
from kernel.jobs import enqueue, report_progress, run_job
from kernel.models import Event, Job
from projects.models import Project
from tasks.exports.models import Export
from tasks.exports.selectors import WRITE, ExportId
from tasks.flow.jobs import build_snapshot_job, write_export_job
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import BUILD, SnapshotId
from tests import factories
from tests.api.people import member, with_key
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)

#: What registers the hooks of the two kinds of jobs, as in a worker.
ENTRIES = (build_snapshot_job, write_export_job)
PROGRESS = {"done": 3, "total": 10, "unit": "images"}


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.05)
    member("owner")
    return factories.a_project("Strays")


def a_snapshot(project: Project, **fields: Any) -> Snapshot:
    assert project.schema is not None
    owner = project.created_by
    return Snapshot.objects.create(project=project, number=1, schema=project.schema, created_by=owner, **fields)


def run_while_it_reports(job: Job, seen: Callable[[], bool]) -> None:
    """Run the job as one that reports its progress within a transaction and fails once another connection saw it."""
    witnessed: list[bool] = []

    def work(row: Job) -> None:
        with transaction.atomic():
            deadline = time.monotonic() + 20
            for _ in range(1000):
                report_progress(row, done=3, total=10)
            while time.monotonic() < deadline and not witnessed:
                together(lambda: witnessed.append(True) if seen() else None)
                time.sleep(0.05)
            raise Refused("The label of an image is not valid.")

    run_job(job.pk, work)
    assert witnessed


def events() -> list[tuple[str, Any]]:
    return [(each.kind, each.data.get("progress")) for each in Event.objects.order_by("id")]


def test_a_release_tells_its_progress_and_that_it_failed(project: Project) -> None:
    snapshot = a_snapshot(project)
    job = enqueue(BUILD, SnapshotId(snapshot.pk), project_id=project.pk)
    assert job is not None
    client = with_key(member("client"))
    url = f"/api/v1/releases/{snapshot.public_id}/"
    assert client.get(url).json()["progress"] == {"done": 0, "total": None, "unit": "images"}
    run_while_it_reports(job, lambda: client.get(url).json()["progress"] == PROGRESS)
    assert events() == [("snapshot.progress", PROGRESS), ("snapshot.failed", None)]
    assert client.get(url).json()["progress"] is None
    rows = client.get(f"/api/v1/projects/{project.public_id}/releases/").json()["results"]
    assert [each["progress"] for each in rows] == [None]


def test_an_export_tells_its_progress_and_that_it_failed(project: Project) -> None:
    snapshot = a_snapshot(project, state="building", items_count=10)
    export = Export.objects.create(
        project=project, snapshot=snapshot, format="coco", state="writing", created_by=project.created_by
    )
    job = enqueue(WRITE, ExportId(export.pk), project_id=project.pk)
    assert job is not None
    client = with_key(member("client"))
    url = f"/api/v1/exports/{export.public_id}/"
    assert client.get(url).json()["progress"] == {"done": 0, "total": 10, "unit": "images"}
    run_while_it_reports(job, lambda: client.get(url).json()["progress"] == PROGRESS)
    assert events() == [("export.progress", PROGRESS), ("export.failed", None)]
    assert client.get(url).json()["progress"] is None
