"""Tasks that no remaining worker can take, because every active worker has already been assigned them.

A worker is assigned a task at most once per round (I1), so a small team can be left with open slots that none of them
may claim: after a set expired on a phone, or images were skipped. Managers see their number and can grant a redo.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.flow.overlap import close_with_current_answers
from tasks.standing.models import Standing


@dataclass(frozen=True)
class StuckTasks:
    """The number of open tasks with slots that no active worker of the project may claim in the current round."""

    without_answer: int
    with_answers: int


def stuck_tasks(*, project: Project) -> StuckTasks:
    """Count stuck tasks, for `requeue_unanswered` (no answers) and `overlap.close_with_current_answers` (some)."""
    stuck = _stuck(project.pk, Task.objects.filter(project=project))
    without_answer = stuck.filter(taken=0).count()
    return StuckTasks(without_answer=without_answer, with_answers=stuck.filter(taken__gt=0).count())


@transaction.atomic
def requeue_unanswered(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Start a new round for stuck tasks without an answer; returns their number.

    Answers that still arrive for the previous round are kept and paid for like any late answer.
    """
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    candidates = list(_stuck(batch.project_id, Task.objects.filter(batch=batch, taken=0)).values_list("pk", flat=True))
    locked = Task.objects.select_for_update(no_key=True).filter(pk__in=candidates).order_by("pk")
    # Check again under the lock: a late answer may have taken the slot meanwhile.
    unanswered = [task.pk for task in locked if task.taken == 0 and task.state == Task.State.OPEN]
    if unanswered:
        Task.objects.filter(pk__in=unanswered).update(round=F("round") + 1)
        Batch.objects.filter(pk=batch.pk).update(generation=F("generation") + 1)
    return len(unanswered)


def requeue_stuck(*, project: Project) -> tuple[int, int]:
    """Requeue stuck tasks without an answer, and close the others with their current answers.

    Works batch by batch, each in its own transaction; returns (tasks requeued, tasks closed).
    """
    requeued = closed = 0
    for batch in Batch.objects.filter(project=project, state=Batch.State.OPEN).order_by("number"):
        requeued += requeue_unanswered(batch=batch)
        if _stuck(project.pk, Task.objects.filter(batch=batch, taken__gt=0)).exists():
            closed += close_with_current_answers(batch=batch)
    return requeued, closed


def _stuck(project_id: int, tasks: QuerySet[Task]) -> QuerySet[Task]:
    """Of these tasks of one project, those that every active worker has been assigned in the current round.

    The newest active worker must have had all of them, so the query, which the console repeats often, starts from that
    one worker's assignments. A project that nobody has joined has no stuck tasks: it waits for its first worker.
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
