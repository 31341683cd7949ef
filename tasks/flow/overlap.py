"""How many answers an image gets: one more while they disagree, and no more when the manager says so."""

from collections.abc import Sequence

from django.db import transaction

from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.batching.services import close_places, raise_wanted
from tasks.consensus.selectors import full_but_open, settled_annotations
from tasks.consensus.services import update_labels


def ask_again(*, task_ids: Sequence[int]) -> int:
    """Raise by one what the tasks want whose full answers are not sure enough; returns how many were raised.

    The target is one above what was read, so that two jobs that see the same answers raise it once.
    """
    raised = 0
    limits: dict[int, int] = {}
    for task in full_but_open(task_ids=task_ids):
        if task.project_id not in limits:
            limits[task.project_id] = Project.objects.values_list("answers_max", flat=True).get(pk=task.project_id)
        if task.wanted < limits[task.project_id]:
            raised += raise_wanted(task_id=task.pk, to=task.wanted + 1)
    return raised


@transaction.atomic
def stop_asking(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Make labels from the answers that are there; returns how many that closes.

    Images without an answer, and those that somebody is labelling at this moment, stay open.
    """
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    tasks = Task.objects.select_for_update(no_key=True).filter(batch=batch, state=Task.State.OPEN)
    open_tasks = {task.pk: task for task in tasks.order_by("pk")}
    answers = dict.fromkeys(open_tasks, 0)
    for task_id in settled_annotations(list(open_tasks)).values_list("task_id", flat=True):
        answers[task_id] += 1
    ready = [pk for pk, task in open_tasks.items() if answers[pk] > 0 and answers[pk] == task.taken]
    for pk in ready:
        close_places(task=open_tasks[pk])
    update_labels(task_ids=ready, may_ask_more=False)
    return len(ready)
