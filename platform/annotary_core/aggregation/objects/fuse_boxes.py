"""Fuse the coordinates of an object from workers of unequal precision.

The model. Each coordinate of an object as worker w drew it is the true one plus noise of standard deviation `spread_w`
(coordinates are chosen so that one spread fits all of them: centers as shares of the object's size, sizes as
logarithms, angles in radians). Spreads are estimated from the objects that several workers drew, by restricted maximum
likelihood (which accounts for the residuals of a pair being equal by construction), with Student weights against gross
errors and pseudo-observations from the pooled spread.

The fused coordinate is the mode of a product of Student densities. The fewer objects behind a worker's spread, the
heavier the tails (an inverse-gamma variance integrates to Student's t): with unknown workers the estimate acts like a
median that still moves with all members, with well-known workers it is the precision-weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import FloatArray, IntArray

#: Degrees of freedom of an unknown worker; each observed object adds one.
UNKNOWN_DOF = 2.0
#: Degrees of freedom while spreads are estimated.
_FIT_DOF = 4.0
_PRIOR_DRAWINGS = 10.0
_FIT_ITERATIONS = 100
_ITERATIONS = 30
_TOLERANCE = 1e-9
#: Minimum spread, as a share of the object's size; it also keeps duplicates from infinite weight.
_MIN_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class ClusterCoordinates:
    """Coordinates of the members of clusters: rows grouped by cluster, clusters ascending from 0.

    index: the cluster of each row, shape (r,). worker: shape (r,). coordinates: shape (r, c).
    """

    index: IntArray
    worker: IntArray
    coordinates: FloatArray


@dataclass(frozen=True, slots=True)
class Spreads:
    """Estimated spreads: sorted workers, shape (w,), the spread of each, and the number of objects behind it."""

    workers: IntArray
    spread: FloatArray
    drawings: FloatArray
    pooled: float


def learn_spreads(drawings: ClusterCoordinates, *, pooled: float) -> Spreads:
    """Estimate spreads from the clusters with at least two members; `pooled` is the prior spread."""
    workers, worker_index = np.unique(drawings.worker, return_inverse=True)
    several = np.bincount(drawings.index)[drawings.index] > 1 if len(drawings.index) else np.empty(0, np.bool_)
    count = np.bincount(worker_index, several, len(workers)) if len(workers) else np.empty(0)
    x, worker_index = drawings.coordinates[several], worker_index[several]
    cluster = np.unique(drawings.index[several], return_inverse=True)[1]
    variance, pooled_variance = np.full(len(workers), pooled**2), pooled**2
    weight = np.ones_like(x)
    for _ in range(_FIT_ITERATIONS if len(x) else 0):
        before = variance
        precision = weight / variance[worker_index][:, None]
        total = _cluster_sums(precision, cluster)
        residual = x - (_cluster_sums(precision * x, cluster) / total)[cluster]
        weight = (_FIT_DOF + 1) / (_FIT_DOF + (residual**2 + (1 / total)[cluster]) / variance[worker_index][:, None])
        squared_error = (weight * residual**2).mean(axis=1)
        # A member pulls the consensus toward itself: only the remainder is evidence of its error.
        free_share = (1 - precision / total[cluster]).mean(axis=1)
        pooled_variance = float(
            (squared_error.sum() + _PRIOR_DRAWINGS * pooled**2) / (free_share.sum() + _PRIOR_DRAWINGS)
        )
        error_sum, free_sum = (
            np.bincount(worker_index, squared_error, len(workers)),
            np.bincount(worker_index, free_share, len(workers)),
        )
        variance = (error_sum + _PRIOR_DRAWINGS * pooled_variance) / (free_sum + _PRIOR_DRAWINGS)
        variance = np.maximum(variance, _MIN_SPREAD**2)
        if np.abs(variance / before - 1).max() < 1e-4:
            break
    return Spreads(workers, np.sqrt(variance), count.astype(np.float64), float(np.sqrt(pooled_variance)))


def rates_from_spreads(spreads: Spreads) -> DetectionRates:
    """Return rates in which only the spreads are estimated."""
    prior = DetectionRates()
    return DetectionRates(
        workers=spreads.workers,
        detection=np.full(len(spreads.workers), prior.pooled_detection),
        false_rate=np.full(len(spreads.workers), prior.pooled_false_rate),
        spread=spreads.spread,
        drawings=spreads.drawings,
        pooled_spread=spreads.pooled,
    )


def with_spreads(rates: DetectionRates, known: DetectionRates) -> DetectionRates:
    """Return these rates with the spreads of `known`."""
    spread, drawings = known.spreads_of(rates.workers)
    return replace(rates, spread=spread, drawings=drawings, pooled_spread=known.pooled_spread)


def fuse_coordinates(
    drawings: ClusterCoordinates, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Return the fused coordinates of each cluster, shape (m, c).

    trust: weight of each row in addition to its worker's spread, shape (r,), for workers without estimated rates; if
    all members of a cluster have trust 0, they have equal weight.
    """
    spread, dof = rates.spreads_of(drawings.worker)
    dof = dof + UNKNOWN_DOF
    weight = np.ones(len(spread)) if trust is None else np.where(dof > UNKNOWN_DOF, 1.0, trust)
    clusters = int(drawings.index.max()) + 1 if len(drawings.index) else 0
    weight = np.where(np.bincount(drawings.index, weight, clusters)[drawings.index] > 0, weight, 1.0)
    precision = (weight / spread**2)[:, None]
    x, cluster = drawings.coordinates, drawings.index
    estimate = _cluster_sums(np.broadcast_to(precision, x.shape) * x, cluster) / _cluster_sums(
        np.broadcast_to(precision, x.shape), cluster
    )
    for _ in range(_ITERATIONS):
        squared_residual = ((x - estimate[cluster]) / spread[:, None]) ** 2
        student = precision * (dof[:, None] + 1) / (dof[:, None] + squared_residual)
        updated = _cluster_sums(student * x, cluster) / _cluster_sums(student, cluster)
        step = np.abs(updated - estimate).max(initial=0.0)
        estimate = updated
        if step < _TOLERANCE:
            break
    return estimate


def cluster_ranges(index: IntArray) -> list[tuple[int, int]]:
    """Return the start and end row of each cluster."""
    start = np.flatnonzero(np.diff(index, prepend=-1)).tolist()
    return list(zip(start, [*start[1:], len(index)], strict=True)) if start else []


def _cluster_sums(values: FloatArray, cluster: IntArray) -> FloatArray:
    """Sum over the rows of each cluster, shape (m, c); rows are grouped in order and no cluster is empty."""
    if not len(cluster):
        return np.zeros((0, values.shape[1]))
    start = np.flatnonzero(np.diff(cluster, prepend=-1))
    out: FloatArray = np.add.reduceat(values, start, axis=0)
    return out
