"""Which objects of several workers are the same object: clustering across workers, for any similarity.

Pairs of different workers are taken by falling similarity, and two clusters join when the mean similarity of the pairs
across them reaches the threshold (average linkage) and no worker would have two objects in the cluster. Classes play no
part. Complete linkage (every pair must reach it) leaves stragglers: a box that overlaps the agreed one by half but one
of its makers by a quarter stays alone beside it, as a false object.

Rows must be told apart by what they are, not by where they stand, so `order` lists them canonically; of two pairs that
are equally alike the one earlier in that order goes first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray, IntArray

#: Pairs turned into Python numbers at a time.
_CHUNK = 100_000
#: Objects whose neighbours are looked up at a time: in a heap all of them meet.
_PART = 250


class Similarity(Protocol):
    """How alike two objects are, 0 (apart) to 1 (the same); see similarity.py."""

    @property
    def bounds(self) -> FloatArray:
        """Shape (n, 4), x1, y1, x2, y2: objects whose bounds do not touch have similarity 0."""
        ...

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        """The similarity of the objects at these rows, pair by pair, shape (p,); symmetric."""
        ...


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of objects of one task and different workers that are alike at all: first < second, ascending.

    first, second: shape (p,), places in the canonical order. value: their similarity, above 0.
    """

    first: IntArray
    second: IntArray
    value: FloatArray


def cluster(
    similarity: Similarity, task: IntArray, worker: IntArray, order: IntArray, *, threshold: float
) -> list[IntArray]:
    """Clusters of rows, at most one row a worker in each; rows within a cluster in canonical order.

    task, worker: shape (n,). order: the rows in canonical order, those of a task together, shape (n,).
    threshold: mean similarity that two clusters need to join, above 0.
    """
    who = worker[order]
    pairs = alike_pairs(similarity, task, worker, order)
    return [order[group] for group in _join(who, pairs, threshold)]


def alike_pairs(similarity: Similarity, task: IntArray, worker: IntArray, order: IntArray) -> Pairs:
    """All pairs of one task and different workers with a similarity above 0."""
    if not len(order):
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0))
    place = _apart(similarity.bounds[order], task[order])
    # A tree finds the pairs, as most objects lie apart.
    shapes = shapely.box(place[:, 0], place[:, 1], place[:, 2], place[:, 3])
    tree = shapely.STRtree(shapes)
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    for at in range(0, len(order), _PART):
        first, second = tree.query(shapes[at : at + _PART])
        first = first + at
        kept = (first < second) & (task[order[first]] == task[order[second]])
        kept &= worker[order[first]] != worker[order[second]]
        first, second = first[kept].astype(np.int64), second[kept].astype(np.int64)
        value = similarity.of(order[first], order[second])
        found.append((first[value > 0], second[value > 0], value[value > 0]))
    first, second, value = (np.concatenate(column) for column in zip(*found, strict=True))
    by_pair = np.lexsort((second, first))
    return Pairs(first=first[by_pair], second=second[by_pair], value=value[by_pair])


def _apart(bounds: FloatArray, task: IntArray) -> FloatArray:
    """The bounds with each task moved to a place of its own, so that one tree serves all of them.

    Moving costs digits, so the bounds grow by more than what is lost.
    """
    index = np.unique(task, return_inverse=True)[1].astype(np.float64)
    low, high = bounds.min(), bounds.max()
    span = max(float(high - low), 1.0) * 1.01
    side = np.ceil(np.sqrt(index.max() + 1))
    moved = bounds - low + span * np.column_stack([index % side, index // side, index % side, index // side])
    dust = span * side * 1e-12
    grown: FloatArray = moved + np.array([-dust, -dust, dust, dust])
    return grown


def _join(who: IntArray, pairs: Pairs, threshold: float) -> list[IntArray]:
    """Clusters of places in the canonical order."""
    # Sets of workers are bits, since objects heaped on one place make millions of pairs to look at.
    bits = {worker: 1 << bit for bit, worker in enumerate(dict.fromkeys(who.tolist()))}
    workers = [bits[worker] for worker in who.tolist()]
    cluster = list(range(len(who)))
    members = {index: [index] for index in cluster}
    known = _Table(pairs, len(who))
    for a, b in _by_falling_value(pairs, threshold):
        left, right = cluster[a], cluster[b]
        if left == right or workers[left] & workers[right]:
            continue
        ours, theirs = members[left], members[right]
        if len(ours) + len(theirs) > 2 and known.mean(ours, theirs) < threshold:
            continue
        for index in theirs:
            cluster[index] = left
        members[left] = sorted(ours + members.pop(right))
        workers[left] |= workers[right]
    return [np.array(group, np.int64) for group in members.values()]


def _by_falling_value(pairs: Pairs, threshold: float) -> Iterator[tuple[int, int]]:
    near = np.flatnonzero(pairs.value >= threshold)
    order = near[np.lexsort((pairs.second[near], pairs.first[near], -pairs.value[near]))]
    for at in range(0, len(order), _CHUNK):
        part = order[at : at + _CHUNK]
        yield from zip(pairs.first[part].tolist(), pairs.second[part].tolist(), strict=True)


class _Table:
    """The similarity of a pair, looked up by bisection: arrays hold millions of pairs where a dict would not."""

    def __init__(self, pairs: Pairs, size: int) -> None:
        self._size = size
        self._keys = array("q", (pairs.first * size + pairs.second).tobytes())
        self._values = array("d", pairs.value.tobytes())

    def mean(self, ours: list[int], theirs: list[int]) -> float:
        """The mean over all pairs across; pairs that are not there are 0."""
        total = 0.0
        for a in ours:
            for b in theirs:
                key = a * self._size + b if a < b else b * self._size + a
                at = bisect_left(self._keys, key)
                if at < len(self._keys) and self._keys[at] == key:
                    total += self._values[at]
        return total / (len(ours) * len(theirs))
