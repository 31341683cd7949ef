"""Consensus polylines: resample members by arc length, align their directions, and fuse them point by point."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.fuse_boxes import cluster_ranges
from annotary_core.aggregation.objects.fuse_points import geometric_medians
from annotary_core.aggregation.objects.similarity import polyline_distance
from annotary_core.labels.arrays import FloatArray, IntArray


def fuse_polylines(points: FloatArray, index: IntArray, weight: FloatArray | None = None) -> FloatArray:
    """Fuse each cluster into one polyline, shape (m, p, 2): the geometric median of corresponding points.

    The direction is that of the medoid. points: shape (r, p, 2), resampled polylines (similarity.resample). index: the
    cluster of each row, ascending from 0 without gaps. weight: shape (r,), above 0.
    """
    rows, steps, _ = points.shape
    mass = np.ones(rows) if weight is None else weight
    aligned = points.copy()
    for first, end in cluster_ranges(index):
        aligned[first:end] = _aligned_to_medoid(points[first:end])
    point_index = (np.arange(steps)[None, :] + steps * index[:, None]).ravel()
    order = np.argsort(point_index, kind="stable")
    return geometric_medians(aligned.reshape(-1, 2)[order], point_index[order], np.repeat(mass, steps)[order]).reshape(
        -1, steps, 2
    )


def _aligned_to_medoid(members: FloatArray) -> FloatArray:
    distances = np.array([polyline_distance(members, np.broadcast_to(each, members.shape)).sum() for each in members])
    medoid = members[int(np.argmin(distances))]
    forward = np.linalg.norm(members - medoid, axis=2).mean(axis=1)
    backward = np.linalg.norm(members[:, ::-1] - medoid, axis=2).mean(axis=1)
    return np.where((backward < forward)[:, None, None], members[:, ::-1], members)
