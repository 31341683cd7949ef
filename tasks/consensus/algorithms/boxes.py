"""Agreed boxes: boxes of several workers that mean the same object become one.

1. Boxes cluster without regard to class (objects/matching.py), at most one a worker in a cluster.
2. The class of a cluster is a class result of any method, its box a precision-weighted estimate (objects/location.py).
3. Its existence is a posterior from what each worker detects and invents (objects/existence.py). Who answered "empty"
   has seen the task; who could not tell has not.
4. Crowd regions take in the boxes that lie in them, or yield to them (objects/crowds.py).

The workers' rates are learnt from all answers given and from gold, or handed in to judge a task alone. No cluster is
dropped here: the threshold belongs to whoever releases. One half is right for it, as the posterior means what it says;
the share of those who saw the task does not (a quorum of two loses a third of the true objects on CytoCrowd).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from tasks.answers.geometry import aligned_iou
from tasks.consensus.algorithms.base import Answers, BoolArray, Consensus, FloatArray, IntArray, Method, check_weights
from tasks.consensus.algorithms.majority import Majority
from tasks.consensus.algorithms.objects.crowds import read_crowds
from tasks.consensus.algorithms.objects.existence import SPREAD, DetectionRates, existence
from tasks.consensus.algorithms.objects.known import compare_known
from tasks.consensus.algorithms.objects.learning import History, learn_rates
from tasks.consensus.algorithms.objects.location import rates_of_spreads, with_spreads
from tasks.consensus.algorithms.objects.matching import cluster
from tasks.consensus.algorithms.objects.similarity import BoxSimilarity
from tasks.consensus.algorithms.objects.upright import agreed_boxes, box_spreads
from tasks.consensus.algorithms.objects.witnesses import Witnesses, stray_of


@dataclass(frozen=True, slots=True)
class BoxAnswers:
    """Boxes in columns, and who saw what.

    task, worker, label: shape (n,); box: shape (n, 4), x1, y1, x2, y2 in pixels of the upright image.
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with boxes or without, each pair once; a
    pair that drew a box is added when it is missing. weights: trust in each of these pairs, shape (s,), None means 1.
    crowd: which rows are regions of many instances (COCO's iscrowd), shape (n,), None means none.
    Raises ValueError for columns that do not fit together.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    box: FloatArray
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None
    crowd: BoolArray | None = None

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label) == len(self.box):
            raise ValueError("The columns task, worker, label and box must have the same length.")
        if not np.isfinite(self.box).all() or (self.box[:, 2:] <= self.box[:, :2]).any():
            raise ValueError("Every box needs finite corners, the second one right of and below the first.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))
        if self.crowd is not None and self.crowd.shape != self.task.shape:
            raise ValueError("The column crowd must have one entry a box.")

    @classmethod
    def of(
        cls,
        task: ArrayLike,
        worker: ArrayLike,
        label: ArrayLike,
        box: ArrayLike,
        *,
        seen: ArrayLike = (),
        weights: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> BoxAnswers:
        """Columns from anything that numpy reads; `seen` has rows (task, worker)."""
        pairs = np.asarray(seen, np.int64).reshape(-1, 2)
        return cls(
            task=np.asarray(task, np.int64),
            worker=np.asarray(worker, np.int64),
            label=np.asarray(label, np.int64),
            box=np.asarray(box, np.float64).reshape(-1, 4),
            seen_task=pairs[:, 0],
            seen_worker=pairs[:, 1],
            weights=None if weights is None else np.asarray(weights, np.float64),
            crowd=None if crowd is None else np.asarray(crowd, np.bool_),
        )

    @property
    def is_crowd(self) -> BoolArray:
        return np.zeros(len(self.task), np.bool_) if self.crowd is None else self.crowd


@dataclass(frozen=True, slots=True)
class BoxConsensus:
    """Clusters in columns of shape (m,), by task, then by box.

    box: shape (m, 4), x1, y1, x2, y2. existence: 0 to 1. votes: boxes in the cluster. seen: workers who saw the task.
    agreement: mean IoU of the members with the agreed box. classes: class result of each cluster, its `task` is the
    index of the cluster. members: for each cluster the row numbers of its boxes in the input. crowd: regions of many
    instances; absorbed: the rows of the boxes that each region took in. rates: what existence and boxes follow from.
    """

    task: IntArray
    box: FloatArray
    label: IntArray
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
class BoxClustering:
    """See the module's docstring.

    iou: mean overlap that two groups of boxes need to be one object. seed: turns the lots of the class. method: finds
    the class of each cluster, which it gets as a task; None means majority. rates: what is known of the workers; None
    means to learn it from the answers given. history: what workers did in earlier projects, heeded while learning.
    """

    iou: float = 0.33
    seed: int = 0
    method: Method | None = None
    rates: DetectionRates | None = None
    history: Mapping[int, History] = field(default_factory=dict)

    def fit_predict(self, answers: BoxAnswers, *, gold: Mapping[int, ArrayLike] | None = None) -> BoxConsensus:
        """All clusters of all tasks. The order of rows changes nothing but the row numbers in `members`.

        gold: task -> all of its objects, shape (g, 4); what was found there is clamped to it, and learnt from.
        """
        saw = Witnesses.of(answers.task, answers.worker, answers.seen_task, answers.seen_worker, answers.weights)
        groups = _grouped(answers, iou=self.iou)
        rates = _with_spreads(answers, groups) if self.rates is None else self.rates
        found = _Found.of(answers, groups, rates, saw)
        truth = gold or {}
        known = compare_known(found.task, found.box, {task: truth[task] for task in saw.seen_among(truth)})
        stray = stray_of(BoxSimilarity(found.box), found.task, found.drawers, threshold=self.iou)
        if self.rates is None:
            # Known objects that nobody drew are clusters without a drawer.
            missed: list[IntArray] = [np.empty(0, np.int64)] * len(known.missed)
            learnt = learn_rates(
                saw.sightings(
                    np.concatenate([found.task, known.missed]),
                    [*found.witnesses, *missed],
                    np.concatenate([stray, np.zeros(len(missed))]),
                    [*found.excused, *missed],
                ),
                known=np.concatenate([known.truth, np.ones(len(missed))]),
                history=self.history,
            )
            rates = with_spreads(learnt, rates)
        sightings = saw.sightings(found.task, found.witnesses, stray, found.excused)
        posterior = np.where(np.isfinite(known.truth), known.truth, existence(sightings, rates))
        classes = self._classes(answers, found.members, saw)
        return BoxConsensus(
            task=found.task,
            box=found.box,
            label=classes.label,
            existence=posterior,
            votes=np.array([len(rows) for rows in found.members], np.int64),
            seen=saw.counts(found.task),
            agreement=_agreement(answers, found),
            classes=classes,
            members=tuple(tuple(rows.tolist()) for rows in found.members),
            crowd=found.crowd,
            absorbed=tuple(tuple(rows.tolist()) for rows in found.absorbed),
            rates=rates,
        )

    def _classes(self, answers: BoxAnswers, members: list[IntArray], saw: Witnesses) -> Consensus:
        rows = np.concatenate(members) if members else np.empty(0, np.int64)
        method = Majority(seed=self.seed) if self.method is None else self.method
        return method.fit_predict(
            Answers.of(
                np.repeat(np.arange(len(members)), [len(each) for each in members]),
                answers.worker[rows],
                answers.label[rows],
                weights=saw.trust_of(answers.task[rows], answers.worker[rows]),
            )
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """Clusters by task, then by box, without those that a crowd region took in; see BoxConsensus and CrowdReading."""

    task: IntArray
    box: FloatArray
    crowd: BoolArray
    members: list[IntArray]
    drawers: list[IntArray]
    absorbed: list[IntArray]
    witnesses: list[IntArray]
    excused: list[IntArray]

    @classmethod
    def of(cls, answers: BoxAnswers, groups: list[IntArray], rates: DetectionRates, saw: Witnesses) -> _Found:
        rows, index = _flat(groups)
        task, worker = answers.task[rows], answers.worker[rows]
        box = agreed_boxes(answers.box[rows], index, worker, rates, trust=saw.trust_of(task, worker))
        first = np.array([each[0] for each in groups], np.int64)
        order = np.lexsort((box[:, 3], box[:, 2], box[:, 1], box[:, 0], answers.task[first]))
        members = [groups[at] for at in order]
        drawers = [answers.worker[each] for each in members]
        task, box, crowd = answers.task[first][order], box[order], answers.is_crowd[first][order]
        reading = read_crowds(task, box, crowd, drawers)
        kept = np.flatnonzero(reading.absorbed_by < 0).tolist()
        taken: list[list[IntArray]] = [[] for _ in members]
        for at in np.flatnonzero(reading.absorbed_by >= 0):
            taken[reading.absorbed_by[at]].append(members[at])
        return cls(
            task=task[kept],
            box=box[kept],
            crowd=crowd[kept],
            members=[members[at] for at in kept],
            drawers=[drawers[at] for at in kept],
            absorbed=[np.concatenate([np.empty(0, np.int64), *taken[at]]) for at in kept],
            witnesses=[reading.witnesses[at] for at in kept],
            excused=[reading.excused[at] for at in kept],
        )


def _grouped(answers: BoxAnswers, *, iou: float) -> list[IntArray]:
    """The rows of each cluster; crowd regions cluster with their like."""
    order = _canonical_order(answers)
    similarity = BoxSimilarity(answers.box)
    crowd = answers.is_crowd[order]
    return [
        group
        for part in (order[~crowd], order[crowd])
        for group in cluster(similarity, answers.task, answers.worker, part, threshold=iou)
    ]


def _canonical_order(answers: BoxAnswers) -> IntArray:
    """By task, place, worker, class: place before worker, so that worker numbers decide nothing but equal boxes."""
    box = answers.box
    keys = (answers.label, answers.worker, box[:, 3], box[:, 2], box[:, 1], box[:, 0], answers.task)
    return np.lexsort(keys).astype(np.int64)


def _flat(groups: list[IntArray]) -> tuple[IntArray, IntArray]:
    """All rows, those of a group together, and the group of each."""
    rows = np.concatenate([np.empty(0, np.int64), *groups])
    return rows, np.repeat(np.arange(len(groups)), [len(each) for each in groups])


def _with_spreads(answers: BoxAnswers, groups: list[IntArray]) -> DetectionRates:
    """Rates of which the spreads alone are learnt yet."""
    rows, index = _flat(groups)
    known = box_spreads(answers.box[rows], index, answers.worker[rows], pooled=SPREAD)
    return rates_of_spreads(known)


def _agreement(answers: BoxAnswers, found: _Found) -> FloatArray:
    rows, index = _flat(found.members)
    overlap = aligned_iou(answers.box[rows], found.box[index])
    return np.bincount(index, overlap, len(found.members)) / np.bincount(index, minlength=len(found.members))
