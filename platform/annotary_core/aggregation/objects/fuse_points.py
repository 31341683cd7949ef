"""Consensus points and keypoints: the geometric median, whose breakdown point is one half.

Weiszfeld's iteration, with the rule of Vardi and Zhang (2000) for an optimum at one of the points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.labels.arrays import FloatArray, IntArray

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
    joint = index[:, None] * joints + np.arange(joints)
    votes = (method or Majority()).fit_predict(
        Answers.of(
            joint.ravel(),
            np.repeat(worker, joints),
            visible.ravel(),
            weights=np.repeat(mass, joints),
            classes=[0, 1, 2],
        )
    )
    visibility = np.zeros(clusters * joints, np.int64)
    visibility[votes.task] = votes.label
    positions = np.zeros((clusters * joints, 2))
    placed = (visible > 0).ravel()
    # A worker with weight 0 still determines a joint that no other worker placed.
    placed_joints, placed_index = np.unique(joint.ravel()[placed], return_inverse=True)
    order = np.argsort(placed_index, kind="stable")
    placed_mass = np.maximum(np.repeat(mass, joints)[placed], 1e-9)
    positions[placed_joints] = geometric_medians(
        xy.reshape(-1, 2)[placed][order], placed_index[order].astype(np.int64), placed_mass[order]
    )
    positions[visibility == 0] = 0.0
    return KeypointConsensus(positions.reshape(clusters, joints, 2), visibility.reshape(clusters, joints), votes)
