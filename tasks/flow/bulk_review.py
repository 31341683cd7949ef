"""Several verdicts at once, each exactly as if it were given alone."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Actor
from kernel.errors import AnnotaryError, Unavailable
from projects.models import Project
from tasks.batching.errors import TaskNotFound
from tasks.batching.locks import lock_batches, lock_tasks
from tasks.batching.models import Task
from tasks.flow.rejection import reject_label
from tasks.review.models import Review, StagePass
from tasks.review.services import approve_label, fix_label


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on the label of a task with this hash; `answer` is the corrected label of a fix, `region` what a
    rejection is about, and `send_back` whether the workers who gave the answer correct it."""

    task: uuid.UUID
    label_hash: str
    verdict: str
    reason: str = ""
    answer: object = None
    again: bool = False
    region: object = None
    send_back: bool = False


def give_verdict(*, reviewer: Actor, task: Task, verdict: Verdict) -> Review | StagePass:
    """Locks the batch of a rejected label, then the task. Raises as the service for this kind of verdict does."""
    label: dict[str, Any] = {"task": task, "label_hash": verdict.label_hash, "again": verdict.again}
    if verdict.verdict == Review.Verdict.APPROVE:
        return approve_label(reviewer=reviewer, **label)
    if verdict.verdict == Review.Verdict.FIX:
        return fix_label(reviewer=reviewer, raw=verdict.answer, **label)
    return reject_label(
        reviewer=reviewer, reason=verdict.reason, region=verdict.region, send_back=verdict.send_back, **label
    )


def give_verdicts(
    *, reviewer: Actor, project: Project, verdicts: Sequence[Verdict]
) -> list[Review | StagePass | AnnotaryError]:
    """Needs a transaction; locks the batches of rejected labels, then the tasks, each in ascending order.

    Returns the review, or why it was refused, of each verdict; one that is refused does not affect the others.
    """
    rows = Task.objects.select_related("project", "image").filter(
        project=project, public_id__in=[each.task for each in verdicts]
    )
    tasks = {task.public_id: task for task in rows}
    rejected = {each.task for each in verdicts if each.verdict == Review.Verdict.REJECT}
    batches = {task.batch_id for task in tasks.values() if task.public_id in rejected}
    lock_batches(batch_ids=batches)
    lock_tasks(Task.objects.filter(pk__in=[task.pk for task in rows]))
    return [_result(reviewer, tasks.get(each.task), each) for each in verdicts]


def _result(reviewer: Actor, task: Task | None, verdict: Verdict) -> Review | StagePass | AnnotaryError:
    if task is None:
        return TaskNotFound()
    try:
        return give_verdict(reviewer=reviewer, task=task, verdict=verdict)
    except Unavailable:
        raise
    except AnnotaryError as error:  # the service has rolled its own changes back
        return error
