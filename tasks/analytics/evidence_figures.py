"""Figures shown with a label's evidence: how much is known about each worker, and who drew which object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from annotary_core.labels.matching import DRAWN_BY_SEVERAL, assign, similarity_matrix
from annotary_core.labels.shapes.objects import ObjectColumn
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.label_evidence import DetectedObject
from tasks.consensus.object_answers import objects_of
from tasks.workers.evidence import worker_records


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
    records = worker_records(project_id=task.project_id, worker_ids=workers)
    return {
        str(key): AnswerFigures(at, answer_counts.get(actor, 0), records[actor].ever_gold.seen)
        for key, actor, at in rows
    }


def drawers_of(objects: Sequence[DetectedObject], answers: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, str]]]:
    """Return, for each detected object of a label's evidence, the (number, name) of the workers who drew it.

    Each object that a worker drew is one of the detected ones at most.
    """
    drawers: list[list[tuple[int, str]]] = [[] for _ in objects]
    detected = ObjectColumn.of([(each.tool, each.geom) for each in objects])
    for row in answers:
        similarity = similarity_matrix(objects_of(row["answer"]), detected)
        _, drawn = assign(similarity, similarity >= DRAWN_BY_SEVERAL)
        for index in sorted(drawn.tolist()):
            drawers[index].append((row["number"], row["who"]))
    return drawers
