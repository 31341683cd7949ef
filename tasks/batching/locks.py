"""Row locks of batches and tasks, in the order of claims: a batch first, then its tasks, those by id.

Whoever holds a task must not wait for its batch. `FOR NO KEY UPDATE` lets others write rows that refer to these.
"""

from collections.abc import Collection

from django.db.models import QuerySet

from tasks.batching.models import Batch, Task


def lock_batch(*, batch_id: int) -> Batch:
    """Locks the batch."""
    return Batch.objects.select_for_update(no_key=True).get(pk=batch_id)


def lock_batches(*, batch_ids: Collection[int]) -> list[Batch]:
    """Locks these batches."""
    return list(Batch.objects.select_for_update(no_key=True).filter(pk__in=batch_ids).order_by("pk"))


def lock_tasks(tasks: QuerySet[Task]) -> list[Task]:
    """Needs the lock of their batches if the number of answers may change. Locks the tasks of a query."""
    return list(tasks.select_for_update(no_key=True).order_by("pk"))


def lock_task(*, task_id: int) -> Task:
    """Locks the task; returns it with image, project and schema."""
    rows = Task.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("image", "project", "project__schema").get(pk=task_id)


def lock_task_with_batch(*, task_id: int) -> tuple[Batch, Task]:
    """Locks the batch, then the task; returns the task with image, project and schema."""
    batch_id = Task.objects.values_list("batch_id", flat=True).get(pk=task_id)
    return lock_batch(batch_id=batch_id), lock_task(task_id=task_id)
