"""Queries on answers."""

from tasks.annotation.models import Annotation
from tasks.batching.models import Task


def answers_of_task(*, task: Task) -> list[Annotation]:
    """Return the current answers of workers to the task, of all rounds, in the order in which they arrived."""
    rows = Annotation.objects.filter(task=task, is_current=True, source=Annotation.Source.WORKER)
    return list(rows.select_related("actor", "assignment").order_by("pk"))
