"""Consensus points, keypoints and polylines: the geometric median, whose breakdown point is one half.

Weiszfeld's iteration, with the rule of Vardi and Zhang (2000) for an optimum at one of the points. The members of a
polyline are resampled by arc length, aligned in direction, and fused point by point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.objects.fuse_boxes import cluster_ranges
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.polyline import polyline_distance

_ITERATIONS = 500
#: The iteration ends at a step shorter than this, in pixels.
_TOLERANCE = 1e-7


def geometric_medians(xy: FloatArray, index: IntArray, weight: FloatArray | None = None) -> FloatArray:
    """Return the point with the smallest weighted sum of distances to the rows of each cluster, shape (m, 2).

    xy: shape (r, 2). index: shape (r,), the cluster of each row, ascending from 0 without gaps. weight: above 0.
    If a whole segment is optimal (two equal points, for example), the point reached from the weighted mean.
    """
    if not len(xy):
        return np.zeros((0, 2))
    mass = np.ones(len(xy)) if weight is None else weight.astype(np.float64)
    total = np.bincount(index, mass)[:, None]
    estimate: FloatArray = _sums(xy * mass[:, None], index) / total
    optimal = _optimal_rows(xy, index, mass)
    estimate[index[optimal]] = xy[optimal]
    searching = np.ones(len(estimate), np.bool_)
    searching[index[optimal]] = False
    for _ in range(_ITERATIONS):
        active = searching[index]
        if not active.any():
            break
        updated = _step(xy[active], index[active], mass[active], estimate)
        length = np.linalg.norm(updated - estimate, axis=1)
        estimate = np.where(searching[:, None], updated, estimate)
        searching &= length > _TOLERANCE
    return estimate


def _step(xy: FloatArray, index: IntArray, mass: FloatArray, estimate: FloatArray) -> FloatArray:
    """Take the Weiszfeld step over the other points, damped by the mass of a point that is hit (Vardi and Zhang)."""
    offset = xy - estimate[index]
    distance = np.linalg.norm(offset, axis=1)
    hit = distance < _TOLERANCE
    share = np.where(hit, 0.0, mass / np.where(hit, 1.0, distance))
    total = np.bincount(index, share, len(estimate))
    pull = np.stack([np.bincount(index, share * offset[:, axis], len(estimate)) for axis in (0, 1)], axis=1)
    hit_mass = np.bincount(index, np.where(hit, mass, 0.0), len(estimate))
    strength = np.linalg.norm(pull, axis=1)
    keep = np.clip(1 - np.divide(hit_mass, strength, out=np.ones_like(hit_mass), where=strength > 0), 0.0, 1.0)
    keep = np.where(hit_mass > 0, keep, 1.0)
    step = np.divide(pull, total[:, None], out=np.zeros_like(pull), where=total[:, None] > 0)
    moved: FloatArray = estimate + keep[:, None] * step
    return moved


def _optimal_rows(xy: FloatArray, index: IntArray, mass: FloatArray) -> IntArray:
    """Return the rows that are the median (the others pull less than the mass there), at most one per cluster."""
    count = np.bincount(index)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    first = np.repeat(np.arange(len(xy)), count[index])
    rank = np.arange(len(first)) - np.repeat(np.cumsum(count[index]) - count[index], count[index])
    second = start[index[first]] + rank
    offset = xy[second] - xy[first]
    distance = np.linalg.norm(offset, axis=1)
    same = distance < _TOLERANCE
    share = np.where(same, 0.0, mass[second] / np.where(same, 1.0, distance))
    pull = np.hypot(*(np.bincount(first, share * offset[:, axis], len(xy)) for axis in (0, 1)))
    own_mass = np.bincount(first, np.where(same, mass[second], 0.0), len(xy))
    rows = np.flatnonzero(pull < own_mass * (1 - 1e-9))
    # Coincident rows are all the median; keep the first.
    return rows[np.diff(index[rows], prepend=-1) > 0]


def _sums(values: FloatArray, index: IntArray) -> FloatArray:
    return np.stack([np.bincount(index, values[:, axis]) for axis in range(values.shape[1])], axis=1)


@dataclass(frozen=True, slots=True)
class KeypointConsensus:
    """Consensus skeletons, one per cluster.

    xy: shape (m, j, 2), 0 where the joint is not labeled. visible: shape (m, j), 0 not labeled, 1 occluded, 2 visible.
    visibility: the class result of each joint; its task numbers are cluster times j plus joint.
    """

    xy: FloatArray
    visible: IntArray
    visibility: Consensus


def fuse_keypoints(
    xy: FloatArray,
    visible: IntArray,
    index: IntArray,
    worker: IntArray,
    *,
    weight: FloatArray | None = None,
    method: Method | None = None,
) -> KeypointConsensus:
    """Fuse each cluster into one skeleton.

    xy: shape (r, j, 2); visible: shape (r, j), 0, 1 or 2; `index` as in geometric_medians. The visibility of a joint is
    a class decision by `method` (majority by default); its position is the geometric median of its placements.
    """
    rows, joints = visible.shape
    clusters = int(index.max()) + 1 if rows else 0
    mass = np.ones(rows) if weight is None else weight
    joint = (index[:, None] * joints + np.arange(joints)).ravel()
    joint_mass = np.repeat(mass, joints)
    votes = (method or Majority()).fit_predict(
        Answers.of(joint, np.repeat(worker, joints), visible.ravel(), weights=joint_mass, classes=[0, 1, 2])
    )
    visibility = np.zeros(clusters * joints, np.int64)
    visibility[votes.task] = votes.label
    positions = _joint_positions(xy.reshape(-1, 2), joint, visible.ravel() > 0, joint_mass, clusters * joints)
    positions[visibility == 0] = 0.0
    return KeypointConsensus(positions.reshape(clusters, joints, 2), visibility.reshape(clusters, joints), votes)


def _joint_positions(xy: FloatArray, joint: IntArray, placed: BoolArray, mass: FloatArray, joints: int) -> FloatArray:
    """Return the geometric median of the placements of each joint, 0 without any, shape (joints, 2)."""
    positions = np.zeros((joints, 2))
    placed_joints, placed_index = np.unique(joint[placed], return_inverse=True)
    order = np.argsort(placed_index, kind="stable")
    # A worker with weight 0 still determines a joint that no other worker placed.
    placed_mass = np.maximum(mass[placed], 1e-9)
    positions[placed_joints] = geometric_medians(
        xy[placed][order], placed_index[order].astype(np.int64), placed_mass[order]
    )
    return positions


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
