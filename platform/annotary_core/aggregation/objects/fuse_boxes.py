"""Consensus boxes, upright and rotated: fuse the coordinates of an object from workers of unequal precision.

The model. Each coordinate of an object as worker w drew it is the true one plus noise of standard deviation `spread_w`
(coordinates are chosen so that one spread fits all of them: centers as shares of the object's size, sizes as
logarithms, angles in radians). Spreads are estimated from the objects that several workers drew, by restricted maximum
likelihood (which accounts for the residuals of a pair being equal by construction), with Student weights against gross
errors and pseudo-observations from the pooled spread.

The fused coordinate is the mode of a product of Student densities. The fewer objects behind a worker's spread, the
heavier the tails (an inverse-gamma variance integrates to Student's t): with unknown workers the estimate acts like a
median that still moves with all members, with well-known workers it is the precision-weighted mean.

Upright boxes are compared by their centers, as shares of the size, and by the logarithms of their sizes. For two boxes,
one half as wide as the other, the mean of the corners has IoU .75 with the larger and .67 with the smaller, the mean of
the logarithms .71 with both: it does not favor workers who draw large boxes.

Rotated boxes are rows cx, cy, w, h, angle (radians from the x axis toward the y axis). A rectangle has two equivalent
forms within half a turn: (w, h, angle) and (h, w, angle + 90 degrees). Each member takes the form nearest to the medoid
of its cluster before coordinates are compared.
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
#: Minimum side of a fused upright box after rounding, in pixels.
_MIN_SIDE = 1e-6


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


def fuse_boxes(
    box: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Fuse each cluster into one box, shape (m, 4), x1, y1, x2, y2; `index`: the cluster of each row, rows grouped.

    No corner lies beyond the members' corners, so the result lies in the image as all members do: a center and a size
    that are fused separately could put it outside.
    """
    drawings, frame = _upright_coordinates(box, index, worker)
    fused = fuse_coordinates(drawings, rates, trust=trust)
    # Rounded far below the fixed decimals, because log and exp leave rounding errors on whole numbers.
    half, center = np.exp(fused[:, 2:]) / 2, fused[:, :2] * frame[:, 2:] + frame[:, :2]
    out: FloatArray = np.round(np.concatenate([center - half, center + half], axis=1), 6) + 0.0
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        np.clip(out, np.minimum.reduceat(box, start), np.maximum.reduceat(box, start), out=out)
    out[:, 2:] = np.maximum(out[:, 2:], out[:, :2] + _MIN_SIDE)
    return out


def box_spreads(box: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """Estimate the spread of each worker's boxes around the consensus, as shares of the object's size."""
    return learn_spreads(_upright_coordinates(box, index, worker)[0], pooled=pooled)


def _upright_coordinates(box: FloatArray, index: IntArray, worker: IntArray) -> tuple[ClusterCoordinates, FloatArray]:
    """Return centers relative to the cluster's mean center, in shares of its size, with log sizes; and that frame."""
    sides = box[:, 2:] - box[:, :2]
    centers, log_sizes = (box[:, 2:] + box[:, :2]) / 2, np.log(sides)
    frame = np.zeros((0, 4))
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        count = np.diff(np.append(start, len(index)))[:, None]
        mean_center = np.add.reduceat(centers, start, axis=0) / count
        size = np.exp(np.add.reduceat(log_sizes, start, axis=0) / count)
        frame = np.concatenate([mean_center, size], axis=1)
    row_frame = frame[index]
    return ClusterCoordinates(
        index, worker, np.concatenate([(centers - row_frame[:, :2]) / row_frame[:, 2:], log_sizes], axis=1)
    ), frame


def fuse_rotated_boxes(
    rotated: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Fuse each cluster into one canonical box, shape (m, 5); `index`: the cluster of each row, rows grouped."""
    drawings, frame = _rotated_coordinates(rotated, index, worker)
    fused = fuse_coordinates(drawings, rates, trust=trust)
    center = fused[:, :2] * frame[:, 2:] + frame[:, :2]
    return canonical_rotated(np.concatenate([center, np.exp(fused[:, 2:4]), fused[:, 4:]], axis=1))


def rotated_spreads(rotated: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """Estimate the spread of each worker's boxes around the consensus: shares of size, and radians."""
    return learn_spreads(_rotated_coordinates(rotated, index, worker)[0], pooled=pooled)


def canonical_rotated(rotated: FloatArray) -> FloatArray:
    """Return the same rectangles with w >= h and an angle in [0, pi), for squares in [0, pi / 2)."""
    out = np.array(rotated, np.float64).reshape(-1, 5)
    swap = out[:, 3] > out[:, 2]
    out[swap, 2], out[swap, 3] = out[swap, 3], out[swap, 2]
    out[swap, 4] += np.pi / 2
    turn = np.where(out[:, 2] == out[:, 3], np.pi / 2, np.pi)
    out[:, 4] = np.mod(out[:, 4], turn)
    # The modulus of a tiny negative angle is the full turn.
    out[out[:, 4] >= turn, 4] = 0.0
    return out


def _rotated_coordinates(
    rotated: FloatArray, index: IntArray, worker: IntArray
) -> tuple[ClusterCoordinates, FloatArray]:
    aligned = rotated.astype(np.float64).reshape(-1, 5).copy()
    frames = []
    for start, end in cluster_ranges(index):
        aligned[start:end] = _aligned_forms(aligned[start:end])
        size = np.exp(np.log(aligned[start:end, 2:4]).mean())
        frames.append([*aligned[start:end, :2].mean(axis=0), size, size])
    frame = np.array(frames).reshape(-1, 4)
    row_frame = frame[index]
    centers = (aligned[:, :2] - row_frame[:, :2]) / row_frame[:, 2:]
    return ClusterCoordinates(
        index, worker, np.concatenate([centers, np.log(aligned[:, 2:4]), aligned[:, 4:]], axis=1)
    ), frame


def _aligned_forms(members: FloatArray) -> FloatArray:
    """Return the members in the forms nearest to the medoid."""
    all_costs, forms = zip(*[_nearest_forms(members, candidate) for candidate in members], strict=True)
    nearest: FloatArray = forms[int(np.argmin([costs.sum() for costs in all_costs]))]
    return nearest


def _nearest_forms(members: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return squared differences in log size and angle, (n,), and the members in their nearer form, (n, 5)."""
    costs, forms = [], []
    for swapped in (False, True):
        form = members[:, [0, 1, 3, 2, 4]].copy() if swapped else members.copy()
        angle_difference = form[:, 4] + (np.pi / 2 if swapped else 0.0) - reference[4]
        angle_difference = angle_difference - np.pi * np.round(angle_difference / np.pi)
        form[:, 4] = reference[4] + angle_difference
        costs.append(((np.log(form[:, 2:4]) - np.log(reference[2:4])) ** 2).sum(axis=1) + angle_difference**2)
        forms.append(form)
    swapped_is_nearer = costs[1] < costs[0]
    return np.where(swapped_is_nearer, costs[1], costs[0]), np.where(swapped_is_nearer[:, None], forms[1], forms[0])
