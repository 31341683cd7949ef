"""Images that wait for a worker who does not exist: everybody here has had them and given them back.

Nobody is asked twice for an image in one round (I1), so a small team can be left with open places that none of them may
take: a set that ran out on a phone, images that were skipped. A manager sees them counted and grants a redo.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.flow.overlap import stop_asking
from tasks.standing.models import Standing


@dataclass(frozen=True)
class Waiting:
    """Open images with places that no active worker of the project may take in their present round."""

    without_answer: int
    with_answers: int


def waiting_for_nobody(*, project: Project) -> Waiting:
    """What `offer_again` (without an answer) and `overlap.stop_asking` (with some) would mend."""
    rows = _out_of_reach(project.pk, Task.objects.filter(project=project))
    without = rows.filter(taken=0).count()
    return Waiting(without_answer=without, with_answers=rows.filter(taken__gt=0).count())


@transaction.atomic
def offer_again(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Begin a new round for images without an answer that nobody may take.

    Returns how many. Answers that still arrive for the round before are kept and paid like any late answer.
    """
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    chosen = list(
        _out_of_reach(batch.project_id, Task.objects.filter(batch=batch, taken=0)).values_list("pk", flat=True)
    )
    locked = Task.objects.select_for_update(no_key=True).filter(pk__in=chosen).order_by("pk")
    # Read again under the lock: a late answer may have taken the place meanwhile.
    free = [task.pk for task in locked if task.taken == 0 and task.state == Task.State.OPEN]
    if free:
        Task.objects.filter(pk__in=free).update(round=F("round") + 1)
        Batch.objects.filter(pk=batch.pk).update(generation=F("generation") + 1)
    return len(free)


def unstick(*, project: Project) -> tuple[int, int]:
    """Offer images without an answer again, and make do with the answers there are for the rest.

    Batch by batch, each in its own transaction; returns (images offered again, images closed).
    """
    offered = closed = 0
    for batch in Batch.objects.filter(project=project, state=Batch.State.OPEN).order_by("number"):
        offered += offer_again(batch=batch)
        if _out_of_reach(project.pk, Task.objects.filter(batch=batch, taken__gt=0)).exists():
            closed += stop_asking(batch=batch)
    return offered, closed


def _out_of_reach(project_id: int, tasks: QuerySet[Task]) -> QuerySet[Task]:
    """Of these tasks of one project, those that every active worker has had in their present round.

    So the newest active worker has had them all: the console asks this again and again, and looks no further than at
    what that one person had. A project that nobody has joined waits not for a redo but for its first worker.
    """
    standings = Standing.objects.filter(project_id=project_id)
    if not standings.exists():
        return tasks.none()
    open_ones = tasks.filter(state=Task.State.OPEN, taken__lt=F("wanted"), batch__state=Batch.State.OPEN)
    active = standings.filter(state=Standing.State.ACTIVE)
    newest = active.order_by("-pk").first()
    if newest is not None:
        had = Assignment.objects.filter(project_id=project_id, worker=newest.worker_id, task__isnull=False)
        open_ones = open_ones.filter(pk__in=had.values("task_id"))
    had_it = Assignment.objects.filter(
        task=OuterRef(OuterRef("pk")), worker=OuterRef("worker_id"), round=OuterRef(OuterRef("round"))
    )
    return open_ones.filter(~Exists(active.filter(~Exists(had_it))))
