"""Rejects a label on behalf of a reviewer: its answers no longer count, and the image is labeled again."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, Max

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Batch, Task
from tasks.consensus.models import Posterior
from tasks.consensus.refit import request_refit
from tasks.review.corrections import send_back_work
from tasks.review.models import Review
from tasks.review.rejected_answers import record_rejected_answers
from tasks.review.services import record_rejection


@transaction.atomic
def reject_label(
    *,
    reviewer: Actor,
    task: Task,
    label_hash: str,
    reason: str,
    again: bool = False,
    region: object = None,
    send_back: bool = False,
) -> Review:
    """Locks the batch, the task, then its assignments: the lock order of claims, which prevents deadlocks.

    The answers of the round are kept and stay paid, but no longer occupy slots; live leases expire; a new round starts
    with the project's minimum number of answers, and an approved batch is reopened. `again` allows rejecting a label
    that a person approved. The workers whose answers equal the label see reason and `region` (pixels, as in
    `RejectedAnswer`) in a project with appeals. With `send_back` each of them gets the image again to correct the
    answer, and the new round keeps their slots. Raises like `review.services.approve_label`, and ReasonMissing,
    CheckImageNamed, RegionRefused, SendingBackOff and NobodyToCorrect.
    """
    batch, task = lock_task_with_batch(task_id=task.pk)
    verdict = record_rejection(
        reviewer=reviewer, task=task, label_hash=label_hash, reason=reason, again=again, region=region
    )
    rejected = record_rejected_answers(review=verdict, project=task.project, send_back=send_back)
    _void_round(task)
    round_number = _begin_round(batch, task, kept=sum(row.is_sent_back for row in rejected))
    send_back_work(rows=rejected, project=task.project, round_number=round_number)
    request_refit(project_id=task.project_id)
    return verdict


def next_rounds(tasks: Sequence[Task]) -> dict[int, int]:
    """Needs the tasks' locks. Return {task: the number of its next round}: one that no assignment has.

    The present one may be lower than that of some, after the undo of a change of classes.
    """
    rows = Assignment.objects.filter(task__in=tasks).order_by().values_list("task").annotate(Max("round"))
    latest = dict(rows)
    return {task.pk: max(task.round, latest.get(task.pk, 0)) + 1 for task in tasks}


def _void_round(task: Task) -> None:
    """Needs the task's row lock."""
    assignments = Assignment.objects.filter(task=task, round=task.round)
    # Lock in a fixed order, so that a concurrent submission is either counted here or finds its lease ended.
    list(assignments.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    assignments.filter(state=Assignment.State.SUBMITTED, counts=True).update(counts=False)
    # Expired rather than released: a worker in the middle of one may still submit the answer and is paid for it.
    ended = assignments.filter(state=Assignment.State.LEASED).update(
        state=Assignment.State.EXPIRED, counts=False, closed_at=ClockTimestamp()
    )
    if ended:
        record_event(project_id=task.project_id, kind="assignment.expired", leased=-ended, expired=ended)


def _begin_round(batch: Batch, task: Task, *, kept: int) -> int:
    """Needs the row locks of both. Returns the number of the round, in which as many slots as `kept` are taken."""
    least = Project.objects.values_list("answers_min", flat=True).get(pk=task.project_id)
    wanted, round_number = max(least, kept), next_rounds([task])[task.pk]
    Task.objects.filter(pk=task.pk).update(
        round=round_number, taken=kept, wanted=wanted, state=Task.State.OPEN, asked_again=False
    )
    # It was computed from answers that no longer count; the next one comes with the round's first answer.
    Posterior.objects.filter(task=task).delete()
    added = wanted - task.wanted
    Batch.objects.filter(pk=batch.pk).update(
        wanted=F("wanted") + added, taken=F("taken") + kept - task.taken, generation=F("generation") + 1
    )
    Batch.objects.filter(pk=batch.pk, state=Batch.State.APPROVED).update(state=Batch.State.OPEN, approved_at=None)
    data = {"task": str(task.public_id)}
    was_approved = {"approved": -1} if task.state == Task.State.APPROVED else {}
    # The image of retired gold was not counted; from now on it is work.
    counts = {"answered": -1, **was_approved} if task.wanted else {"tasks": 1}
    record_event(project_id=task.project_id, kind="task.reopened", data=data, **counts)
    if added:
        record_event(project_id=task.project_id, kind="places.changed", data=data, places=added)
    return round_number
