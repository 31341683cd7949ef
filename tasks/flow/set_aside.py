"""A manager's decisions on images that many workers skipped: offer them again, or leave them out.

Only a person decides, and sees who skipped: three accounts of one person could otherwise remove any image from a
project, unseen. The decision is kept with who made it and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from projects.selectors import require_not_closed
from tasks.assignment.models import SetAside
from tasks.assignment.set_aside import close_set_aside_gold, set_aside_of
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_wanted
from tasks.consensus.refit import queue_updates
from tasks.flow.errors import NothingSelected
from tasks.gold.models import Gold

Decision = SetAside.Decision
#: Decisions of one call.
MAX_DECISIONS = 500


@dataclass(frozen=True, slots=True)
class Decided:
    """How many images were decided, and how many were left as they are: someone else has decided, or the answers of
    those who had the image are enough."""

    decided: int
    unchanged: int


def restore_offers(*, project: Project, by: Actor, ids: Sequence[UUID]) -> Decided:
    """Offer images again, also those that were left out; each in a transaction of its own, as `_offer`.

    Earlier skips are counted no more, and those who skipped are not asked again. Raises NothingSelected, ProjectClosed
    and ProjectArchived.
    """
    require_not_closed(project_id=project.pk)
    return _decide(project, by, ids, Decision.OFFERED)


def leave_out(*, project: Project, by: Actor, ids: Sequence[UUID]) -> Decided:
    """Leave images out, each in a transaction of its own, as `_leave_out`: they need no label, and no release has them.

    Answers that they have stay paid. Raises NothingSelected.
    """
    return _decide(project, by, ids, Decision.LEFT_OUT)


@transaction.atomic
def restore_gold_offers(*, gold: Gold, by: Actor) -> bool:
    """Locks the gold's batch, task, then the gold. Offer a check image again; returns whether it was set aside."""
    task = Task.objects.filter(project_id=gold.project_id, image_id=gold.image_id).first()
    if task is not None:
        lock_task_with_batch(task_id=task.pk)  # as a skip does, which counts the skips since this decision
    offered = Gold.objects.filter(pk=gold.pk, is_set_aside=True).update(is_set_aside=False)
    close_set_aside_gold(gold=gold, by=by, decision=Decision.OFFERED)
    if offered:
        record_event(
            project_id=gold.project_id, kind="gold.offered", data={"gold": str(gold.public_id), "by": str(by.public_id)}
        )
    return bool(offered)


def _decide(project: Project, by: Actor, ids: Sequence[UUID], decision: Decision) -> Decided:
    rows = list(set_aside_of(project=project).filter(public_id__in=ids).order_by("task_id"))
    if not rows or len(ids) > MAX_DECISIONS:
        raise NothingSelected
    act = _offer if decision == Decision.OFFERED else _leave_out
    decided = sum(act(row, by) for row in rows)
    return Decided(decided, len(rows) - decided)


@transaction.atomic
def _offer(row: SetAside, by: Actor) -> bool:
    """Locks the batch, then the task. Let workers who have not had it take the image; an approved batch reopens."""
    batch, task = _lock(row)
    was_left_out = task.state == Task.State.LEFT_OUT
    if not was_left_out and not (task.state == Task.State.OPEN and task.is_set_aside):
        return False
    if not _keep(row, by, Decision.OFFERED, before=Decision.LEFT_OUT if was_left_out else Decision.UNDECIDED):
        return False
    Task.objects.filter(pk=task.pk).update(is_set_aside=False, state=Task.State.OPEN)
    if was_left_out:
        change_wanted(task=task, to=max(task.taken, row.project.answers_min))
        # It may have all of its answers already.
        queue_updates(project_id=task.project_id, tasks=[task.pk])
    # Those who had exhausted the batch are offered it again.
    Batch.objects.filter(pk=batch.pk).update(generation=F("generation") + 1)
    Batch.objects.filter(pk=batch.pk, state=Batch.State.APPROVED).update(state=Batch.State.OPEN, approved_at=None)
    totals = {"tasks": 1, "left_out": -1} if was_left_out else {"set_aside": -1}
    record_event(project_id=task.project_id, kind="task.offered", data=_data(task, by), **totals)
    return True


@transaction.atomic
def _leave_out(row: SetAside, by: Actor) -> bool:
    """Locks the batch, then the task. Close the image's open slots and count it no more."""
    _, task = _lock(row)
    if task.state != Task.State.OPEN or not task.is_set_aside:
        return False
    if not _keep(row, by, Decision.LEFT_OUT, before=Decision.UNDECIDED):
        return False
    Task.objects.filter(pk=task.pk).update(is_set_aside=False, state=Task.State.LEFT_OUT)
    change_wanted(task=task, to=task.taken)
    data = _data(task, by)
    record_event(project_id=task.project_id, kind="task.left_out", data=data, tasks=-1, set_aside=-1, left_out=1)
    return True


def _data(task: Task, by: Actor) -> dict[str, str]:
    """The data of the event, which stays when a later decision replaces this one in the row."""
    return {"task": str(task.public_id), "by": str(by.public_id)}


def _lock(row: SetAside) -> tuple[Batch, Task]:
    assert row.task_id is not None  # `set_aside_of` returns work alone
    return lock_task_with_batch(task_id=row.task_id)


def _keep(row: SetAside, by: Actor, decision: str, *, before: str) -> bool:
    """Needs the task's lock. Keep who decided and when; returns whether the row is the one to decide on."""
    rows = SetAside.objects.filter(pk=row.pk, decision=before)
    return bool(rows.update(decision=decision, decided_by=by, decided_at=ClockTimestamp()))
