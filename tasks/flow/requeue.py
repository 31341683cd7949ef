"""Tasks that no remaining worker can take, because every active worker has already been assigned them.

A worker is assigned a task at most once per round (I1), so a small team can be left with open slots that none of them
may claim: after a set expired on a phone, or images were skipped. Managers see their number and can grant a redo.
"""

from django.db import transaction
from django.db.models import F

from projects.models import Project
from projects.selectors import require_not_closed
from tasks.assignment.selectors import filter_stuck
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Batch, Task
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.rejection import next_rounds


@transaction.atomic
def requeue_unanswered(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Start a new round for stuck tasks without an answer; returns their number.

    Answers that still arrive for the previous round are kept and paid for like any late answer.
    """
    lock_batch(batch_id=batch.pk)
    unanswered_tasks = Task.objects.filter(batch=batch, taken=0)
    candidates = list(filter_stuck(tasks=unanswered_tasks, project_id=batch.project_id).values_list("pk", flat=True))
    locked = lock_tasks(Task.objects.filter(pk__in=candidates))
    # Check again under the lock: a late answer may have taken the slot meanwhile.
    waiting = [task for task in locked if task.state == Task.State.OPEN and not task.is_set_aside]
    unanswered = [task for task in waiting if task.taken == 0]
    if unanswered:
        rounds = next_rounds(unanswered)
        for task in unanswered:
            task.round = rounds[task.pk]
        Task.objects.bulk_update(unanswered, ["round"])
        Batch.objects.filter(pk=batch.pk).update(generation=F("generation") + 1)
    return len(unanswered)


def requeue_stuck(*, project: Project) -> tuple[int, int]:
    """Requeue stuck tasks without an answer, and close the others with their current answers.

    Works batch by batch, each in its own transaction; returns (tasks requeued, tasks closed). Raises ProjectClosed and
    ProjectArchived.
    """
    require_not_closed(project_id=project.pk)
    requeued = closed = 0
    for batch in Batch.objects.filter(project=project, state=Batch.State.OPEN).order_by("number"):
        requeued += requeue_unanswered(batch=batch)
        if filter_stuck(tasks=Task.objects.filter(batch=batch, taken__gt=0), project_id=project.pk).exists():
            closed += close_with_current_answers(batch=batch)
    return requeued, closed
