"""A job that fails for good tells what it works for, even if its worker was killed on the last attempt.

Nothing says "writing" or "computing" forever: pages and API show a sentence, and the work can be requested again.
"""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from kernel.clock import ClockTimestamp, database_now
from kernel.job_kinds import KEEP_TRYING
from kernel.jobs import enqueue, resend_lost_jobs, run_job
from kernel.models import Job, OutboxMessage
from projects.models import Project
from tasks.analytics.reports import QUALITY, get_report
from tasks.batching.models import Task
from tasks.consensus.refit import UPDATE_LABELS, TaskIds, request_refit
from tasks.exports.models import Export
from tasks.exports.selectors import WRITE
from tasks.exports.services import EXPORT_INTERRUPTED, request_export
from tasks.flow.imports import run_import
from tasks.flow.jobs import update_labels_job, write_export_job
from tasks.ingest.models import IMPORT_INTERRUPTED, Import
from tasks.ingest.services import RUN, add_file, finish_upload, resume_import, start_import
from tasks.review.services import approve_label
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import BUILD
from tasks.snapshots.services import BUILD_INTERRUPTED, build_snapshot, create_snapshot
from tests import factories
from tests.api.people import member, with_key
from tests.labeled import a_labeled_task
from tests.own_storage import storage_folder as storage_folder
from tests.pictures import a_jpeg
from tests.worker_actions import answer_all, expire_hand, settle, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]
API = "/api/v1"


def kill_on_last_attempt(kind: str) -> None:
    """Leave the rows of a job whose worker was killed on its last attempt, and run the sweep that finds it."""
    dead = Job.objects.filter(kind=kind, state=Job.State.QUEUED)
    assert dead.update(
        state=Job.State.RUNNING,
        attempts=F("max_attempts"),
        lease_until=ClockTimestamp() - timedelta(minutes=1),
        lease_token="0" * 32,
    )
    OutboxMessage.objects.all().delete()
    resend_lost_jobs()
    assert Job.objects.filter(kind=kind, state=Job.State.FAILED).exists()


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren()])


@pytest.fixture
def approved(project: Project) -> Project:
    task = a_labeled_task(project, [factories.class_answer(1)] * 3)
    label = task.labels.get(is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    return project


def test_a_release_is_failed_and_another_can_be_created(approved: Project) -> None:
    snapshot = create_snapshot(project=approved, by=factories.ada())
    kill_on_last_attempt(BUILD.name)
    shown = with_key(member("owner")).get(f"{API}/releases/{snapshot.public_id}/").json()
    assert (shown["state"], shown["error"]) == ("failed", BUILD_INTERRUPTED)
    assert create_snapshot(project=approved, by=factories.ada()).number == 2


def test_an_export_is_failed_and_can_be_requested_again(approved: Project) -> None:
    snapshot = create_snapshot(project=approved, by=factories.ada())
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    export = request_export(snapshot=snapshot, format="coco", by=factories.ada())
    Export.objects.update(state=Export.State.WRITING)
    kill_on_last_attempt(WRITE.name)
    client = with_key(member("owner"))
    shown = client.get(f"{API}/exports/{export.public_id}/").json()
    assert (shown["state"], shown["error"]) == ("failed", EXPORT_INTERRUPTED)
    again = client.post(f"{API}/releases/{snapshot.public_id}/exports/", {"format": "coco"})
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert Job.objects.filter(kind=WRITE.name, state=Job.State.QUEUED).count() == 1


def test_an_export_that_hits_a_bug_on_every_attempt_hides_its_traceback(approved: Project) -> None:
    snapshot = create_snapshot(project=approved, by=factories.ada())
    build_snapshot(snapshot_id=snapshot.pk)
    export = request_export(snapshot=Snapshot.objects.get(), format="coco", by=factories.ada())

    def break_down(row: Job) -> None:
        raise ZeroDivisionError

    job = Job.objects.get(kind=WRITE.name)
    Job.objects.update(attempts=job.max_attempts - 1)
    run_job(job.pk, break_down)
    export.refresh_from_db()
    assert (export.state, export.error) == ("failed", EXPORT_INTERRUPTED)


def test_an_attempt_that_will_be_repeated_fails_nothing(approved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = create_snapshot(project=approved, by=factories.ada())
    build_snapshot(snapshot_id=snapshot.pk)
    export = request_export(snapshot=Snapshot.objects.get(), format="coco", by=factories.ada())

    def break_down(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tasks.exports.services._write", break_down)
    run_job(Job.objects.get(kind=WRITE.name).pk, write_export_job.run_function)  # type: ignore[attr-defined]  # see kernel.jobs
    export.refresh_from_db()
    assert export.state == "writing"


def an_import(project: Project, files: int = 2) -> Import:
    batch_import = start_import(project=project, by=factories.ada())
    for number in range(files):
        add_file(batch_import=batch_import, name=f"{number}.jpg", source=BytesIO(a_jpeg(number)))
    finish_upload(batch_import=batch_import)
    return batch_import


def test_an_import_is_failed_with_its_counts_and_can_be_resumed(project: Project, client: Client) -> None:
    batch_import = an_import(project)
    kill_on_last_attempt(RUN.name)
    api = with_key(member("owner"))
    shown = api.get(f"{API}/imports/{batch_import.public_id}/").json()
    assert (shown["state"], shown["error"], shown["stalled"]) == ("failed", IMPORT_INTERRUPTED, True)
    assert (shown["total"], shown["waiting"]) == (2, 2)
    client.force_login(factories.a_user("ada"))
    page = client.get(f"/projects/{project.public_id}/images/").content.decode()
    assert "Resume" in page
    assert "data-refresh-busy" not in page
    resumed = api.post(f"{API}/imports/{batch_import.public_id}/resume/").json()
    assert (resumed["state"], resumed["error"], resumed["stalled"]) == ("working", "", False)
    run_import(import_id=batch_import.pk, decoders=1)
    done = api.get(f"{API}/imports/{batch_import.public_id}/").json()
    assert (done["state"], done["taken"]) == ("done", 2)


def test_an_import_that_failed_for_its_content_cannot_be_resumed(project: Project) -> None:
    batch_import = an_import(project)
    Import.objects.update(state=Import.State.FAILED, error="No file of this import was accepted.")
    batch_import.refresh_from_db()
    with pytest.raises(Exception, match="cannot be resumed"):
        resume_import(batch_import=batch_import)


def test_a_report_is_no_longer_computing_and_can_be_requested_again(project: Project) -> None:
    assert get_report(QUALITY, project=project).is_being_made
    kill_on_last_attempt("analytics.report")
    report = get_report(QUALITY, project=project)
    assert (report.is_being_made, bool(report.problem)) == (False, True)
    assert get_report(QUALITY, project=project, again=True).is_being_made


def next_try(kind: str) -> Job:
    job = Job.objects.get(kind=kind, state=Job.State.QUEUED)
    assert job.not_before is not None
    assert timedelta(minutes=50) < job.not_before - database_now() < timedelta(minutes=70)
    return job


def test_label_updates_are_tried_again_every_hour(project: Project) -> None:
    task = factories.a_task(project, wanted=1)
    factories.an_answer(task, factories.wren(), factories.class_answer(1))
    enqueue(UPDATE_LABELS, TaskIds([task.pk]), project_id=project.pk)
    kill_on_last_attempt(UPDATE_LABELS.name)
    job = next_try(UPDATE_LABELS.name)
    assert (job.args, job.max_attempts, job.attempts) == ({"task_ids": [task.pk]}, KEEP_TRYING, 0)
    Job.objects.filter(pk=job.pk).update(not_before=None)
    run_job(job.pk, update_labels_job.run_function)  # type: ignore[attr-defined]  # see kernel.jobs
    assert Task.objects.get(pk=task.pk).state == "answered"


def test_a_refit_is_tried_again_every_hour_unless_another_is_queued(project: Project) -> None:
    request_refit(project_id=project.pk)
    kill_on_last_attempt("consensus.refit")
    assert next_try("consensus.refit").dedupe_key == f"consensus.refit:{project.pk}"
    request_refit(project_id=project.pk)
    assert Job.objects.filter(kind="consensus.refit", state="queued").count() == 1


def test_the_pay_of_a_late_answer_is_tried_again_every_hour(project: Project) -> None:
    factories.a_task(project)
    hand = take(factories.wren(), project)
    expire_hand(hand)
    settle(hand)
    answer_all(hand)
    kill_on_last_attempt("flow.settle_late_answer")
    assert next_try("flow.settle_late_answer").max_attempts == KEEP_TRYING


def test_jobs_of_a_deleted_project_are_not_tried_again(project: Project) -> None:
    request_refit(project_id=project.pk)
    Job.objects.update(project_id=project.pk + 1000)
    kill_on_last_attempt("consensus.refit")
    assert not Job.objects.filter(state="queued").exists()


def test_an_owner_that_cannot_be_told_keeps_the_job_for_the_next_sweep(
    approved: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job and its owner change in one transaction, and no other job waits for it."""
    create_snapshot(project=approved, by=factories.ada())
    an_import(approved)

    def break_down(**args: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("tasks.flow.jobs.fail_snapshot", break_down)
        dead = {"state": "running", "attempts": F("max_attempts"), "lease_token": "0" * 32}
        Job.objects.update(lease_until=ClockTimestamp() - timedelta(minutes=1), **dead)
        resend_lost_jobs()
    assert Job.objects.get(kind=BUILD.name).state == "running"
    assert Job.objects.get(kind=RUN.name).state == "failed"
    resend_lost_jobs()
    assert Job.objects.get(kind=BUILD.name).state == "failed"
    assert Snapshot.objects.get().state == "failed"
