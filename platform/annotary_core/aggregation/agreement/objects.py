"""Agreement on objects: Krippendorff's alpha with a distance between the sets of objects that workers drew on a unit.

To compare two sets, their objects are matched one to one to maximize the sum of similarities (Hungarian algorithm).
Every match costs 1 - similarity, every unmatched object 1, and the distance is the mean of these costs:
    D(A, B) = 1 - sum of matched similarities / (|A| + |B| - matches),   0 for two empty sets.
It is 0 for equal sets and 1 for disjoint sets. The similarity is any of objects/similarity.py: IoU, OKS, and others.
Observed disagreement is the mean distance within units, expected disagreement that of two random sets.

Alpha is defined for any distance: K. Krippendorff, Content Analysis, 4th ed. (2018), ch. 12; A. Skjærholt, A
Chance-Corrected Measure of Inter-Annotator Agreement for Syntax (2014); A. Braylan, O. Alonso, M. Lease, Measuring
Annotator Agreement Generally across Complex Structured, Multi-object, and Free-text Annotation Tasks (2022). The latter
warn that objects rarely overlap by chance, so the expected distance is near 1 and such an alpha is stricter than one
for classes: read it together with `observed`, and compare it only with other values of the same measure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.agreement.alpha import Alpha
from annotary_core.aggregation.agreement.bootstrap import Bootstrap, resampled_sums
from annotary_core.aggregation.classification.votes import run_starts
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.base import Similarity

#: Pairs of objects whose similarities are in memory at once.
_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class ObjectSets:
    """The objects of each worker on each unit: set s, by `worker[s]` on `unit[s]`, is `rows[start[s]:start[s + 1]]`.

    unit, worker: shape (s,), sorted by unit, then worker, each pair once. start: shape (s + 1,). rows: shape (n,), row
    of each object in the columns of the similarity. An empty set means that the worker looked and saw no objects.
    """

    unit: IntArray
    worker: IntArray
    start: IntArray
    rows: IntArray

    @classmethod
    def of(
        cls, task: IntArray, worker: IntArray, seen_task: IntArray, seen_worker: IntArray, kept: BoolArray | None = None
    ) -> ObjectSets:
        """Build from one entry per object, shape (n,), and all (task, worker) pairs that were seen, shape (s,).

        kept: mask of the objects to include, shape (n,); others count as not drawn. None includes all.
        """
        rows = np.arange(len(task)) if kept is None else np.flatnonzero(kept)
        pairs = np.stack([np.concatenate([seen_task, task]), np.concatenate([seen_worker, worker])], axis=1)
        sets, index = np.unique(pairs, axis=0, return_inverse=True)
        set_of_row = index.ravel()[len(seen_task) :][rows]
        start = np.concatenate([[0], np.cumsum(np.bincount(set_of_row, minlength=len(sets)))]).astype(np.int64)
        return cls(sets[:, 0], sets[:, 1], start, rows[np.argsort(set_of_row, kind="stable")].astype(np.int64))

    def sizes(self) -> IntArray:
        """Number of objects in each set, shape (s,)."""
        return np.diff(self.start)


@dataclass(frozen=True, slots=True)
class ObjectAgreement:
    """alpha: alpha of all units; `alpha.observed` is the mean distance within units. first, second, n, distance: pairs
    of workers, their number of common units and mean distance on these, shape (p,), by descending number of units.
    """

    alpha: Alpha
    first: IntArray
    second: IntArray
    n: IntArray
    distance: FloatArray


def object_agreement(
    sets: ObjectSets,
    similarity: Similarity,
    *,
    bootstrap: Bootstrap | None = None,
    units: int = 20_000,
    chance_pairs: int = 20_000,
    seed: int = 0,
) -> ObjectAgreement:
    """Alpha of the sets, and the mean distance of every pair of workers.

    units: maximum number of units; more are sampled. chance_pairs: maximum number of pairs of sets for the expected
    distance; more are sampled. The bootstrap resamples units with the expected distance fixed.
    """
    rng = np.random.default_rng(seed)
    raters = np.bincount(np.cumsum(run_starts(sets.unit)) - 1)
    unit_of_set = np.cumsum(run_starts(sets.unit)) - 1
    sampled = np.flatnonzero(raters >= 2)
    if len(sampled) > units:
        sampled = np.sort(rng.choice(sampled, units, replace=False))
    first, second = _pairs_within(unit_of_set, np.isin(np.arange(len(raters)), sampled))
    distance = set_distances(sets, similarity, first, second)
    unit_index = np.searchsorted(sampled, unit_of_set[first])
    m = raters[sampled].astype(np.float64)
    disagreement = np.bincount(unit_index, 2 * distance, minlength=len(sampled)) / (m - 1)
    expected = _chance(sets, similarity, np.isin(unit_of_set, sampled), chance_pairs, rng)
    return ObjectAgreement(
        _alpha(disagreement, m, expected, bootstrap), *_by_pair(sets.worker[first], sets.worker[second], distance)
    )


def set_distance(similarity: FloatArray) -> float:
    """The distance of two sets from the similarities of their objects, shape (a, b); see the module docstring."""
    a, b = similarity.shape
    if a == 0 or b == 0 or not similarity.any():
        return float(a + b > 0)
    first, second = linear_sum_assignment(similarity, maximize=True)
    matched = similarity[first, second]
    return float(1 - matched.sum() / (a + b - np.count_nonzero(matched)))


def set_distances(sets: ObjectSets, similarity: Similarity, first: IntArray, second: IntArray) -> FloatArray:
    """The distance of each pair of sets, shape (p,). first, second: indices of the sets, shape (p,)."""
    sizes = sets.sizes()
    out = np.empty(len(first))
    for batch in _batches(sizes[first] * sizes[second]):
        a, b = first[batch], second[batch]
        height, width = sizes[a], sizes[b]
        cells = height * width
        pair = np.repeat(np.arange(len(a)), cells)
        end = np.cumsum(cells)
        offset = np.arange(len(pair)) - np.repeat(end - cells, cells)
        rows = sets.rows[sets.start[a][pair] + offset // width[pair]]
        columns = sets.rows[sets.start[b][pair] + offset % width[pair]]
        value = similarity.of(rows, columns) if len(pair) else np.empty(0)
        for index, matrix in enumerate(np.split(value, end[:-1])):
            out[batch.start + index] = set_distance(matrix.reshape(height[index], width[index]))
    return out


def _batches(cells: IntArray) -> Iterator[slice]:
    """Split the pairs into batches whose similarities fit in memory."""
    total = np.cumsum(cells)
    first = 0
    while first < len(cells):
        before = int(total[first - 1]) if first else 0
        stop = max(int(np.searchsorted(total, before + _CELLS, side="right")), first + 1)
        yield slice(first, stop)
        first = stop


def _pairs_within(unit_of_set: IntArray, selected: BoolArray) -> tuple[IntArray, IntArray]:
    """All pairs of sets within each selected unit; sets are sorted by unit."""
    size = np.bincount(unit_of_set, minlength=len(selected))
    start = np.cumsum(size) - size
    first: list[IntArray] = []
    second: list[IntArray] = []
    for m in np.unique(size[selected]):
        i, j = np.triu_indices(int(m), k=1)
        base = start[selected & (size == m)][:, None]
        first.append((base + i).ravel())
        second.append((base + j).ravel())
    none = np.empty(0, np.int64)
    return np.concatenate([none, *first]), np.concatenate([none, *second])


def _chance(
    sets: ObjectSets, similarity: Similarity, pairable: BoolArray, pairs: int, rng: np.random.Generator
) -> float:
    """Mean distance of two different sets out of all pairable ones."""
    candidates = np.flatnonzero(pairable)
    n = len(candidates)
    if n < 2:
        return float("nan")
    if n * (n - 1) // 2 <= pairs:
        first, second = np.triu_indices(n, k=1)
    else:
        first = rng.integers(0, n, pairs)
        second = (first + rng.integers(1, n, pairs)) % n
    return float(set_distances(sets, similarity, candidates[first], candidates[second]).mean())


def _alpha(disagreement: FloatArray, m: FloatArray, expected: float, bootstrap: Bootstrap | None) -> Alpha:
    n = float(m.sum())
    if not n or not expected > 0:
        observed = float(disagreement.sum() / n) if n else float("nan")
        return Alpha(float("nan"), float("nan"), float("nan"), observed, expected, len(m), n)
    observed = float(disagreement.sum() / n)
    low = high = float("nan")
    if bootstrap is not None:
        resampled, resampled_raters = resampled_sums(disagreement, m[:, None], bootstrap)
        low, high = bootstrap.interval(1 - resampled / resampled_raters[:, 0] / expected)
    return Alpha(1 - observed / expected, low, high, observed, expected, len(m), n)


def _by_pair(one: IntArray, other: IntArray, distance: FloatArray) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    pairs, index = np.unique(np.stack([one, other], axis=1), axis=0, return_inverse=True)
    n = np.bincount(index.ravel(), minlength=len(pairs)).astype(np.int64)
    mean = np.bincount(index.ravel(), distance, minlength=len(pairs)) / np.maximum(n, 1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -n))
    return pairs[order, 0], pairs[order, 1], n[order], mean[order]
