"""Agreed boxes: boxes of several workers that mean the same object become one.

1. Boxes cluster without regard to class: pairs of different workers are taken by falling IoU, and two clusters join
   when every pair across them overlaps by at least `iou` and no worker would have two boxes in the cluster.
2. The class of a cluster is the majority of its boxes, its box the median of each corner coordinate.
3. Its existence is the weight of the workers in it over the weight of all who saw the task. Who answered "empty" has
   seen it; who could not tell has not.

No cluster is dropped here: a quorum loses a third of the true objects on CytoCrowd (measured), so the threshold belongs
to whoever releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from tasks.answers.geometry import aligned_iou
from tasks.consensus.algorithms.base import Answers, Consensus, FloatArray, IntArray, check_weights
from tasks.consensus.algorithms.majority import Majority

#: Pairs turned into Python numbers at a time.
_CHUNK = 100_000
#: Boxes whose neighbours are looked up at a time.
_PART = 250


@dataclass(frozen=True, slots=True)
class BoxAnswers:
    """Boxes in columns, and who saw what.

    task, worker, label: shape (n,); box: shape (n, 4), x1, y1, x2, y2 in pixels of the upright image.
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with boxes or without, each pair once; a
    pair that drew a box is added when it is missing. weights: trust in each of these pairs, shape (s,), None means 1.
    Raises ValueError for columns that do not fit together.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    box: FloatArray
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label) == len(self.box):
            raise ValueError("The columns task, worker, label and box must have the same length.")
        if not np.isfinite(self.box).all() or (self.box[:, 2:] <= self.box[:, :2]).any():
            raise ValueError("Every box needs finite corners, the second one right of and below the first.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))

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
        )


@dataclass(frozen=True, slots=True)
class BoxConsensus:
    """Clusters in columns of shape (m,), by task, then by box.

    box: shape (m, 4), x1, y1, x2, y2. existence: 0 to 1. votes: boxes in the cluster. seen: workers who saw the task.
    agreement: mean IoU of the members with the agreed box. classes: class result of each cluster, its `task` is the
    index of the cluster. members: for each cluster the row numbers of its boxes in the input.
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


@dataclass(frozen=True, slots=True)
class BoxClustering:
    """See the module's docstring. `iou` is the overlap that two boxes of one object have at least."""

    iou: float = 0.3
    seed: int = 0

    def fit_predict(self, answers: BoxAnswers) -> BoxConsensus:
        """All clusters of all tasks. The order of rows changes nothing but the row numbers in `members`."""
        order = _canonical_order(answers)
        trust = _trust(answers)
        clusters: list[IntArray] = []
        for rows in _by_task(answers.task, order):
            clusters.extend(self._cluster(answers, rows))
        keyed = sorted(((int(answers.task[rows[0]]), _median(answers, rows), rows) for rows in clusters), key=_by_place)
        members = [rows for _, _, rows in keyed]
        task = np.array([task for task, _, _ in keyed], np.int64)
        classes = self._classes(answers, members, trust)
        drawn = [sum(trust[int(answers.task[r])][int(answers.worker[r])] for r in rows) for rows in members]
        saw = [sum(trust[int(t)].values()) for t in task]
        box = np.array([median for _, median, _ in keyed], np.float64).reshape(-1, 4)
        return BoxConsensus(
            task=task,
            box=box,
            label=classes.label,
            existence=np.array([d / s if s > 0 else 0.0 for d, s in zip(drawn, saw, strict=True)]),
            votes=np.array([len(rows) for rows in members], np.int64),
            seen=np.array([len(trust[int(t)]) for t in task], np.int64),
            agreement=np.array([aligned_iou(answers.box[r], b).mean() for r, b in zip(members, box, strict=True)]),
            classes=classes,
            members=tuple(tuple(int(row) for row in rows) for rows in members),
        )

    def _classes(self, answers: BoxAnswers, members: list[IntArray], trust: dict[int, dict[int, float]]) -> Consensus:
        rows = np.concatenate(members) if members else np.empty(0, np.int64)
        weights = [trust[int(answers.task[row])][int(answers.worker[row])] for row in rows]
        return Majority(seed=self.seed).fit_predict(
            Answers.of(
                np.repeat(np.arange(len(members)), [len(rows) for rows in members]),
                answers.worker[rows],
                answers.label[rows],
                weights=weights,
            )
        )

    def _cluster(self, answers: BoxAnswers, rows: IntArray) -> list[IntArray]:
        """Clusters of one task's rows, which stand in canonical order; each cluster keeps that order."""
        box = answers.box[rows]
        places = [tuple(place) for place in box.tolist()]
        worker = np.unique(answers.worker[rows], return_inverse=True)[1]
        # Sets of workers are bits, since boxes heaped on one place make millions of pairs to look at.
        workers = {index: 1 << bit for index, bit in enumerate(worker.tolist())}
        cluster = list(range(len(rows)))
        members = {index: [index] for index in cluster}
        for a, b in _near_pairs(box, worker, self.iou):
            left, right = cluster[a], cluster[b]
            if left == right or workers[left] & workers[right]:
                continue
            if any(_iou(places[i], places[j]) < self.iou for i in members[left] for j in members[right]):
                continue
            for index in members[right]:
                cluster[index] = left
            members[left] = sorted(members[left] + members.pop(right))
            workers[left] |= workers.pop(right)
        return [rows[group] for group in members.values()]


def _canonical_order(answers: BoxAnswers) -> IntArray:
    """By task, place, worker, class: place before worker, so that worker numbers decide nothing but equal boxes."""
    box = answers.box
    keys = (answers.label, answers.worker, box[:, 3], box[:, 2], box[:, 1], box[:, 0], answers.task)
    return np.lexsort(keys).astype(np.int64)


def _by_task(task: IntArray, order: IntArray) -> Iterator[IntArray]:
    if len(order):
        yield from np.split(order, np.flatnonzero(np.diff(task[order])) + 1)


def _trust(answers: BoxAnswers) -> dict[int, dict[int, float]]:
    """Task -> worker -> weight, for those who saw the task."""
    weights = np.ones(len(answers.seen_task)) if answers.weights is None else answers.weights
    trust: dict[int, dict[int, float]] = {}
    for task, worker, weight in zip(answers.seen_task, answers.seen_worker, weights, strict=True):
        trust.setdefault(int(task), {})[int(worker)] = float(weight)
    for task, worker in zip(answers.task, answers.worker, strict=True):
        trust.setdefault(int(task), {}).setdefault(int(worker), 1.0)
    # Sorted, so that sums over the workers run in one order.
    return {task: dict(sorted(workers.items())) for task, workers in trust.items()}


def _near_pairs(box: FloatArray, worker: IntArray, iou: float) -> Iterator[tuple[int, int]]:
    """Pairs (i < j) of different workers that reach `iou`, by falling IoU, then by place in the canonical order."""
    shapes = shapely.box(box[:, 0], box[:, 1], box[:, 2], box[:, 3])
    # A tree finds them, as most pairs lie apart; in parts, as in a heap of boxes all of them meet.
    tree = shapely.STRtree(shapes)
    found = [
        _near_of(range(at, min(at + _PART, len(box))), tree, shapes, box, worker, iou)
        for at in range(0, len(box), _PART)
    ]
    first, second, value = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((second, first, -value))
    for at in range(0, len(order), _CHUNK):
        part = order[at : at + _CHUNK]
        yield from zip(first[part].tolist(), second[part].tolist(), strict=True)


def _near_of(
    part: range, tree: shapely.STRtree, shapes: NDArray[np.object_], box: FloatArray, worker: IntArray, iou: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], FloatArray]:
    """The pairs whose first box is in the part: first, second, IoU."""
    first, second = tree.query(shapes[part.start : part.stop])
    first = first + part.start
    other = (first < second) & (worker[first] != worker[second])
    first, second = first[other], second[other]
    value = aligned_iou(box[first], box[second])
    near = (value >= iou) & (value > 0)
    return first[near].astype(np.int32), second[near].astype(np.int32), value[near]


def _iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """As aligned_iou, without the cost of an array for one pair."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _median(answers: BoxAnswers, rows: IntArray) -> tuple[float, ...]:
    return tuple(float(value) for value in np.median(answers.box[rows], axis=0))


def _by_place(cluster: tuple[int, tuple[float, ...], IntArray]) -> tuple[int, tuple[float, ...]]:
    return cluster[0], cluster[1]
