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
from numpy.typing import ArrayLike

from tasks.answers.geometry import aligned_iou
from tasks.consensus.algorithms.base import Answers, Consensus, FloatArray, IntArray
from tasks.consensus.algorithms.majority import Majority


@dataclass(frozen=True, slots=True)
class BoxAnswers:
    """Boxes in columns, and who saw what.

    task, worker, label: shape (n,); box: shape (n, 4), x1, y1, x2, y2 in pixels of the upright image.
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with boxes or without, each pair once; a
    pair that drew a box is added when it is missing. weights: trust in each of these pairs, shape (s,), None means 1.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    box: FloatArray
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None

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
        worker = answers.worker[rows]
        overlap = _overlaps(answers.box[rows], worker, self.iou)
        cluster = list(range(len(rows)))
        members = {index: [index] for index in cluster}
        for a, b in sorted(overlap, key=lambda pair: (-overlap[pair], pair)):
            left, right = cluster[a], cluster[b]
            if left == right or not _can_join(members[left], members[right], worker, overlap):
                continue
            for index in members[right]:
                cluster[index] = left
            members[left] = sorted(members[left] + members.pop(right))
        return [rows[group] for group in members.values()]


def _can_join(left: list[int], right: list[int], worker: IntArray, overlap: dict[tuple[int, int], float]) -> bool:
    if {int(worker[a]) for a in left} & {int(worker[b]) for b in right}:
        return False
    return all((min(a, b), max(a, b)) in overlap for a in left for b in right)


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


def _overlaps(box: FloatArray, worker: IntArray, iou: float) -> dict[tuple[int, int], float]:
    """IoU of the pairs (i < j) of different workers that reach `iou`; a tree finds them, as most pairs lie apart."""
    shapes = shapely.box(box[:, 0], box[:, 1], box[:, 2], box[:, 3])
    first, second = shapely.STRtree(shapes).query(shapes)
    kept = (first < second) & (worker[first] != worker[second])
    first, second = first[kept], second[kept]
    value = aligned_iou(box[first], box[second])
    return {(int(i), int(j)): float(v) for i, j, v in zip(first, second, value, strict=True) if v >= iou and v > 0}


def _median(answers: BoxAnswers, rows: IntArray) -> tuple[float, ...]:
    return tuple(float(value) for value in np.median(answers.box[rows], axis=0))


def _by_place(cluster: tuple[int, tuple[float, ...], IntArray]) -> tuple[int, tuple[float, ...]]:
    return cluster[0], cluster[1]
