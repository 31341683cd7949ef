"""Predictions of models. A model is an additional annotator whose reliability is estimated like a person's.

A prediction takes no slot and earns nothing. It counts as one vote, split by its class probabilities.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from annotary_core.labels.answer import Answer
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.consensus.models import Prediction
from tasks.gold.models import Gold


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """A model's current prediction for a task. probabilities: class number -> p, summing to 1."""

    actor_id: int
    actor: UUID
    name: str
    annotation: UUID
    body: dict[str, Any]
    probabilities: dict[int, float]

    @property
    def answer(self) -> Answer:
        return Answer.from_json(self.body)


def current_predictions() -> QuerySet[Prediction]:
    return Prediction.objects.filter(annotation__is_current=True, annotation__source=Annotation.Source.MODEL)


def predictions_by_task(*, task_ids: Collection[int]) -> dict[int, list[ModelPrediction]]:
    """The predictions for each of these tasks, ordered by model."""
    rows = (
        current_predictions()
        .filter(annotation__task_id__in=task_ids)
        .select_related("annotation__actor")
        .order_by("annotation__task_id", "annotation__actor_id")
    )
    predictions: dict[int, list[ModelPrediction]] = defaultdict(list)
    for row in rows:
        annotation = row.annotation
        assert annotation.task_id is not None
        predictions[annotation.task_id].append(
            ModelPrediction(
                annotation.actor_id,
                annotation.actor.public_id,
                annotation.actor.label,
                annotation.public_id,
                annotation.body,
                probabilities_of(row.probabilities),
            )
        )
    return predictions


def probabilities_of(stored: dict[str, float]) -> dict[int, float]:
    return {int(number): float(p) for number, p in stored.items()}


def model_gold_record(*, project: Project, actors: Collection[int]) -> dict[int, tuple[float, float]]:
    """(right, wrong) of each model among the actors on the project's active gold: the sum of the probabilities it gave
    to accepted classes, and the remainder."""
    rows = current_predictions().filter(
        annotation__actor_id__in=list(actors),
        annotation__gold__project=project,
        annotation__gold__state=Gold.State.ACTIVE,
    )
    record: dict[int, tuple[float, float]] = {}
    for actor, stored, accepted in rows.values_list(
        "annotation__actor_id", "probabilities", "annotation__gold__accepted"
    ):
        accepted_classes = {body["image"]["class"] for body in accepted}
        right = sum(p for number, p in probabilities_of(stored).items() if number in accepted_classes)
        earlier = record.get(actor, (0.0, 0.0))
        record[actor] = (earlier[0] + right, earlier[1] + 1 - right)
    return record
