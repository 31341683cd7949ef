"""Cluster the objects of several workers that are the same object, for any similarity.

Agglomerative clustering: pairs of objects of different workers are visited by decreasing similarity, and two clusters
merge if the mean similarity across them reaches the threshold (average linkage) and no worker would have two objects in
the result. Classes are ignored. Complete linkage (every pair must reach the threshold) leaves stragglers: a box that
overlaps the consensus box by half but one of its members by a quarter remains a separate, false object.

The result must depend on the content of rows and not on their positions, so `order` lists them canonically; of two
pairs with equal similarity, the one earlier in that order goes first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.base import Similarity

#: Number of pairs converted to Python numbers at a time.
_CHUNK = 100_000
#: Number of objects whose neighbors are queried at a time: in a pile, all objects are neighbors.
_QUERY_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of objects of the same task and different workers with nonzero similarity: first < second, ascending.

    first, second: shape (p,), positions in the canonical order. value: their similarity, above 0.
    """

    first: IntArray
    second: IntArray
    value: FloatArray


def cluster(
    similarity: Similarity, task: IntArray, worker: IntArray, order: IntArray, *, threshold: float
) -> list[IntArray]:
    """Return clusters of rows, with at most one row per worker in each; rows within a cluster in canonical order.

    task, worker: shape (n,). order: the rows in canonical order, grouped by task, shape (n,).
    threshold: mean similarity at which two clusters merge, above 0.
    """
    ordered_workers = worker[order]
    pairs = similar_pairs(similarity, task, worker, order)
    return [order[group] for group in _merge(ordered_workers, pairs, threshold)]


def similar_pairs(similarity: Similarity, task: IntArray, worker: IntArray, order: IntArray) -> Pairs:
    """Return all pairs of the same task and different workers with a similarity above 0."""
    if not len(order):
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0))
    bounds = _shifted_by_task(similarity.bounds[order], task[order])
    # Most objects are disjoint, so a spatial index finds the pairs.
    shapes = shapely.box(bounds[:, 0], bounds[:, 1], bounds[:, 2], bounds[:, 3])
    tree = shapely.STRtree(shapes)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    for start in range(0, len(order), _QUERY_CHUNK):
        first, second = tree.query(shapes[start : start + _QUERY_CHUNK])
        first = first + start
        is_pair = (first < second) & (task[order[first]] == task[order[second]])
        is_pair &= worker[order[first]] != worker[order[second]]
        first, second = first[is_pair].astype(np.int64), second[is_pair].astype(np.int64)
        value = similarity.of(order[first], order[second])
        parts.append((first[value > 0], second[value > 0], value[value > 0]))
    first, second, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    by_pair = np.lexsort((second, first))
    return Pairs(first=first[by_pair], second=second[by_pair], value=value[by_pair])


def _shifted_by_task(bounds: FloatArray, task: IntArray) -> FloatArray:
    """Return the bounds with each task shifted to its own area, so that one spatial index serves all tasks.

    Shifting loses precision, so the bounds grow by more than the loss.
    """
    index = np.unique(task, return_inverse=True)[1].astype(np.float64)
    low, high = bounds.min(), bounds.max()
    span = max(float(high - low), 1.0) * 1.01
    side = np.ceil(np.sqrt(index.max() + 1))
    moved = bounds - low + span * np.column_stack([index % side, index // side, index % side, index // side])
    margin = span * side * 1e-12
    grown: FloatArray = moved + np.array([-margin, -margin, margin, margin])
    return grown


def _merge(ordered_workers: IntArray, pairs: Pairs, threshold: float) -> list[IntArray]:
    """Return clusters of positions in the canonical order."""
    # Sets of workers are bit masks, because piles of objects produce millions of pairs.
    bits = {worker: 1 << bit for bit, worker in enumerate(dict.fromkeys(ordered_workers.tolist()))}
    workers = [bits[worker] for worker in ordered_workers.tolist()]
    cluster_of = list(range(len(ordered_workers)))
    members = {index: [index] for index in cluster_of}
    similarities = _SimilarityTable(pairs, len(ordered_workers))
    for a, b in _by_decreasing_value(pairs, threshold):
        left, right = cluster_of[a], cluster_of[b]
        if left == right or workers[left] & workers[right]:
            continue
        left_members, right_members = members[left], members[right]
        if len(left_members) + len(right_members) > 2 and similarities.mean(left_members, right_members) < threshold:
            continue
        for index in right_members:
            cluster_of[index] = left
        members[left] = sorted(left_members + members.pop(right))
        workers[left] |= workers[right]
    return [np.array(group, np.int64) for group in members.values()]


def _by_decreasing_value(pairs: Pairs, threshold: float) -> Iterator[tuple[int, int]]:
    similar = np.flatnonzero(pairs.value >= threshold)
    order = similar[np.lexsort((pairs.second[similar], pairs.first[similar], -pairs.value[similar]))]
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        yield from zip(pairs.first[part].tolist(), pairs.second[part].tolist(), strict=True)


class _SimilarityTable:
    """Looks up the similarity of a pair by bisection: arrays hold millions of pairs where a dict would not fit."""

    def __init__(self, pairs: Pairs, size: int) -> None:
        self._size = size
        self._keys = array("q", (pairs.first * size + pairs.second).tobytes())
        self._values = array("d", pairs.value.tobytes())

    def mean(self, first_members: list[int], second_members: list[int]) -> float:
        """Return the mean over all pairs across two clusters; absent pairs count as 0."""
        total = 0.0
        for a in first_members:
            for b in second_members:
                key = a * self._size + b if a < b else b * self._size + a
                position = bisect_left(self._keys, key)
                if position < len(self._keys) and self._keys[position] == key:
                    total += self._values[position]
        return total / (len(first_members) * len(second_members))
