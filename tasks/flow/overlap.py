"""Closes tasks with the answers they have, on behalf of a manager.

Whether a task gets one more answer is decided by `consensus.stopping_policy`, and applied with its label.
"""

from django.db import transaction
from django.db.models import Q

from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Batch, Task
from tasks.consensus.next_steps import Asking
from tasks.consensus.services import update_labels


@transaction.atomic
def close_with_current_answers(*, batch: Batch) -> int:
    """Locks the batch, then its tasks. Close tasks with the answers they have; returns the number of tasks closed.

    Tasks without an answer, tasks with a live lease, and those that are set aside stay open. Approved ones that are
    asked again are closed, too.
    """
    lock_batch(batch_id=batch.pk)
    waiting = Task.objects.filter(Q(state=Task.State.OPEN) | Q(asked_again=True), batch=batch, is_set_aside=False)
    open_tasks = [task.pk for task in lock_tasks(waiting)]
    update_labels(task_ids=open_tasks, asking=Asking.CLOSE)
    closed = Task.objects.filter(pk__in=open_tasks, asked_again=False).exclude(state=Task.State.OPEN)
    return closed.count()
