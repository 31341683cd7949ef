"""Tasks with answers and their agreed labels, and reports computed without a broker."""

from collections.abc import Sequence
from typing import Any

from accounts.models import Actor
from kernel.jobs import run_job
from kernel.models import Job
from projects.models import Project
from tasks.analytics.jobs import make_report_job
from tasks.batching.models import Task
from tasks.flow.relabel import relabel
from tasks.ingest.models import Image
from tests import factories


def a_crowd(project: Project, count: int = 3) -> list[Actor]:
    """Admitted workers: bird1, bird2, ..."""
    birds = [factories.a_worker(f"bird{number}") for number in range(1, count + 1)]
    for bird in birds:
        if not bird.standings.filter(project=project).exists():
            factories.admitted(project, bird)
    return birds


def a_labeled_task(
    project: Project, bodies: Sequence[dict[str, Any]], *, image: Image | None = None, more: int = 0
) -> Task:
    """A task with these answers, one per worker of the crowd, and the label that they result in.

    The task wants `more` answers in addition.
    """
    birds = a_crowd(project, len(bodies))
    task = factories.a_task(project, image=image, wanted=len(bodies) + more)
    for bird, body in zip(birds, bodies, strict=True):
        factories.an_answer(task, bird, body)
    relabel(task_ids=[task.pk])
    return Task.objects.get(pk=task.pk)


def a_paid_task(project: Project, bodies: Sequence[dict[str, Any]], *, more: int = 0) -> Task:
    """Like `a_labeled_task`, with the credits for its answers."""
    task = a_labeled_task(project, bodies, more=more)
    for answer in task.annotations.all():
        factories.a_credit(answer)
    return task


def run_report_jobs() -> list[Job]:
    """Run the queued report jobs synchronously."""
    queued = list(Job.objects.filter(kind="analytics.report", state=Job.State.QUEUED))
    for job in queued:
        run_job(job.pk, make_report_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it
    return list(Job.objects.filter(pk__in=[job.pk for job in queued]))
