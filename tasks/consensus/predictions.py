"""What models predict: one more annotator each, whose reliability is learnt like a person's.

A prediction uses no place and earns nothing. Its class probabilities are one vote, split as they say.
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
class Predicted:
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


def predictions_of(*, task_ids: Collection[int]) -> dict[int, list[Predicted]]:
    """The predictions for each of these tasks, by model."""
    rows = (
        current_predictions()
        .filter(annotation__task_id__in=task_ids)
        .select_related("annotation__actor")
        .order_by("annotation__task_id", "annotation__actor_id")
    )
    found: dict[int, list[Predicted]] = defaultdict(list)
    for row in rows:
        given = row.annotation
        assert given.task_id is not None
        found[given.task_id].append(
            Predicted(
                given.actor_id,
                given.actor.public_id,
                given.actor.label,
                given.public_id,
                given.body,
                probabilities_of(row.probabilities),
            )
        )
    return found


def probabilities_of(stored: dict[str, float]) -> dict[int, float]:
    return {int(number): float(p) for number, p in stored.items()}


def models_on_check_images(*, project: Project, actors: Collection[int]) -> dict[int, tuple[float, float]]:
    """(right, wrong) of each model among the actors on the project's active check images: the probabilities that it
    gave to right classes, and the rest."""
    rows = current_predictions().filter(
        annotation__actor_id__in=list(actors),
        annotation__gold__project=project,
        annotation__gold__state=Gold.State.ACTIVE,
    )
    found: dict[int, tuple[float, float]] = {}
    for actor, stored, accepted in rows.values_list(
        "annotation__actor_id", "probabilities", "annotation__gold__accepted"
    ):
        allowed = {body["image"]["class"] for body in accepted}
        right = sum(p for number, p in probabilities_of(stored).items() if number in allowed)
        before = found.get(actor, (0.0, 0.0))
        found[actor] = (before[0] + right, before[1] + 1 - right)
    return found
