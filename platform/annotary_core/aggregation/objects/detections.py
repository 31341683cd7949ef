"""Which workers observed each task, and therefore which of them did not detect a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.objects.existence import BLANK_IMAGE_WEIGHT, Detections, overlap_duplicate_odds
from annotary_core.aggregation.objects.matching import similar_pairs
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.base import Similarity


@dataclass(frozen=True, slots=True)
class Observers:
    """Distinct (task, observer) pairs, sorted by task, then worker; columns of shape (s,).

    object_count: how many objects the worker drew in the task. trust: non-negative, may exceed 1.
    """

    task: IntArray
    worker: IntArray
    object_count: IntArray
    trust: FloatArray

    @classmethod
    def of(
        cls, task: IntArray, worker: IntArray, seen_task: IntArray, seen_worker: IntArray, trust: FloatArray | None
    ) -> Observers:
        """Build the pairs from the object rows and the seen pairs. Drawing implies seeing; unlisted pairs have trust 1.

        If a pair is listed twice, the last entry wins.
        """
        pairs = np.stack([np.concatenate([task, seen_task]), np.concatenate([worker, seen_worker])], axis=1)
        unique, at = np.unique(pairs, axis=0, return_inverse=True)
        at = at.reshape(-1)
        weight = np.ones(len(unique))
        if trust is not None:
            weight[at[len(task) :]] = trust
        object_count = np.bincount(at[: len(task)], minlength=len(unique))
        return cls(unique[:, 0], unique[:, 1], object_count.astype(np.int64), weight)

    def trust_of(self, task: IntArray, worker: IntArray) -> FloatArray:
        """Return the trust of each of these pairs, all of which must exist."""
        keys = np.stack([np.concatenate([self.task, task]), np.concatenate([self.worker, worker])], axis=1)
        at = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        return self.trust[at[len(self.task) :]]

    def observer_counts(self, task: IntArray) -> IntArray:
        """Return the number of observers of each of these tasks."""
        return self._end(task) - self._start(task)

    def observed_among(self, tasks: Iterable[int]) -> list[int]:
        """Return the tasks that have an observer, ascending."""
        return sorted(set(tasks) & set(self.task.tolist()))

    def _start(self, task: IntArray) -> IntArray:
        return np.searchsorted(self.task, task, side="left").astype(np.int64)

    def _end(self, task: IntArray) -> IntArray:
        return np.searchsorted(self.task, task, side="right").astype(np.int64)

    def detections(
        self, task: IntArray, drawers: Sequence[IntArray], duplicate_odds: FloatArray, excused: Sequence[IntArray] = ()
    ) -> Detections:
        """Return the detections of clusters in these tasks, shape (m,), with the workers who drew each, possibly none.

        excused: workers of each cluster whose non-detection carries no evidence.
        """
        first, count = self._start(task), self.observer_counts(task)
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        cluster = np.repeat(np.arange(len(task)), count)
        row = np.arange(len(cluster)) - start[cluster] + first[cluster]
        detected = _is_listed(cluster, self.worker[row], drawers)
        observation_weight = np.where(self.object_count[row] > 0, 1.0, BLANK_IMAGE_WEIGHT)
        observation_weight[_is_listed(cluster, self.worker[row], excused)] = 0.0
        return Detections(start, self.worker[row], detected, observation_weight, self.trust[row], duplicate_odds)


def cluster_duplicate_odds(
    similarity: Similarity, task: IntArray, drawers: Sequence[IntArray], *, threshold: float
) -> FloatArray:
    """Return the odds that each cluster is a duplicate of a neighbor, shape (m,).

    A neighbor counts if none of its workers drew the cluster (a worker who drew both saw two objects) and it has at
    least as many workers; with equally many, either may be the duplicate, which halves the odds.
    """
    order = np.argsort(task, kind="stable").astype(np.int64)
    pairs = similar_pairs(similarity, task, np.arange(len(task), dtype=np.int64), order)
    odds = np.zeros(len(task))
    workers = [frozenset(each.tolist()) for each in drawers]
    for a, b, value in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.value.tolist(), strict=True):
        one, other = int(order[a]), int(order[b])
        if workers[one] & workers[other]:
            continue
        pair_odds = float(overlap_duplicate_odds(np.array(value), threshold=threshold))
        one_count, other_count = len(workers[one]), len(workers[other])
        for cluster, own_count, neighbor_count in ((one, one_count, other_count), (other, other_count, one_count)):
            if neighbor_count >= own_count:
                odds[cluster] = max(odds[cluster], pair_odds / 2 if neighbor_count == own_count else pair_odds)
    return odds


def _is_listed(cluster: IntArray, worker: IntArray, listed: Sequence[IntArray]) -> BoolArray:
    """Return whether the worker of each entry is listed for its cluster."""
    if not len(listed):
        return np.zeros(len(cluster), np.bool_)
    owner = np.repeat(np.arange(len(listed)), [len(each) for each in listed])
    listed_workers = np.concatenate(listed) if len(listed) else np.empty(0, np.int64)
    code = np.unique(np.concatenate([worker, listed_workers]), return_inverse=True)[1]
    width = int(code.max(initial=0)) + 1
    return np.isin(cluster * width + code[: len(worker)], owner * width + code[len(worker) :])
