"""A reviewer rejects a label: its answers no longer count, and the image is labelled again."""

from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import Posterior
from tasks.consensus.refit import ask_refit
from tasks.review.models import Review
from tasks.review.services import note_rejection


@transaction.atomic
def reject_label(*, reviewer: Actor, task: Task, label_hash: str, reason: str, again: bool = False) -> Review:
    """Locks the batch, the task, then its assignments: the order of claims, so that neither waits for the other.

    The answers of the round stay in the record and stay paid, but use no place; leases that are left end; a new
    round begins with the project's least number of answers, and an approved batch opens again. `again` may reject
    what a person approved. Errors as for `review.services.approve_label`; ReasonMissing without a reason.
    """
    batch = Batch.objects.select_for_update(no_key=True).get(pk=task.batch_id)
    task = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    verdict = note_rejection(reviewer=reviewer, task=task, label_hash=label_hash, reason=reason, again=again)
    _void_round(task)
    _begin_round(batch, task)
    ask_refit(project_id=task.project_id)
    return verdict


def _void_round(task: Task) -> None:
    """Needs the task's row lock."""
    of_round = Assignment.objects.filter(task=task, round=task.round)
    # Locked in one order, so that a submit of one of them is either counted here or finds itself released.
    list(of_round.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    of_round.filter(state=Assignment.State.SUBMITTED, counts=True).update(counts=False)
    # Expired and not released: whoever is at work on one may still send the answer, and is paid for it.
    ended = of_round.filter(state=Assignment.State.LEASED).update(
        state=Assignment.State.EXPIRED, counts=False, closed_at=ClockTimestamp()
    )
    if ended:
        record_event(project_id=task.project_id, kind="assignment.expired", leased=-ended, expired=ended)


def _begin_round(batch: Batch, task: Task) -> None:
    """Needs the row locks of both."""
    wanted = Project.objects.values_list("answers_min", flat=True).get(pk=task.project_id)
    Task.objects.filter(pk=task.pk).update(round=F("round") + 1, taken=0, wanted=wanted, state=Task.State.OPEN)
    # It was made of answers that count no more; the next one comes with the round's first answer.
    Posterior.objects.filter(task=task).delete()
    more = wanted - task.wanted
    Batch.objects.filter(pk=batch.pk).update(
        wanted=F("wanted") + more, taken=F("taken") - task.taken, generation=F("generation") + 1
    )
    Batch.objects.filter(pk=batch.pk, state=Batch.State.APPROVED).update(state=Batch.State.OPEN, approved_at=None)
    data = {"task": str(task.public_id)}
    was_approved = {"approved": -1} if task.state == Task.State.APPROVED else {}
    record_event(project_id=task.project_id, kind="task.reopened", data=data, answered=-1, **was_approved)
    if more:
        record_event(project_id=task.project_id, kind="places.changed", data=data, places=more)
