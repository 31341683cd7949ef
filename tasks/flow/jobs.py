"""Celery's entry points of the flow: ids in, one use-case each, safe to run twice."""

from kernel.jobs import job
from kernel.models import Job
from tasks.flow.labelling import relabel


@job("consensus.update")
def update_labels_job(row: Job, *, task_ids: list[int]) -> None:
    relabel(task_ids=task_ids)
