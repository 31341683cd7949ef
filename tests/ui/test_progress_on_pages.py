"""Pages show how far imports, releases and exports have come."""

import pytest
from django.test import Client

from kernel.models import Job
from projects.models import Project
from tasks.exports.models import Export
from tasks.exports.selectors import WRITE
from tasks.ingest.models import Import
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import BUILD
from tests import factories
from tests.api.people import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    member("owner")
    return factories.a_project("Strays")


def page_of(project: Project, part: str) -> str:
    client = Client()
    client.force_login(member("owner").user)
    return client.get(f"/projects/{project.public_id}/{part}").content.decode()


def a_release(project: Project, number: int, **fields: object) -> Snapshot:
    assert project.schema is not None
    by = project.created_by
    return Snapshot.objects.create(project=project, number=number, schema=project.schema, created_by=by, **fields)


def a_running_job(project: Project, kind: str, done: int, total: int, **args: int) -> None:
    """A job as its worker has left it: it has reported its progress."""
    Job.objects.create(
        kind=kind, project_id=project.pk, args=args, progress_done=done, progress_total=total, state=Job.State.QUEUED
    )


def show_work(project: Project) -> None:
    """A release that is being built, another one that is being exported, and an import."""
    ready = a_release(
        project, 1, state="ready", content_hash="0" * 64, items_count=20_000, ready_at="2026-11-27T00:00:00Z"
    )
    building = a_release(project, 2)
    export = Export.objects.create(
        project=project, snapshot=ready, format="coco", state="writing", created_by=project.created_by
    )
    a_running_job(project, BUILD.name, 3_000, 21_500, snapshot_id=building.pk)
    a_running_job(project, WRITE.name, 7_500, 20_000, export_id=export.pk)
    batch_import = Import.objects.create(
        dataset=project.dataset,
        project_id=project.pk,
        source="files",
        state="working",
        total=4_000,
        taken=1_200,
        refused=34,
        created_by=project.created_by,
    )
    Job.objects.create(kind="flow.run_import", project_id=project.pk, dedupe_key=f"import.{batch_import.pk}")


def test_releases_and_exports_show_how_far_they_are(project: Project) -> None:
    show_work(project)
    page = page_of(project, "releases/")
    assert "3,000 of 21,500" in page
    assert "7,500 of 20,000 images" in page


def test_an_import_shows_how_many_files_are_checked(project: Project) -> None:
    show_work(project)
    assert "1,234 of 4,000" in page_of(project, "images/")
