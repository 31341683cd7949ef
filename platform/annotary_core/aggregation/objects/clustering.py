"""Consensus objects: merge the objects of any shape that several workers drew.

1. Objects are clustered regardless of class (matching.py), with at most one object per worker in a cluster; crowd
   regions are clustered separately.
2. The geometry of a cluster is fused by its shape (fusing.py); its class comes from any class method.
3. Crowd regions absorb the objects inside them, or yield to them (crowd_regions.py).
4. The existence of an object is a posterior over each worker's detection and false-positive rates (existence.py). A
   worker who answered "empty" has seen the task; one who could not tell has not.

The workers' rates are estimated from all the answers and from gold, or passed in to evaluate a single task. No cluster
is dropped here: the caller that releases labels chooses the threshold. One half is right, because the posterior is
calibrated; the share of observers who drew the object is not (a quorum of two loses a third of the true boxes on
CytoCrowd).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import Answers, Consensus, Method, check_weights
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.objects.crowd_regions import resolve_crowd_regions
from annotary_core.aggregation.objects.detections import Observers, cluster_duplicate_odds
from annotary_core.aggregation.objects.existence import SPREAD, DetectionRates, existence
from annotary_core.aggregation.objects.existence_em import DetectionHistory, learn_rates
from annotary_core.aggregation.objects.fuse_boxes import rates_from_spreads, with_spreads
from annotary_core.aggregation.objects.fusing import Members, estimate_spreads, fuse, represent
from annotary_core.aggregation.objects.gold_matching import GoldMatches, match_gold_objects
from annotary_core.aggregation.objects.matching import cluster
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.matching import DRAWN_BY_SEVERAL
from annotary_core.labels.shapes.base import Column

K = TypeVar("K", bound=Column)


@dataclass(frozen=True, slots=True)
class ObjectAnswers(Generic[K]):
    """Objects in columns, and the workers who saw each task.

    task, worker, label, crowd: shape (n,); geometry: the n geometries; crowd: regions of many instances (COCO's
    iscrowd). seen_task, seen_worker: shape (s,), the workers who looked at each task, with or without objects, each
    pair once; a missing pair that drew an object is added. weights: trust in each of these pairs, shape (s,); None
    means 1. Raises ValueError for inconsistent columns.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    geometry: K
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None
    crowd: BoolArray | None = None

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label) == len(self.geometry.sort_keys()):
            raise ValueError("The columns task, worker, label and geometry must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))
        if self.crowd is not None and self.crowd.shape != self.task.shape:
            raise ValueError("The column crowd must have one entry per object.")

    @classmethod
    def of(
        cls,
        task: ArrayLike,
        worker: ArrayLike,
        label: ArrayLike,
        geometry: K,
        *,
        seen: ArrayLike = (),
        weights: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> ObjectAnswers[K]:
        """Build the columns from anything that numpy reads; `seen` has rows (task, worker)."""
        pairs = np.asarray(seen, np.int64).reshape(-1, 2)
        return cls(
            task=np.asarray(task, np.int64),
            worker=np.asarray(worker, np.int64),
            label=np.asarray(label, np.int64),
            geometry=geometry,
            seen_task=pairs[:, 0],
            seen_worker=pairs[:, 1],
            weights=None if weights is None else np.asarray(weights, np.float64),
            crowd=None if crowd is None else np.asarray(crowd, np.bool_),
        )

    @property
    def is_crowd(self) -> BoolArray:
        return np.zeros(len(self.task), np.bool_) if self.crowd is None else self.crowd


@dataclass(frozen=True, slots=True)
class ObjectConsensus(Generic[K]):
    """Clusters in columns of shape (m,), sorted by task, then by geometry.

    geometry: the m fused geometries. existence: 0 to 1. votes: objects in the cluster. seen: workers who saw the task.
    agreement: mean similarity of the members with the fused geometry. classes: class result of each cluster, its `task`
    is the index of the cluster. members: for each cluster the input row numbers of its objects. crowd: regions of many
    instances; absorbed: the rows of the objects that each region absorbed. rates: the worker rates behind existence and
    geometry.
    """

    task: IntArray
    geometry: K
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

    threshold: mean similarity at which two groups of objects are one. seed: seeds the tie-breaking hash of the class.
    method: determines the class of each cluster, which it receives as a task; None means majority. rates: the known
    worker rates; None means to estimate them from the answers. history: the workers' record in earlier projects, used
    when the rates are estimated. fuse_exactly: False to save time where only existence and classes count: one member
    then stands for the object of a shape that takes long to fuse.
    """

    threshold: float = DRAWN_BY_SEVERAL
    seed: int = 0
    method: Method | None = None
    rates: DetectionRates | None = None
    history: Mapping[int, DetectionHistory] = field(default_factory=dict)
    fuse_exactly: bool = True

    def fit_predict(self, answers: ObjectAnswers[K], *, gold: Mapping[int, K] | None = None) -> ObjectConsensus[K]:
        """Return all clusters of all tasks. The order of rows affects only the row numbers in `members`.

        gold: task -> all of its objects; their clusters are clamped to it and train the rates.
        """
        observers = Observers.of(answers.task, answers.worker, answers.seen_task, answers.seen_worker, answers.weights)
        groups = _grouped(answers, threshold=self.threshold)
        rates = _with_spreads(answers, groups) if self.rates is None else self.rates
        clusters = _Clusters.of(answers, groups, rates, observers, fuse if self.fuse_exactly else represent)
        gold_by_task = gold or {}
        matches = match_gold_objects(
            clusters.task,
            clusters.geometry,
            {task: gold_by_task[task] for task in observers.observed_among(gold_by_task)},
        )
        duplicate_odds = cluster_duplicate_odds(
            clusters.geometry.similarity(), clusters.task, clusters.drawers, threshold=self.threshold
        )
        if self.rates is None:
            rates = with_spreads(self._estimated_rates(clusters, observers, matches, duplicate_odds), rates)
        detections = observers.detections(clusters.task, clusters.observers, duplicate_odds, clusters.excused)
        posterior = existence(detections, rates)
        return ObjectConsensus(
            task=clusters.task,
            geometry=clusters.geometry,
            existence=np.where(np.isfinite(matches.truth), matches.truth, posterior),
            votes=np.array([len(rows) for rows in clusters.members], np.int64),
            seen=observers.observer_counts(clusters.task),
            agreement=_agreement(answers, clusters),
            classes=self._classes(answers, clusters.members, observers),
            members=tuple(tuple(rows.tolist()) for rows in clusters.members),
            crowd=clusters.crowd,
            absorbed=tuple(tuple(rows.tolist()) for rows in clusters.absorbed),
            rates=rates,
        )

    def _estimated_rates(
        self, clusters: _Clusters[K], observers: Observers, matches: GoldMatches, duplicate_odds: FloatArray
    ) -> DetectionRates:
        # Known objects that no worker drew are clusters without detections.
        missed: list[IntArray] = [np.empty(0, np.int64)] * len(matches.missed)
        detections = observers.detections(
            np.concatenate([clusters.task, matches.missed]),
            [*clusters.observers, *missed],
            np.concatenate([duplicate_odds, np.zeros(len(missed))]),
            [*clusters.excused, *missed],
        )
        truth = np.concatenate([matches.truth, np.ones(len(missed))])
        return learn_rates(detections, known=truth, history=self.history)

    def _classes(self, answers: ObjectAnswers[K], members: list[IntArray], observers: Observers) -> Consensus:
        rows, index = _flattened(members)
        method = Majority(seed=self.seed) if self.method is None else self.method
        trust = observers.trust_of(answers.task[rows], answers.worker[rows])
        return method.fit_predict(Answers.of(index, answers.worker[rows], answers.label[rows], weights=trust))


@dataclass(frozen=True, slots=True)
class _Clusters(Generic[K]):
    """Clusters by task, then by geometry, without absorbed ones; see ObjectConsensus and CrowdResolution."""

    task: IntArray
    geometry: K
    crowd: BoolArray
    members: list[IntArray]
    drawers: list[IntArray]
    absorbed: list[IntArray]
    observers: list[IntArray]
    excused: list[IntArray]

    @classmethod
    def of(
        cls,
        answers: ObjectAnswers[K],
        groups: list[IntArray],
        rates: DetectionRates,
        observers: Observers,
        merge: Callable[[K, Members], K],
    ) -> _Clusters[K]:
        rows, index = _flattened(groups)
        task, worker = answers.task[rows], answers.worker[rows]
        geometry = merge(answers.geometry.take(rows), Members(index, worker, rates, observers.trust_of(task, worker)))
        first = np.array([group[0] for group in groups], np.int64)
        order = np.lexsort((*geometry.sort_keys().T[::-1], answers.task[first])).astype(np.int64)
        members = [groups[at] for at in order.tolist()]
        drawers = [answers.worker[group] for group in members]
        task, geometry, crowd = answers.task[first][order], geometry.take(order), answers.is_crowd[first][order]
        reading = resolve_crowd_regions(task, geometry.boxes(), crowd, drawers)
        kept = np.flatnonzero(reading.absorbed_by < 0)
        absorbed: list[list[IntArray]] = [[np.empty(0, np.int64)] for _ in members]
        for at in np.flatnonzero(reading.absorbed_by >= 0).tolist():
            absorbed[reading.absorbed_by[at]].append(members[at])
        return cls(
            task=task[kept],
            geometry=geometry.take(kept),
            crowd=crowd[kept],
            members=[members[at] for at in kept.tolist()],
            drawers=[drawers[at] for at in kept.tolist()],
            absorbed=[np.concatenate(absorbed[at]) for at in kept.tolist()],
            observers=[reading.observers[at] for at in kept.tolist()],
            excused=[reading.excused[at] for at in kept.tolist()],
        )


def _grouped(answers: ObjectAnswers[K], *, threshold: float) -> list[IntArray]:
    """Return the rows of each cluster; crowd regions are clustered separately."""
    # By task, geometry, worker, class: geometry before worker, so that worker numbers only order equal geometries.
    keys = (answers.label, answers.worker, *answers.geometry.sort_keys().T[::-1], answers.task)
    order = np.lexsort(keys).astype(np.int64)
    similarity = answers.geometry.similarity()
    crowd = answers.is_crowd[order]
    return [
        group
        for part in (order[~crowd], order[crowd])
        for group in cluster(similarity, answers.task, answers.worker, part, threshold=threshold)
    ]


def _flattened(groups: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Return all rows, grouped, and the group of each."""
    rows = np.concatenate([np.empty(0, np.int64), *groups])
    return rows, np.repeat(np.arange(len(groups)), [len(each) for each in groups])


def _with_spreads(answers: ObjectAnswers[K], groups: list[IntArray]) -> DetectionRates:
    """Return rates in which only the spreads are estimated."""
    rows, index = _flattened(groups)
    spreads = estimate_spreads(answers.geometry.take(rows), index, answers.worker[rows], pooled=SPREAD)
    return DetectionRates() if spreads is None else rates_from_spreads(spreads)


def _agreement(answers: ObjectAnswers[K], clusters: _Clusters[K]) -> FloatArray:
    rows, index = _flattened(clusters.members)
    similarity = answers.geometry.take(rows).concat(clusters.geometry).similarity()
    member_similarity = similarity.of(np.arange(len(rows)), index + len(rows))
    return np.bincount(index, member_similarity, len(clusters.members)) / np.bincount(
        index, minlength=len(clusters.members)
    )
