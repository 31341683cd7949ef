"""A model as one more annotator: its class probabilities for images, whose worth is learnt like a person's."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose, isfinite
from uuid import UUID

from django.db import connection, transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer, ImageLabel
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.schema import Schema
from kernel.clock import utc_now
from kernel.errors import Refused
from kernel.jobs import KEEP_TRYING, enqueue
from projects.models import Project
from projects.selectors import schema_of
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.consensus.models import Prediction
from tasks.consensus.refit import TASKS_A_JOB, UPDATE_LABELS, ask_refit
from tasks.gold.models import Gold
from tasks.ingest.models import Image

#: Images in one call.
MOST = 10_000
LONGEST_NAME = 120
#: Probabilities that come from a file with two decimals need not sum to 1 to the last of them.
_SUM = 0.02
_CHUNK = 1000


class PredictionRefused(Refused):
    """These predictions cannot be taken as they are."""

    code = "prediction_refused"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a prediction goes: the check image, else the task, of the image."""

    image: UUID
    task_id: int | None
    gold_id: int | None


@transaction.atomic
def add_predictions(*, project: Project, model: str, rows: Mapping[UUID, Mapping[int, float]]) -> int:
    """Locks the model's name. Take what a model says of images: {public id of an image: {class number: probability}}.

    It uses no place and earns nothing; a later prediction for an image replaces the one before, and the same one
    changes nothing. Returns how many were new. The labels of images that people answered are made anew, and a refit
    learns how far the model is to be believed. Raises PredictionRefused for what is no distribution over the project's
    classes, for images that are not in the project, and for projects without classes of images.
    """
    schema, name = schema_of(project=project), model.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise PredictionRefused(f"A model needs a name of 1 to {LONGEST_NAME} characters.")
    if not schema.wants_class:
        raise PredictionRefused("Only classes of images are predicted, and this project asks for none.")
    if len(rows) > MOST:
        raise PredictionRefused(f"These are {len(rows):,} images; send {MOST:,} at a time at most.")
    if not rows:
        return 0  # and no annotator without an annotation
    said = {image: _shares(image, given, schema) for image, given in rows.items()}
    places = _places(project, list(said))
    actor = _actor_of(project, name)
    fresh = _without_known(actor, [(place, said[place.image]) for place in places])
    for at in range(0, len(fresh), _CHUNK):
        _write(project, actor, fresh[at : at + _CHUNK])
    if fresh:
        _make_labels_anew(project, [place.task_id for place, _ in fresh if place.task_id is not None])
    return len(fresh)


def _shares(image: UUID, given: Mapping[int, float], schema: Schema) -> dict[int, float]:
    """The probabilities above 0, summing to 1."""
    unknown = sorted(number for number in given if number not in schema.names)
    if unknown:
        raise PredictionRefused(f"There is no class {unknown[0]} in this project (image {image}).")
    values = [float(p) for p in given.values()]
    if not all(isfinite(p) and p >= 0 for p in values) or not isclose(sum(values), 1, abs_tol=_SUM):
        raise PredictionRefused(f"The probabilities of image {image} must not be negative, and sum to 1.")
    total = sum(values)
    shares = {number: round(float(p) / total, 9) for number, p in sorted(given.items())}
    return {number: p for number, p in shares.items() if p > 0}


def _places(project: Project, images: Sequence[UUID]) -> list[_Place]:
    """A check image's answer is its owner's, so there a model is measured like a person."""
    ids = dict(Image.objects.filter(dataset_id=project.dataset_id, public_id__in=images).values_list("public_id", "pk"))
    tasks = dict(Task.objects.filter(project=project, image_id__in=ids.values()).values_list("image_id", "pk"))
    active = Gold.objects.filter(project=project, image_id__in=ids.values(), state=Gold.State.ACTIVE)
    golds = dict(active.values_list("image_id", "pk"))
    places = []
    for image in images:
        pk = ids.get(image)
        if pk is None or (pk not in tasks and pk not in golds):
            raise PredictionRefused(f"There is no image {image} in this project.")
        gold = golds.get(pk)
        places.append(_Place(image, None if gold is not None else tasks[pk], gold))
    return places


def _actor_of(project: Project, name: str) -> Actor:
    """The organisation's model of this name, made on first mention."""
    with connection.cursor() as cursor:
        lock = f"model.{project.organisation_id}.{name}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
    known = Actor.objects.filter(
        kind=Actor.Kind.MODEL, label=name, annotations__project__organisation_id=project.organisation_id
    )
    return known.first() or Actor.objects.create(kind=Actor.Kind.MODEL, label=name)


def _without_known(
    actor: Actor, given: Sequence[tuple[_Place, dict[int, float]]]
) -> list[tuple[_Place, dict[int, float]]]:
    """Those that differ from what the model said before."""
    current = Annotation.objects.filter(actor=actor, is_current=True)
    of_task = current.filter(task_id__in=[place.task_id for place, _ in given if place.task_id])
    of_gold = current.filter(gold_id__in=[place.gold_id for place, _ in given if place.gold_id])
    known = set((of_task | of_gold).values_list("task_id", "gold_id", "raw_sha256"))
    return [(place, shares) for place, shares in given if (place.task_id, place.gold_id, _digest(shares)) not in known]


def _write(project: Project, actor: Actor, given: Sequence[tuple[_Place, dict[int, float]]]) -> None:
    before = Annotation.objects.filter(actor=actor, is_current=True)
    before.filter(task_id__in=[place.task_id for place, _ in given if place.task_id]).update(is_current=False)
    before.filter(gold_id__in=[place.gold_id for place, _ in given if place.gold_id]).update(is_current=False)
    assert project.schema_id is not None  # its classes were read
    now = utc_now()
    annotations = []
    for place, shares in given:
        best = max(shares, key=lambda number: (shares[number], -number))
        answer = Answer(verdict="labels", image=ImageLabel(class_number=best))
        annotations.append(
            Annotation(
                project=project,
                task_id=place.task_id,
                gold_id=place.gold_id,
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
        for row, (_, shares) in zip(annotations, given, strict=True)
    )


def _make_labels_anew(project: Project, task_ids: Sequence[int]) -> None:
    answered = sorted(Task.objects.filter(pk__in=task_ids, posterior__isnull=False).values_list("pk", flat=True))
    for at in range(0, len(answered), TASKS_A_JOB):
        some = answered[at : at + TASKS_A_JOB]
        enqueue(UPDATE_LABELS, project_id=project.pk, max_attempts=KEEP_TRYING, task_ids=some)
    ask_refit(project_id=project.pk)


def _digest(shares: Mapping[int, float]) -> str:
    return hashlib.sha256(json.dumps(sorted(shares.items())).encode()).hexdigest()
