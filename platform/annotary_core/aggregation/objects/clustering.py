"""Objects of any kind that several workers drew become agreed objects; the pipeline behind boxes.py.

1. Drawings cluster without regard to class (matching.py), at most one a worker in a cluster; crowd regions among
   themselves.
2. The geometry of a cluster is what its kind agrees on (kinds.py), its class a class result of any method.
3. Crowd regions take in the objects that lie in them, or yield to them (crowds.py).
4. Its existence is a posterior from what each worker detects and invents (existence.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method, check_weights
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.objects.crowd_regions import read_crowds
from annotary_core.aggregation.objects.detections import Witnesses, stray_of
from annotary_core.aggregation.objects.existence import SPREAD, DetectionRates, existence
from annotary_core.aggregation.objects.existence_em import History, learn_rates
from annotary_core.aggregation.objects.fuse_boxes import rates_of_spreads, with_spreads
from annotary_core.aggregation.objects.geometry_types import Kind
from annotary_core.aggregation.objects.gold_matching import Known, compare_known
from annotary_core.aggregation.objects.matching import cluster
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

K = TypeVar("K", bound=Kind)


@dataclass(frozen=True, slots=True)
class ObjectAnswers(Generic[K]):
    """Objects in columns, and who saw what.

    task, worker, label, crowd: shape (n,); drawn: the n drawings; crowd: regions of many instances (COCO's iscrowd).
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with objects or without, each pair once; a
    pair that drew an object is added when it is missing. weights: trust in each of these pairs, shape (s,), None
    means 1. Raises ValueError for columns that do not fit together.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    drawn: K
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None
    crowd: BoolArray | None = None

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label) == len(self.drawn.keys()):
            raise ValueError("The columns task, worker, label and those of the drawings must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))
        if self.crowd is not None and self.crowd.shape != self.task.shape:
            raise ValueError("The column crowd must have one entry a drawing.")

    @property
    def is_crowd(self) -> BoolArray:
        return np.zeros(len(self.task), np.bool_) if self.crowd is None else self.crowd


@dataclass(frozen=True, slots=True)
class ObjectConsensus(Generic[K]):
    """Clusters in columns of shape (m,), by task, then by place.

    agreed: the m agreed objects. existence: 0 to 1. votes: drawings in the cluster. seen: workers who saw the task.
    agreement: mean similarity of the members with the agreed object. classes: class result of each cluster, its `task`
    is the index of the cluster. members: for each cluster the row numbers of its drawings in the input. crowd: regions
    of many instances; absorbed: the rows of the drawings that each region took in. rates: what existence and geometry
    follow from.
    """

    task: IntArray
    agreed: K
    existence: FloatArray
    votes: IntArray
    seen: IntArray
    agreement: FloatArray
    classes: Consensus
    members: tuple[tuple[int, ...], ...]
    crowd: BoolArray
    absorbed: tuple[tuple[int, ...], ...]
    rates: DetectionRates


@dataclass(frozen=True, slots=True)
class ObjectClustering:
    """See the module's docstring.

    threshold: mean similarity that two groups of drawings need to be one object. seed: turns the lots of the class.
    method: finds the class of each cluster, which it gets as a task; None means majority. rates: what is known of the
    workers; None means to learn it from the answers given. history: what workers did in earlier projects, heeded while
    learning.
    """

    threshold: float = 0.33
    seed: int = 0
    method: Method | None = None
    rates: DetectionRates | None = None
    history: Mapping[int, History] = field(default_factory=dict)

    def fit_predict(self, answers: ObjectAnswers[K], *, gold: Mapping[int, K] | None = None) -> ObjectConsensus[K]:
        """All clusters of all tasks. The order of rows changes nothing but the row numbers in `members`.

        gold: task -> all of its objects; what was found there is clamped to it, and learnt from.
        """
        saw = Witnesses.of(answers.task, answers.worker, answers.seen_task, answers.seen_worker, answers.weights)
        groups = _grouped(answers, threshold=self.threshold)
        rates = _with_spreads(answers, groups) if self.rates is None else self.rates
        found = _Found.of(answers, groups, rates, saw)
        truth = gold or {}
        known = compare_known(found.task, found.agreed, {task: truth[task] for task in saw.seen_among(truth)})
        stray = stray_of(found.agreed.similarity(), found.task, found.drawers, threshold=self.threshold)
        if self.rates is None:
            rates = with_spreads(self._learnt(found, saw, known, stray), rates)
        sightings = saw.sightings(found.task, found.witnesses, stray, found.excused)
        posterior = existence(sightings, rates)
        return ObjectConsensus(
            task=found.task,
            agreed=found.agreed,
            existence=np.where(np.isfinite(known.truth), known.truth, posterior),
            votes=np.array([len(rows) for rows in found.members], np.int64),
            seen=saw.counts(found.task),
            agreement=_agreement(answers, found),
            classes=self._classes(answers, found.members, saw),
            members=tuple(tuple(rows.tolist()) for rows in found.members),
            crowd=found.crowd,
            absorbed=tuple(tuple(rows.tolist()) for rows in found.absorbed),
            rates=rates,
        )

    def _learnt(self, found: _Found[K], saw: Witnesses, known: Known, stray: FloatArray) -> DetectionRates:
        # Known objects that nobody drew are clusters without a drawer.
        missed: list[IntArray] = [np.empty(0, np.int64)] * len(known.missed)
        sightings = saw.sightings(
            np.concatenate([found.task, known.missed]),
            [*found.witnesses, *missed],
            np.concatenate([stray, np.zeros(len(missed))]),
            [*found.excused, *missed],
        )
        truth = np.concatenate([known.truth, np.ones(len(missed))])
        return learn_rates(sightings, known=truth, history=self.history)

    def _classes(self, answers: ObjectAnswers[K], members: list[IntArray], saw: Witnesses) -> Consensus:
        rows, index = _flat(members)
        method = Majority(seed=self.seed) if self.method is None else self.method
        trust = saw.trust_of(answers.task[rows], answers.worker[rows])
        return method.fit_predict(Answers.of(index, answers.worker[rows], answers.label[rows], weights=trust))


@dataclass(frozen=True, slots=True)
class _Found(Generic[K]):
    """Clusters by task, then by place, without those that a crowd region took in; see ObjectConsensus, CrowdReading."""

    task: IntArray
    agreed: K
    crowd: BoolArray
    members: list[IntArray]
    drawers: list[IntArray]
    absorbed: list[IntArray]
    witnesses: list[IntArray]
    excused: list[IntArray]

    @classmethod
    def of(cls, answers: ObjectAnswers[K], groups: list[IntArray], rates: DetectionRates, saw: Witnesses) -> _Found[K]:
        rows, index = _flat(groups)
        task, worker = answers.task[rows], answers.worker[rows]
        agreed = answers.drawn.taken(rows).agreed(index, worker, rates, saw.trust_of(task, worker))
        first = np.array([each[0] for each in groups], np.int64)
        order = np.lexsort((*agreed.keys().T[::-1], answers.task[first])).astype(np.int64)
        members = [groups[at] for at in order.tolist()]
        drawers = [answers.worker[each] for each in members]
        task, agreed, crowd = answers.task[first][order], agreed.taken(order), answers.is_crowd[first][order]
        reading = read_crowds(task, agreed.boxes(), crowd, drawers)
        kept = np.flatnonzero(reading.absorbed_by < 0)
        taken: list[list[IntArray]] = [[np.empty(0, np.int64)] for _ in members]
        for at in np.flatnonzero(reading.absorbed_by >= 0).tolist():
            taken[reading.absorbed_by[at]].append(members[at])
        return cls(
            task=task[kept],
            agreed=agreed.taken(kept),
            crowd=crowd[kept],
            members=[members[at] for at in kept.tolist()],
            drawers=[drawers[at] for at in kept.tolist()],
            absorbed=[np.concatenate(taken[at]) for at in kept.tolist()],
            witnesses=[reading.witnesses[at] for at in kept.tolist()],
            excused=[reading.excused[at] for at in kept.tolist()],
        )


def _grouped(answers: ObjectAnswers[K], *, threshold: float) -> list[IntArray]:
    """The rows of each cluster; crowd regions cluster with their like."""
    # By task, place, worker, class: place before worker, so that worker numbers decide nothing but equal drawings.
    keys = (answers.label, answers.worker, *answers.drawn.keys().T[::-1], answers.task)
    order = np.lexsort(keys).astype(np.int64)
    similarity = answers.drawn.similarity()
    crowd = answers.is_crowd[order]
    return [
        group
        for part in (order[~crowd], order[crowd])
        for group in cluster(similarity, answers.task, answers.worker, part, threshold=threshold)
    ]


def _flat(groups: list[IntArray]) -> tuple[IntArray, IntArray]:
    """All rows, those of a group together, and the group of each."""
    rows = np.concatenate([np.empty(0, np.int64), *groups])
    return rows, np.repeat(np.arange(len(groups)), [len(each) for each in groups])


def _with_spreads(answers: ObjectAnswers[K], groups: list[IntArray]) -> DetectionRates:
    """Rates of which the spreads alone are learnt yet."""
    rows, index = _flat(groups)
    known = answers.drawn.taken(rows).spreads(index, answers.worker[rows], pooled=SPREAD)
    return DetectionRates() if known is None else rates_of_spreads(known)


def _agreement(answers: ObjectAnswers[K], found: _Found[K]) -> FloatArray:
    rows, index = _flat(found.members)
    both = answers.drawn.taken(rows).joined(found.agreed).similarity()
    alike = both.of(np.arange(len(rows)), index + len(rows))
    return np.bincount(index, alike, len(found.members)) / np.bincount(index, minlength=len(found.members))
