"""Figures shown with a label's evidence: how much is known about each worker, and who drew which object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Count

from annotary_core.labels.geometry import Box, corner_array, pairwise_iou
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.standing.models import Standing

#: Minimum IoU at which a worker's box belongs to the object that it overlaps most.
MIN_IOU = 0.3
_BOX_KEYS = {"x", "y", "w", "h"}


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """When an answer was submitted, and how many answers and gold images its worker has in the project."""

    at: datetime
    answers: int
    checks: int


def answer_figures(task: Task) -> dict[str, AnswerFigures]:
    """Return {public id of an annotation: figures} for the task's current answers."""
    rows = list(
        Annotation.objects.filter(task=task, is_current=True).values_list("public_id", "actor_id", "created_at")
    )
    workers = {actor for _, actor, _ in rows}
    answer_counts = dict(
        Assignment.objects.filter(
            project_id=task.project_id, worker_id__in=workers, state=Assignment.State.SUBMITTED, task__isnull=False
        )
        .values_list("worker_id")
        .annotate(answers=Count("pk"))
    )
    standings = Standing.objects.filter(project_id=task.project_id, worker_id__in=workers)
    gold_counts = dict(standings.values_list("worker_id", "gold_seen"))
    return {
        str(key): AnswerFigures(at, answer_counts.get(actor, 0), gold_counts.get(actor, 0)) for key, actor, at in rows
    }


def drawers_of(geoms: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, str]]]:
    """Return, for each box (as JSON), the (number, name) of the workers who drew that object.

    Each of a worker's boxes belongs to one object, the one that it overlaps most.
    """
    drawers: list[list[tuple[int, str]]] = [[] for _ in geoms]
    # Other geometries become an empty box, which overlaps nothing.
    objects = corner_array([Box(**geom) if geom.keys() == _BOX_KEYS else Box(0, 0, 0, 0) for geom in geoms])
    for row in answers:
        drawn = [Box(**item["geom"]) for item in row["answer"]["objects"] if item["tool"] == "box"]
        if not len(objects) or not drawn:
            continue
        overlap = pairwise_iou(corner_array(drawn), objects)
        for index in sorted({int(np.argmax(each)) for each in overlap if each.max() >= MIN_IOU}):
            drawers[index].append((row["number"], row["who"]))
    return drawers
