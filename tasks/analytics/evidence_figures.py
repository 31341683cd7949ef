"""What a page of evidence tells beside the evidence itself: from how much a worker is known, and who drew what."""

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

#: A worker's box is the object's when it is the worker's nearest one and overlaps it by so much.
OVERLAP = 0.3
_SIDES = {"x", "y", "w", "h"}


@dataclass(frozen=True, slots=True)
class Figures:
    """When an answer was given, and how many answers and check images its worker is known from in the project."""

    at: datetime
    answers: int
    checks: int


def answer_figures(task: Task) -> dict[str, Figures]:
    """{public id of an annotation: figures} of the task's current answers."""
    rows = list(
        Annotation.objects.filter(task=task, is_current=True).values_list("public_id", "actor_id", "created_at")
    )
    workers = {actor for _, actor, _ in rows}
    given = dict(
        Assignment.objects.filter(
            project_id=task.project_id, worker_id__in=workers, state=Assignment.State.SUBMITTED, task__isnull=False
        )
        .values_list("worker_id")
        .annotate(answers=Count("pk"))
    )
    standings = Standing.objects.filter(project_id=task.project_id, worker_id__in=workers)
    checks = dict(standings.values_list("worker_id", "gold_seen"))
    return {str(key): Figures(at, given.get(actor, 0), checks.get(actor, 0)) for key, actor, at in rows}


def drawn_by(geoms: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, str]]]:
    """For each box (as JSON) the (number, name) of those of whom a box is the same object: each box of theirs is one
    object's, the one that it overlaps most."""
    found: list[list[tuple[int, str]]] = [[] for _ in geoms]
    # What is no box lies nowhere: it is compared with nothing.
    objects = corner_array([Box(**geom) if geom.keys() == _SIDES else Box(0, 0, 0, 0) for geom in geoms])
    for row in answers:
        drawn = [Box(**item["geom"]) for item in row["answer"]["objects"] if item["tool"] == "box"]
        if not len(objects) or not drawn:
            continue
        overlap = pairwise_iou(corner_array(drawn), objects)
        for place in sorted({int(np.argmax(each)) for each in overlap if each.max() >= OVERLAP}):
            found[place].append((row["number"], row["who"]))
    return found
