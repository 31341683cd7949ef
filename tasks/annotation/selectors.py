"""Queries on answers."""

from collections.abc import Collection
from typing import Any

from tasks.annotation.models import Annotation
from tasks.batching.models import Task


def answers_of_task(*, task: Task) -> list[Annotation]:
    """Return the current answers of workers to the task, of all rounds, in the order in which they arrived."""
    rows = Annotation.objects.filter(task=task, is_current=True, source=Annotation.Source.WORKER)
    return list(rows.select_related("actor", "assignment").order_by("pk"))


def current_bodies(*, assignment_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return {row id of an assignment: the body of its current answer}."""
    rows = Annotation.objects.filter(assignment__in=assignment_ids, is_current=True)
    return {pk: body for pk, body in rows.values_list("assignment_id", "body") if pk is not None}
