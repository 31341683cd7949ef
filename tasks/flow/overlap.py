"""Adjusts the overlap: one more answer while it is worthwhile, none once a label is certain or a manager closes it."""

from collections.abc import Sequence
from itertools import groupby

from django.db import transaction
from django.db.models import F

from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.batching.services import close_slots, raise_wanted
from tasks.consensus.selectors import complete_open_tasks, settled_annotations
from tasks.consensus.services import update_labels
from tasks.consensus.stopping_policy import expected_gains

#: A task's priority is the expected gain of an answer, in thousandths of a correct decision.
PRIORITY = 1000


def raise_overlap(*, task_ids: Sequence[int]) -> int:
    """Raise `wanted` by one for full tasks whose label is not certain enough; returns the number of tasks raised.

    The new value is one above the value read, so two jobs that see the same answers raise it once. Tasks with the
    highest expected gain are assigned first.
    """
    raised = 0
    for project, tasks in _by_project(complete_open_tasks(task_ids=task_ids)):
        gains = expected_gains(project=project, task_ids=[task.pk for task in tasks])
        for task in tasks:
            if task.wanted < project.answers_max:
                priority = round(PRIORITY * gains.get(task.pk, 0.0))
                raised += raise_wanted(task_id=task.pk, to=task.wanted + 1, priority=priority)
    return raised


def lower_overlap(*, task_ids: Sequence[int]) -> int:
    """Close the open slots of tasks that have become certain since more answers were requested, after a refit.

    Tasks with a live lease stay open. Returns the number of tasks closed.
    """
    open_tasks = Task.objects.filter(pk__in=task_ids, state=Task.State.OPEN, taken__lt=F("wanted"), taken__gt=0)
    closed: list[int] = []
    for project, tasks in _by_project(list(open_tasks.order_by("pk"))):
        candidates = [task for task in tasks if task.taken >= project.answers_min]
        unsure = expected_gains(project=project, task_ids=[task.pk for task in candidates])
        closed += [task.pk for task in candidates if task.pk not in unsure and _close(task)]
    update_labels(task_ids=closed)
    return len(closed)


@transaction.atomic
def _close(task: Task) -> bool:
    """Locks the batch, then the task."""
    Batch.objects.select_for_update(no_key=True).get(pk=task.batch_id)
    row = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    settled = settled_annotations([row.pk]).count()
    # Check again under the lock: a claim may have taken the slot, and must not be revoked.
    if row.state != Task.State.OPEN or row.round != task.round or not 0 < settled == row.taken < row.wanted:
        return False
    return close_slots(task=row) > 0


def _by_project(tasks: Sequence[Task]) -> list[tuple[Project, list[Task]]]:
    ordered = sorted(tasks, key=lambda task: (task.project_id, task.pk))
    projects = Project.objects.in_bulk({task.project_id for task in ordered})
    return [(projects[key], list(group)) for key, group in groupby(ordered, key=lambda task: task.project_id)]


@transaction.atomic
def close_with_current_answers(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Close tasks with the answers they have; returns the number of tasks closed.

    Tasks without an answer and tasks with a live lease stay open.
    """
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    tasks = Task.objects.select_for_update(no_key=True).filter(batch=batch, state=Task.State.OPEN)
    open_tasks = {task.pk: task for task in tasks.order_by("pk")}
    answers = dict.fromkeys(open_tasks, 0)
    for task_id in settled_annotations(list(open_tasks)).values_list("task_id", flat=True):
        answers[task_id] += 1
    ready = [pk for pk, task in open_tasks.items() if answers[pk] > 0 and answers[pk] == task.taken]
    for pk in ready:
        close_slots(task=open_tasks[pk])
    update_labels(task_ids=ready, may_ask_more=False)
    return len(ready)
