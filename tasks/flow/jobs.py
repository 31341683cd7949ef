"""Celery entry points of the flow: each takes ids, calls one use case and is safe to run twice."""

from celery import shared_task

from kernel.jobs import job
from kernel.models import Job
from tasks.consensus.refit import REFIT, UPDATE_LABELS, queue_missed_tasks, refit
from tasks.flow.imports import run_import
from tasks.flow.relabel import relabel
from tasks.flow.revocation import end_hands_without_access
from tasks.flow.settlement import expire_leases, settle_late_answer


@job(UPDATE_LABELS)
def update_labels_job(row: Job, *, task_ids: list[int]) -> None:
    relabel(task_ids=task_ids)


@job(REFIT, time_limit=6 * 3600)
def refit_job(row: Job) -> None:
    assert row.project_id is not None  # always set by request_refit
    refit(project_id=row.project_id)
    queue_missed_tasks(project_id=row.project_id)


@job("flow.run_import", time_limit=900)
def run_import_job(row: Job, *, import_id: int) -> None:
    run_import(import_id=import_id)


@job("flow.settle_late_answer", time_limit=60)
def settle_late_answer_job(row: Job, *, assignment_id: int) -> None:
    settle_late_answer(assignment_id=assignment_id)


@shared_task(name="flow.expire_leases_job", time_limit=120, soft_time_limit=100)
def expire_leases_job() -> None:
    expire_leases()
    end_hands_without_access()
