"""Stores a model's class probabilities for images, as an additional annotator whose reliability is estimated."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose, isfinite
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer, ImageLabel
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.names import normalize_name
from annotary_core.labels.schema import Schema
from kernel.clock import database_now
from kernel.locks import lock_named
from projects.models import Project
from projects.selectors import require_not_closed, schema_of
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.consensus.models import Prediction
from tasks.consensus.refit import queue_updates, request_refit
from tasks.flow.errors import PredictionRefused
from tasks.gold.models import Gold
from tasks.ingest.models import Image

#: The maximum number of images per call.
MAX_PREDICTIONS = 10_000
MAX_NAME_LENGTH = 120
#: Tolerance for the sum of the probabilities: with values of two decimals the sum need not be exactly 1.
_SUM = 0.02
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class _Target:
    """The target of a prediction: the image's gold if it has any, else its task."""

    image: UUID
    task_id: int | None
    gold_id: int | None


@transaction.atomic
def add_predictions(*, project: Project, model: str, rows: Mapping[UUID, Mapping[int, float]]) -> int:
    """Locks the model's name. Store a model's predictions: {public id of an image: {class number: probability}}.

    They take no slot and earn nothing; a later prediction for an image replaces the earlier one, and an equal one has
    no effect. Returns the number of new ones. Labels of images that people have answered are recomputed, and a refit
    estimates the model's reliability. Raises PredictionRefused for values that are no distribution over the project's
    classes, for images that are not in the project, and for projects without image classes; ProjectClosed.
    """
    require_not_closed(project_id=project.pk)
    schema, name = schema_of(project=project), normalize_name(model.strip())
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise PredictionRefused(f"A model needs a name of 1 to {MAX_NAME_LENGTH} characters.")
    if not schema.has_image_class:
        raise PredictionRefused("Predictions are image classes, and this project has none.")
    if len(rows) > MAX_PREDICTIONS:
        raise PredictionRefused(f"The request has {len(rows):,} images. Send at most {MAX_PREDICTIONS:,} at a time.")
    if not rows:
        return 0  # creates no model without predictions
    shares = {image: _shares(image, probabilities, schema) for image, probabilities in rows.items()}
    targets = _targets(project, list(shares))
    actor = _actor_of(project, name)
    changed = _changed_only(actor, [(target, shares[target.image]) for target in targets])
    for start in range(0, len(changed), _CHUNK):
        _write(project, actor, changed[start : start + _CHUNK])
    if changed:
        _queue_relabeling(project, [target.task_id for target, _ in changed if target.task_id is not None])
    return len(changed)


def _shares(image: UUID, probabilities: Mapping[int, float], schema: Schema) -> dict[int, float]:
    """The positive probabilities, normalized to sum to 1."""
    unknown = sorted(number for number in probabilities if number not in schema.names)
    if unknown:
        raise PredictionRefused(f"There is no class {unknown[0]} in this project (image {image}).")
    values = [float(p) for p in probabilities.values()]
    if not all(isfinite(p) and p >= 0 for p in values) or not isclose(sum(values), 1, abs_tol=_SUM):
        raise PredictionRefused(f"The probabilities of image {image} must be non-negative and sum to 1.")
    total = sum(values)
    shares = {number: round(float(p) / total, 9) for number, p in sorted(probabilities.items())}
    return {number: p for number, p in shares.items() if p > 0}


def _targets(project: Project, images: Sequence[UUID]) -> list[_Target]:
    """Map images to targets. Gold comes before the task: its answer is the owner's, so it measures the model."""
    ids = dict(Image.objects.filter(dataset_id=project.dataset_id, public_id__in=images).values_list("public_id", "pk"))
    tasks = dict(Task.objects.filter(project=project, image_id__in=ids.values()).values_list("image_id", "pk"))
    active = Gold.objects.filter(project=project, image_id__in=ids.values(), state=Gold.State.ACTIVE)
    golds = dict(active.values_list("image_id", "pk"))
    targets = []
    for image in images:
        pk = ids.get(image)
        if pk is None or (pk not in tasks and pk not in golds):
            raise PredictionRefused(f"There is no image {image} in this project.")
        gold = golds.get(pk)
        targets.append(_Target(image, None if gold is not None else tasks[pk], gold))
    return targets


def _actor_of(project: Project, name: str) -> Actor:
    """The organization's model of this name, created on first use."""
    lock_named(f"model.{project.organisation_id}.{name}")
    known = Actor.objects.filter(
        kind=Actor.Kind.MODEL, label=name, annotations__project__organisation_id=project.organisation_id
    )
    return known.first() or Actor.objects.create(kind=Actor.Kind.MODEL, label=name)


def _changed_only(
    actor: Actor, predictions: Sequence[tuple[_Target, dict[int, float]]]
) -> list[tuple[_Target, dict[int, float]]]:
    """The predictions that differ from the model's current ones."""
    current = Annotation.objects.filter(actor=actor, is_current=True)
    of_task = current.filter(task_id__in=[target.task_id for target, _ in predictions if target.task_id])
    of_gold = current.filter(gold_id__in=[target.gold_id for target, _ in predictions if target.gold_id])
    known = set((of_task | of_gold).values_list("task_id", "gold_id", "raw_sha256"))
    return [
        (target, shares)
        for target, shares in predictions
        if (target.task_id, target.gold_id, _digest(shares)) not in known
    ]


def _write(project: Project, actor: Actor, predictions: Sequence[tuple[_Target, dict[int, float]]]) -> None:
    previous = Annotation.objects.filter(actor=actor, is_current=True)
    previous.filter(task_id__in=[target.task_id for target, _ in predictions if target.task_id]).update(
        is_current=False
    )
    previous.filter(gold_id__in=[target.gold_id for target, _ in predictions if target.gold_id]).update(
        is_current=False
    )
    assert project.schema_id is not None  # its schema was loaded
    now = database_now()
    annotations = []
    for target, shares in predictions:
        best = max(shares, key=lambda number: (shares[number], -number))
        answer = Answer(verdict="labels", image=ImageLabel(class_number=best))
        annotations.append(
            Annotation(
                project=project,
                task_id=target.task_id,
                gold_id=target.gold_id,
                actor=actor,
                source=Annotation.Source.MODEL,
                schema_id=project.schema_id,
                body=answer.to_json(),
                body_sha256=content_hash(answer),
                raw_sha256=_digest(shares),
                created_at=now,
            )
        )
    Annotation.objects.bulk_create(annotations)
    Prediction.objects.bulk_create(
        Prediction(annotation=row, probabilities={str(number): p for number, p in shares.items()})
        for row, (_, shares) in zip(annotations, predictions, strict=True)
    )


def _queue_relabeling(project: Project, task_ids: Sequence[int]) -> None:
    answered = sorted(Task.objects.filter(pk__in=task_ids, posterior__isnull=False).values_list("pk", flat=True))
    queue_updates(project_id=project.pk, tasks=answered)
    request_refit(project_id=project.pk)


def _digest(shares: Mapping[int, float]) -> str:
    return hashlib.sha256(json.dumps(sorted(shares.items())).encode()).hexdigest()
