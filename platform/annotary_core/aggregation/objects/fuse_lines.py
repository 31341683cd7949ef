"""Agreed lines: members are cut into equal parts by arc length, laid in one direction, and agree point by point."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.fuse_boxes import runs
from annotary_core.aggregation.objects.fuse_points import geometric_medians
from annotary_core.aggregation.objects.similarity import line_distance
from annotary_core.labels.arrays import FloatArray, IntArray


def agreed_lines(points: FloatArray, index: IntArray, weight: FloatArray | None = None) -> FloatArray:
    """Shape (m, p, 2), the geometric median of corresponding points, in the direction of the member in the middle.

    points: shape (r, p, 2), resampled lines (similarity.resampled). index: the cluster of each row, ascending from 0,
    none left out. weight: shape (r,), above 0.
    """
    rows, steps, _ = points.shape
    mass = np.ones(rows) if weight is None else weight
    laid = points.copy()
    for first, end in runs(index):
        laid[first:end] = _in_one_direction(points[first:end])
    at = (np.arange(steps)[None, :] + steps * index[:, None]).ravel()
    order = np.argsort(at, kind="stable")
    return geometric_medians(laid.reshape(-1, 2)[order], at[order], np.repeat(mass, steps)[order]).reshape(-1, steps, 2)


def _in_one_direction(members: FloatArray) -> FloatArray:
    apart = np.array([line_distance(members, np.broadcast_to(each, members.shape)).sum() for each in members])
    middle = members[int(np.argmin(apart))]
    forth = np.linalg.norm(members - middle, axis=2).mean(axis=1)
    back = np.linalg.norm(members[:, ::-1] - middle, axis=2).mean(axis=1)
    return np.where((back < forth)[:, None, None], members[:, ::-1], members)
