"""Queries on answers."""

from collections.abc import Sequence

from django.db.models import QuerySet

from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand


def current_answers(*, task_ids: Sequence[int]) -> QuerySet[Annotation]:
    """Return workers' current answers to these tasks that use a slot and whose hand is settled, in order of arrival.

    Each comes with its assignment: `assignment.round` is the task's round that the answer belongs to.
    """
    rows = Annotation.objects.filter(
        task_id__in=task_ids,
        source=Annotation.Source.WORKER,
        is_current=True,
        assignment__counts=True,
        assignment__hand__state=Hand.State.SETTLED,
    )
    return rows.select_related("assignment").order_by("task_id", "id")
