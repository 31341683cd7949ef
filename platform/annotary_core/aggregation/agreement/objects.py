"""Agreement on objects: Krippendorff's alpha with a distance between the sets of objects that workers drew on a unit.

The distance of two sets: their objects are matched one to one so that the sum of similarities is greatest (Hungarian
algorithm), and every match costs 1 - similarity, every object left over 1; the mean of these costs is the distance:
    D(A, B) = 1 - sum of matched similarities / (|A| + |B| - matches),   0 for two empty sets.
It is 0 for equal sets, 1 for sets that nowhere meet, and the similarity is any of objects/similarity.py: IoU, OKS, and
the others. Observed disagreement is the mean within units, expected disagreement that of two sets drawn from all.

Any distance makes an alpha: K. Krippendorff, Content Analysis, 4th ed. (2018), ch. 12; A. Skjærholt, A Chance-Corrected
Measure of Inter-Annotator Agreement for Syntax (2014); A. Braylan, O. Alonso, M. Lease, Measuring Annotator Agreement
Generally across Complex Structured, Multi-object, and Free-text Annotation Tasks (2022), who warn that chance seldom
puts two objects in one place, so that the expected distance is near 1 and such an alpha is stricter than one of
classes: read it beside `observed`, and compare it with itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.agreement.alpha import Alpha
from annotary_core.aggregation.agreement.bootstrap import Bootstrap, resampled_sums
from annotary_core.aggregation.classification.votes import changes
from annotary_core.aggregation.objects.matching import Similarity
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Pairs of objects whose similarities are held at a time.
_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class ObjectSets:
    """Who drew what: set s is what `worker[s]` drew on `unit[s]`, the objects `rows[start[s]:start[s + 1]]`.

    unit, worker: shape (s,), by unit, then worker, each pair once. start: shape (s + 1,). rows: shape (n,), rows of the
    objects in the columns that the similarity knows. A set without objects says that the worker saw nothing there.
    """

    unit: IntArray
    worker: IntArray
    start: IntArray
    rows: IntArray

    @classmethod
    def of(
        cls, task: IntArray, worker: IntArray, seen_task: IntArray, seen_worker: IntArray, kept: BoolArray | None = None
    ) -> ObjectSets:
        """From one entry an object, shape (n,), and the pairs who looked, with objects or without, shape (s,).

        kept: objects to heed, shape (n,); the others are as if they were not drawn. None keeps all.
        """
        rows = np.arange(len(task)) if kept is None else np.flatnonzero(kept)
        pairs = np.stack([np.concatenate([seen_task, task]), np.concatenate([seen_worker, worker])], axis=1)
        sets, index = np.unique(pairs, axis=0, return_inverse=True)
        of_row = index.ravel()[len(seen_task) :][rows]
        start = np.concatenate([[0], np.cumsum(np.bincount(of_row, minlength=len(sets)))]).astype(np.int64)
        return cls(sets[:, 0], sets[:, 1], start, rows[np.argsort(of_row, kind="stable")].astype(np.int64))

    def sizes(self) -> IntArray:
        """Objects in each set, shape (s,)."""
        return np.diff(self.start)


@dataclass(frozen=True, slots=True)
class ObjectAgreement:
    """alpha: of all units, `alpha.observed` being the mean distance within them. first, second, n, distance: pairs of
    workers, shape (p,), with the units in common and the mean distance there; most units first.
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

    units: more than these are sampled. chance_pairs: pairs of sets from which the expected distance is found, sampled
    when there are more. While units are drawn for the interval the expected distance stays as it is.
    """
    rng = np.random.default_rng(seed)
    raters = np.bincount(np.cumsum(changes(sets.unit)) - 1)
    of_set = np.cumsum(changes(sets.unit)) - 1
    chosen = np.flatnonzero(raters >= 2)
    if len(chosen) > units:
        chosen = np.sort(rng.choice(chosen, units, replace=False))
    first, second = _pairs_within(of_set, np.isin(np.arange(len(raters)), chosen))
    apart = set_distances(sets, similarity, first, second)
    place = np.searchsorted(chosen, of_set[first])
    m = raters[chosen].astype(np.float64)
    disagreement = np.bincount(place, 2 * apart, minlength=len(chosen)) / (m - 1)
    expected = _chance(sets, similarity, np.isin(of_set, chosen), chance_pairs, rng)
    return ObjectAgreement(
        _alpha(disagreement, m, expected, bootstrap), *_by_pair(sets.worker[first], sets.worker[second], apart)
    )


def set_distance(similarity: FloatArray) -> float:
    """The distance of two sets from the similarities of their objects, shape (a, b); see the module's docstring."""
    a, b = similarity.shape
    if a == 0 or b == 0 or not similarity.any():
        return float(a + b > 0)
    first, second = linear_sum_assignment(similarity, maximize=True)
    matched = similarity[first, second]
    return float(1 - matched.sum() / (a + b - np.count_nonzero(matched)))


def set_distances(sets: ObjectSets, similarity: Similarity, first: IntArray, second: IntArray) -> FloatArray:
    """The distances of pairs of sets, shape (p,), given by their indices."""
    sizes = sets.sizes()
    out = np.empty(len(first))
    for part in _portions(sizes[first] * sizes[second]):
        a, b = first[part], second[part]
        height, width = sizes[a], sizes[b]
        cells = height * width
        pair = np.repeat(np.arange(len(a)), cells)
        end = np.cumsum(cells)
        at = np.arange(len(pair)) - np.repeat(end - cells, cells)
        rows = sets.rows[sets.start[a][pair] + at // width[pair]]
        columns = sets.rows[sets.start[b][pair] + at % width[pair]]
        value = similarity.of(rows, columns) if len(pair) else np.empty(0)
        for index, matrix in enumerate(np.split(value, end[:-1])):
            out[part.start + index] = set_distance(matrix.reshape(height[index], width[index]))
    return out


def _portions(cells: IntArray) -> Iterator[slice]:
    """Stretches of pairs whose similarities fit in memory together."""
    total = np.cumsum(cells)
    at = 0
    while at < len(cells):
        before = int(total[at - 1]) if at else 0
        stop = max(int(np.searchsorted(total, before + _CELLS, side="right")), at + 1)
        yield slice(at, stop)
        at = stop


def _pairs_within(of_set: IntArray, wanted: BoolArray) -> tuple[IntArray, IntArray]:
    """All pairs of sets of one wanted unit; sets stand unit by unit."""
    size = np.bincount(of_set, minlength=len(wanted))
    start = np.cumsum(size) - size
    first: list[IntArray] = []
    second: list[IntArray] = []
    for m in np.unique(size[wanted]):
        i, j = np.triu_indices(int(m), k=1)
        base = start[wanted & (size == m)][:, None]
        first.append((base + i).ravel())
        second.append((base + j).ravel())
    none = np.empty(0, np.int64)
    return np.concatenate([none, *first]), np.concatenate([none, *second])


def _chance(
    sets: ObjectSets, similarity: Similarity, pairable: BoolArray, pairs: int, rng: np.random.Generator
) -> float:
    """Mean distance of two different sets out of all."""
    members = np.flatnonzero(pairable)
    n = len(members)
    if n < 2:
        return float("nan")
    if n * (n - 1) // 2 <= pairs:
        first, second = np.triu_indices(n, k=1)
    else:
        first = rng.integers(0, n, pairs)
        second = (first + rng.integers(1, n, pairs)) % n
    return float(set_distances(sets, similarity, members[first], members[second]).mean())


def _alpha(disagreement: FloatArray, m: FloatArray, expected: float, bootstrap: Bootstrap | None) -> Alpha:
    n = float(m.sum())
    if not n or not expected > 0:
        observed = float(disagreement.sum() / n) if n else float("nan")
        return Alpha(float("nan"), float("nan"), float("nan"), observed, expected, len(m), n)
    observed = float(disagreement.sum() / n)
    low = high = float("nan")
    if bootstrap is not None:
        drawn_apart, drawn = resampled_sums(disagreement, m[:, None], bootstrap)
        low, high = bootstrap.ends(1 - drawn_apart / drawn[:, 0] / expected)
    return Alpha(1 - observed / expected, low, high, observed, expected, len(m), n)


def _by_pair(one: IntArray, other: IntArray, apart: FloatArray) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    pairs, index = np.unique(np.stack([one, other], axis=1), axis=0, return_inverse=True)
    n = np.bincount(index.ravel(), minlength=len(pairs)).astype(np.int64)
    mean = np.bincount(index.ravel(), apart, minlength=len(pairs)) / np.maximum(n, 1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -n))
    return pairs[order, 0], pairs[order, 1], n[order], mean[order]
