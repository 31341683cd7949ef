"""The estimated reliability of a project's workers: refits write it in versions, aggregation reads it per task.

While a project has fewer answers than the default method can learn from (`blend.COLD_START_ANSWERS`), workers are rated
by their gold results alone: those in this project and, with less weight, those in the organization's other projects.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import numpy as np
from django.db import transaction

from annotary_core.aggregation.classification.blend import cold_start_model
from annotary_core.aggregation.classification.fitted_model import FittedModel, ModelHeader, WorkerParameters
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from projects.models import Project
from projects.selectors import mapping_of
from tasks.consensus.models import ConsensusState, WorkerReliability
from tasks.consensus.selectors import current_predictions, probabilities_of
from tasks.gold.models import Gold
from tasks.workers.evidence import gold_in_other_projects, worker_records

#: The weight of a gold answer in another project, and the cap on their total: its classes may be easier.
OTHER_PROJECTS_WEIGHT = 0.5
OTHER_PROJECTS_MAX = 20.0

History = dict[int, tuple[float, float]]

#: What the state stores of a worker: about classes, and about objects (see `_PER_WORKER`), as far as it was estimated.
StoredReliability = TypedDict(
    "StoredReliability", {"class": WorkerParameters, "objects": dict[str, float]}, total=False
)


@dataclass(frozen=True, slots=True)
class WorkerModel:
    """The model that labels are computed with. It covers only the workers it was loaded for.

    version: of the state, 0 before the first fit. blend: class model, of images and of objects. rates: how reliably
    each worker draws the objects that exist, None before the first fit of a project with objects.
    """

    version: int
    at: datetime | None
    blend: FittedModel
    rates: DetectionRates | None


def load_worker_model(*, project: Project, workers: Collection[int], classes: Collection[int]) -> WorkerModel:
    """Load the current state of these workers, all from one version even while a refit writes the next."""
    while True:
        state = ConsensusState.objects.filter(project=project, is_current=True).first()
        if state is None:
            return WorkerModel(0, None, cold_start_blend(project=project, workers=workers, classes=classes), None)
        rows = WorkerReliability.objects.filter(state=state, worker_id__in=list(workers))
        bodies = dict(rows.values_list("worker_id", "body"))
        # A version is deleted when the one after next is written; a reader that was paused that long retries.
        if len(bodies) == len(workers) or ConsensusState.objects.filter(pk=state.pk).exists():
            break
    blend = _read_blend(state.header["blend"], bodies)
    if blend is None:
        blend = cold_start_blend(project=project, workers=workers, classes=classes)
    return WorkerModel(state.version, state.created_at, blend, _read_rates(state.header["rates"], bodies))


def current_version(*, project_id: int) -> int:
    rows = ConsensusState.objects.filter(project_id=project_id, is_current=True)
    return rows.values_list("version", flat=True).first() or 0


def cold_start_blend(*, project: Project, workers: Collection[int], classes: Collection[int]) -> FittedModel:
    """Rate every worker by gold results, with equally frequent classes: without gold this is a majority vote."""
    ids = np.array(sorted(workers), np.int64)
    known = gold_record(project=project, workers=workers)
    counts = np.array([known.get(int(worker), (0.0, 0.0)) for worker in ids], np.float64).reshape(-1, 2)
    return cold_start_model(np.array(sorted(classes), np.int64), ids, counts)


def gold_record(*, project: Project, workers: Collection[int]) -> History:
    """(right, wrong) gold answers of each worker: this project's in full, others' as in `other_projects_record`.

    When a manager resumes a paused worker, earlier gold answers are discarded together with the trust built on them.
    """
    record = other_projects_record(project=project, workers=workers)
    records = worker_records(project_id=project.pk, worker_ids=workers)
    own = {worker: (each.gold.correct, each.gold.incorrect) for worker, each in records.items()}
    for worker, (right, wrong) in [*own.items(), *model_gold_record(project=project, actors=workers).items()]:
        earlier = record.get(worker, (0.0, 0.0))
        record[worker] = (earlier[0] + right, earlier[1] + wrong)
    return record


def other_projects_record(*, project: Project, workers: Collection[int]) -> History:
    """(right, wrong) gold answers of the workers in other projects of the same organization; those of other
    organizations must not be visible here.

    Each counts OTHER_PROJECTS_WEIGHT, and all together at most OTHER_PROJECTS_MAX.
    """
    record: History = {}
    for worker, counts in gold_in_other_projects(project=project, worker_ids=workers).items():
        weight = min(OTHER_PROJECTS_WEIGHT, OTHER_PROJECTS_MAX / counts.seen)
        record[worker] = (weight * counts.correct, weight * counts.incorrect)
    return record


def model_gold_record(*, project: Project, actors: Collection[int]) -> dict[int, tuple[float, float]]:
    """(right, wrong) of each model among the actors on the project's active gold: the sum of the probabilities it gave
    to accepted classes, and the remainder."""
    rows = current_predictions().filter(
        annotation__actor_id__in=list(actors),
        annotation__gold__project=project,
        annotation__gold__state=Gold.State.ACTIVE,
    )
    record: dict[int, tuple[float, float]] = {}
    mapping = mapping_of(project.schema)
    for actor, stored, accepted in rows.values_list(
        "annotation__actor_id", "probabilities", "annotation__gold__accepted"
    ):
        bodies = [body for body in map(mapping.body, accepted) if body is not None]
        accepted_classes = {body["image"]["class"] for body in bodies}
        shares = mapping.probabilities(probabilities_of(stored))
        if not bodies or not shares:
            continue
        right = sum(p for number, p in shares.items() if number in accepted_classes)
        earlier = record.get(actor, (0.0, 0.0))
        record[actor] = (earlier[0] + right, earlier[1] + 1 - right)
    return record


@transaction.atomic
def write_state(
    *,
    project_id: int,
    blend: FittedModel,
    rates: DetectionRates | None,
    fingerprint: str,
    settled: int,
    seconds: float,
) -> ConsensusState:
    """Needs the project's refit lock. Write the next version, which becomes current on commit.

    The previous version's rows are kept for its readers; older versions are deleted.
    """
    previous = ConsensusState.objects.filter(project_id=project_id, is_current=True).first()
    version = previous.version + 1 if previous else 1
    ConsensusState.objects.filter(project_id=project_id, is_current=True).update(is_current=False)
    state = ConsensusState.objects.create(
        project_id=project_id,
        version=version,
        header={"blend": _header(blend), "rates": _rates_header(rates)},
        answers=blend.answers,
        settled=settled,
        fingerprint=fingerprint,
        seconds=round(seconds, 3),
    )
    bodies = _worker_bodies(blend, rates)
    WorkerReliability.objects.bulk_create(
        (WorkerReliability(state=state, worker_id=worker, body=body) for worker, body in sorted(bodies.items())),
        batch_size=100,
    )
    ConsensusState.objects.filter(project_id=project_id, version__lt=version - 1).delete()
    return state


def _header(blend: FittedModel) -> ModelHeader | None:
    """None while the project is cold."""
    return None if blend.is_cold_start else blend.header_json()


def _read_blend(header: ModelHeader | None, bodies: Mapping[int, StoredReliability]) -> FittedModel | None:
    if header is None:
        return None
    return FittedModel.from_parts(header, {worker: body["class"] for worker, body in bodies.items() if "class" in body})


#: The columns of DetectionRates with one entry per worker.
_PER_WORKER = ("detection", "false_rate", "spread", "drawings")


def _rates_header(rates: DetectionRates | None) -> dict[str, Any] | None:
    if rates is None:
        return None
    return {name: value for name, value in rates.to_json().items() if name not in ("workers", *_PER_WORKER)}


def _read_rates(header: dict[str, Any] | None, bodies: Mapping[int, StoredReliability]) -> DetectionRates | None:
    if header is None:
        return None
    known = {worker: body["objects"] for worker, body in sorted(bodies.items()) if "objects" in body}
    columns = {name: [each[name] for each in known.values()] for name in _PER_WORKER}
    return DetectionRates.from_json(header | {"workers": list(known), **columns})


def _worker_bodies(blend: FittedModel, rates: DetectionRates | None) -> dict[int, StoredReliability]:
    bodies: dict[int, StoredReliability] = {}
    if not blend.is_cold_start:
        for index, worker in enumerate(_ids(blend.workers)):
            bodies[worker] = {"class": blend.worker_json(index)}
    if rates is not None:
        stored = rates.to_json()
        for index, worker in enumerate(_ids(rates.workers)):
            bodies.setdefault(worker, {})["objects"] = {name: stored[name][index] for name in _PER_WORKER}
    return bodies


def _ids(workers: IntArray) -> list[int]:
    return [int(worker) for worker in workers]
