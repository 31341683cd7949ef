"""Where an object is, from drawings of unequal precision.

The model. Each coordinate of worker w's drawing of an object is the true one plus noise of standard deviation
`spread_w` (coordinates are chosen so that one spread fits all of them: centres in shares of the object's size, sizes as
logarithms, angles in radians). Spreads are learnt from the objects that several workers drew, by restricted maximum
likelihood (which knows that the residuals of a pair are equal by construction), with Student weights against gross
errors and pseudo-drawings from the pooled spread.

The agreed coordinate is the mode of a product of Student densities. The fewer drawings a worker's spread was learnt
from, the heavier his tails (an inverse-gamma variance integrates to Student's t): among strangers it acts like a median
that still moves with all members, with well-known workers it is the precision-weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import FloatArray, IntArray

#: Degrees of freedom of a worker of whom nothing is known; each drawing seen adds one.
UNKNOWN_DOF = 2.0
#: Degrees of freedom while spreads are learnt.
_FIT_DOF = 4.0
_PRIOR_DRAWINGS = 10.0
_FIT_ITERATIONS = 100
_ITERATIONS = 30
_CLOSE = 1e-9
#: No hand is steadier than this share of an object's size; it also keeps twins from infinite weight.
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class Drawings:
    """Coordinates of the members of clusters: rows of one cluster stand together, clusters ascending from 0.

    index: the cluster of each row, shape (r,). worker: shape (r,). coordinates: shape (r, c).
    """

    index: IntArray
    worker: IntArray
    coordinates: FloatArray


@dataclass(frozen=True, slots=True)
class Spreads:
    """Learnt spreads: sorted workers, shape (w,), how far each lies off, and from how many drawings that is known."""

    workers: IntArray
    spread: FloatArray
    drawings: FloatArray
    pooled: float


def learn_spreads(drawings: Drawings, *, pooled: float) -> Spreads:
    """From the clusters with at least two members; `pooled` is the spread held before any drawing was seen."""
    workers, who = np.unique(drawings.worker, return_inverse=True)
    several = np.bincount(drawings.index)[drawings.index] > 1 if len(drawings.index) else np.empty(0, np.bool_)
    count = np.bincount(who, several, len(workers)) if len(workers) else np.empty(0)
    x, who = drawings.coordinates[several], who[several]
    at = np.unique(drawings.index[several], return_inverse=True)[1]
    variance, centre = np.full(len(workers), pooled**2), pooled**2
    weight = np.ones_like(x)
    for _ in range(_FIT_ITERATIONS if len(x) else 0):
        before = variance
        precision = weight / variance[who][:, None]
        total = _grouped(precision, at)
        rest = x - (_grouped(precision * x, at) / total)[at]
        weight = (_FIT_DOF + 1) / (_FIT_DOF + (rest**2 + (1 / total)[at]) / variance[who][:, None])
        off = (weight * rest**2).mean(axis=1)
        # A drawing pulls the agreed place towards itself: only the rest of it is evidence of its error.
        free = (1 - precision / total[at]).mean(axis=1)
        centre = float((off.sum() + _PRIOR_DRAWINGS * pooled**2) / (free.sum() + _PRIOR_DRAWINGS))
        made, chances = np.bincount(who, off, len(workers)), np.bincount(who, free, len(workers))
        variance = (made + _PRIOR_DRAWINGS * centre) / (chances + _PRIOR_DRAWINGS)
        variance = np.maximum(variance, _LEAST_SPREAD**2)
        if np.abs(variance / before - 1).max() < 1e-4:
            break
    return Spreads(workers, np.sqrt(variance), count.astype(np.float64), float(np.sqrt(centre)))


def rates_of_spreads(known: Spreads) -> DetectionRates:
    """Rates of which the spreads alone are learnt yet."""
    fresh = DetectionRates()
    return DetectionRates(
        workers=known.workers,
        detection=np.full(len(known.workers), fresh.pooled_detection),
        false_rate=np.full(len(known.workers), fresh.pooled_false_rate),
        spread=known.spread,
        drawings=known.drawings,
        pooled_spread=known.pooled,
    )


def with_spreads(rates: DetectionRates, known: DetectionRates) -> DetectionRates:
    """These rates with the spreads of the others."""
    spread, drawings = known.spreads_of(rates.workers)
    return replace(rates, spread=spread, drawings=drawings, pooled_spread=known.pooled_spread)


def located(drawings: Drawings, rates: DetectionRates, *, trust: FloatArray | None = None) -> FloatArray:
    """The agreed coordinates of each cluster, shape (m, c).

    trust: what each row weighs beside its worker's spread, shape (r,), for workers without learnt rates; where all
    members of a cluster have none, they count alike.
    """
    spread, dof = rates.spreads_of(drawings.worker)
    dof = dof + UNKNOWN_DOF
    weight = np.ones(len(spread)) if trust is None else np.where(dof > UNKNOWN_DOF, 1.0, trust)
    clusters = int(drawings.index.max()) + 1 if len(drawings.index) else 0
    weight = np.where(np.bincount(drawings.index, weight, clusters)[drawings.index] > 0, weight, 1.0)
    precision = (weight / spread**2)[:, None]
    x, at = drawings.coordinates, drawings.index
    here = _grouped(np.broadcast_to(precision, x.shape) * x, at) / _grouped(np.broadcast_to(precision, x.shape), at)
    for _ in range(_ITERATIONS):
        far = ((x - here[at]) / spread[:, None]) ** 2
        student = precision * (dof[:, None] + 1) / (dof[:, None] + far)
        moved = _grouped(student * x, at) / _grouped(student, at)
        step = np.abs(moved - here).max(initial=0.0)
        here = moved
        if step < _CLOSE:
            break
    return here


def runs(index: IntArray) -> list[tuple[int, int]]:
    """Where the rows of each cluster start and end."""
    start = np.flatnonzero(np.diff(index, prepend=-1)).tolist()
    return list(zip(start, [*start[1:], len(index)], strict=True)) if start else []


def _grouped(values: FloatArray, at: IntArray) -> FloatArray:
    """Sums over the rows of each cluster; rows stand in order and no cluster is empty. Shape (m, c)."""
    if not len(at):
        return np.zeros((0, values.shape[1]))
    start = np.flatnonzero(np.diff(at, prepend=-1))
    out: FloatArray = np.add.reduceat(values, start, axis=0)
    return out
