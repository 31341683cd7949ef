"""What is known of a project's workers: written in versions by a refit, read for the tasks at hand.

While a project has fewer answers than the default method learns from (`blend.COLD_ANSWERS`), workers are as good as
their check images say: those of this project, and those of earlier ones in the same organisation, which count less.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Sum

from annotary_core.aggregation.classification.blend import cold_state
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from projects.models import Project
from tasks.consensus.models import ConsensusState, WorkerReliability
from tasks.consensus.predictions import models_on_check_images
from tasks.standing.models import Standing
from tasks.standing.trust import PRIOR_ALPHA, PRIOR_BETA

#: What a check image in another project counts, and how many of them count at most: its classes may be easier.
EARLIER_SHARE = 0.5
EARLIER_MOST = 20.0

History = dict[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What labels are made with. Of workers it knows those whom it was read for.

    version: of the state, 0 before the first fit. blend: classes, of images and of objects. rates: who draws what is
    there, None before the first fit of a project with objects.
    """

    version: int
    at: datetime | None
    blend: BlendState
    rates: DetectionRates | None


def learnt_of(*, project: Project, workers: Collection[int], classes: Collection[int]) -> Learnt:
    """What the current state says of these workers. All is of one version, also while a refit writes the next."""
    while True:
        state = ConsensusState.objects.filter(project=project, is_current=True).first()
        if state is None:
            return Learnt(0, None, cold_blend(project=project, workers=workers, classes=classes), None)
        rows = WorkerReliability.objects.filter(state=state, worker_id__in=list(workers))
        bodies = dict(rows.values_list("worker_id", "body"))
        # A version goes when the one after next is written; whoever slept that long between two reads begins anew.
        if len(bodies) == len(workers) or ConsensusState.objects.filter(pk=state.pk).exists():
            break
    blend = _read_blend(state.header["blend"], bodies)
    if blend is None:
        blend = cold_blend(project=project, workers=workers, classes=classes)
    return Learnt(state.version, state.created_at, blend, _read_rates(state.header["rates"], bodies))


def current_version(*, project_id: int) -> int:
    rows = ConsensusState.objects.filter(project_id=project_id, is_current=True)
    return rows.values_list("version", flat=True).first() or 0


def cold_blend(*, project: Project, workers: Collection[int], classes: Collection[int]) -> BlendState:
    """Every worker as good as the check images say, classes equally frequent: without check images a majority."""
    ids = np.array(sorted(workers), np.int64)
    known = check_images_of(project=project, workers=workers)
    counts = np.array([known.get(int(worker), (0.0, 0.0)) for worker in ids], np.float64).reshape(-1, 2)
    return cold_state(np.array(sorted(classes), np.int64), ids, counts)


def check_images_of(*, project: Project, workers: Collection[int]) -> History:
    """Check images answered (rightly, wrongly) by each worker, of this project in full, of earlier ones as stated.

    Those before a manager resumed a paused worker are forgotten with the trust that they made.
    """
    found = earlier_record(project=project, workers=workers)
    here = Standing.objects.filter(project=project, worker_id__in=list(workers))
    own = {row.worker_id: (row.trust_alpha - PRIOR_ALPHA, row.trust_beta - PRIOR_BETA) for row in here}
    for worker, (right, wrong) in [*own.items(), *models_on_check_images(project=project, actors=workers).items()]:
        before = found.get(worker, (0.0, 0.0))
        found[worker] = (before[0] + max(right, 0.0), before[1] + max(wrong, 0.0))
    return found


def earlier_record(*, project: Project, workers: Collection[int]) -> History:
    """(right, wrong) check images of the workers in other projects of the same organisation; others must not show here.

    Each counts EARLIER_SHARE, all together EARLIER_MOST at most.
    """
    elsewhere = Standing.objects.filter(
        project__organisation_id=project.organisation_id, worker_id__in=list(workers), gold_seen__gt=0
    ).exclude(project=project)
    sums = elsewhere.values_list("worker_id").annotate(right=Sum("gold_correct"), seen=Sum("gold_seen"))
    found: History = {}
    for worker, right, seen in sums:
        share = min(EARLIER_SHARE, EARLIER_MOST / seen)
        found[worker] = (share * right, share * (seen - right))
    return found


@transaction.atomic
def write_state(
    *,
    project_id: int,
    blend: BlendState,
    rates: DetectionRates | None,
    fingerprint: str,
    settled: int,
    seconds: float,
) -> ConsensusState:
    """Needs the project's refit lock. The next version, which is current from the commit on.

    Readers of the version before still find its rows; the versions before that go.
    """
    before = ConsensusState.objects.filter(project_id=project_id, is_current=True).first()
    version = before.version + 1 if before else 1
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


def _header(blend: BlendState) -> dict[str, Any] | None:
    """None while cold."""
    return None if blend.cold else blend.header_json()


def _read_blend(header: dict[str, Any] | None, bodies: Mapping[int, dict[str, Any]]) -> BlendState | None:
    if header is None:
        return None
    return BlendState.from_parts(header, {worker: body["class"] for worker, body in bodies.items() if "class" in body})


#: The columns of DetectionRates with an entry a worker.
_OF_WORKER = ("detection", "false_rate", "spread", "drawings")


def _rates_header(rates: DetectionRates | None) -> dict[str, Any] | None:
    if rates is None:
        return None
    return {name: value for name, value in rates.to_json().items() if name not in ("workers", *_OF_WORKER)}


def _read_rates(header: dict[str, Any] | None, bodies: Mapping[int, dict[str, Any]]) -> DetectionRates | None:
    if header is None:
        return None
    known = {worker: body["objects"] for worker, body in sorted(bodies.items()) if "objects" in body}
    columns = {name: [each[name] for each in known.values()] for name in _OF_WORKER}
    return DetectionRates.from_json(header | {"workers": list(known), **columns})


def _worker_bodies(blend: BlendState, rates: DetectionRates | None) -> dict[int, dict[str, Any]]:
    bodies: dict[int, dict[str, Any]] = {}
    if not blend.cold:
        for index, worker in enumerate(_ids(blend.workers)):
            bodies[worker] = {"class": blend.worker_json(index)}
    if rates is not None:
        stored = rates.to_json()
        for index, worker in enumerate(_ids(rates.workers)):
            bodies.setdefault(worker, {})["objects"] = {name: stored[name][index] for name in _OF_WORKER}
    return bodies


def _ids(workers: IntArray) -> list[int]:
    return [int(worker) for worker in workers]
