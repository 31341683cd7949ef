"""Agreed points and keypoints: the geometric median, which half of the workers cannot drag away.

Weiszfeld's iteration, with the rule of Vardi and Zhang (2000) for an optimum that lies on one of the points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.labels.arrays import FloatArray, IntArray

_ITERATIONS = 500
#: Pixels: a step shorter than this ends the search.
_CLOSE = 1e-7


def geometric_medians(xy: FloatArray, index: IntArray, weight: FloatArray | None = None) -> FloatArray:
    """The place with the smallest weighted sum of distances to the rows of each cluster, shape (m, 2).

    xy: shape (r, 2). index: shape (r,), the cluster of each row, ascending from 0, none left out. weight: above 0.
    Where a whole stretch is best (two equal points, say), the place reached from the weighted mean.
    """
    if not len(xy):
        return np.zeros((0, 2))
    mass = np.ones(len(xy)) if weight is None else weight.astype(np.float64)
    total = np.bincount(index, mass)[:, None]
    here: FloatArray = _sums(xy * mass[:, None], index) / total
    best = _optimal_rows(xy, index, mass)
    here[index[best]] = xy[best]
    searching = np.ones(len(here), np.bool_)
    searching[index[best]] = False
    for _ in range(_ITERATIONS):
        live = searching[index]
        if not live.any():
            break
        moved = _step(xy[live], index[live], mass[live], here)
        length = np.linalg.norm(moved - here, axis=1)
        here = np.where(searching[:, None], moved, here)
        searching &= length > _CLOSE
    return here


def _step(xy: FloatArray, index: IntArray, mass: FloatArray, here: FloatArray) -> FloatArray:
    """Vardi and Zhang: the Weiszfeld step over the other points, held back by the mass of a point that is hit."""
    away = xy - here[index]
    far = np.linalg.norm(away, axis=1)
    hit = far < _CLOSE
    share = np.where(hit, 0.0, mass / np.where(hit, 1.0, far))
    total = np.bincount(index, share, len(here))
    pull = np.stack([np.bincount(index, share * away[:, axis], len(here)) for axis in (0, 1)], axis=1)
    held = np.bincount(index, np.where(hit, mass, 0.0), len(here))
    strength = np.linalg.norm(pull, axis=1)
    keep = np.clip(1 - np.divide(held, strength, out=np.ones_like(held), where=strength > 0), 0.0, 1.0)
    keep = np.where(held > 0, keep, 1.0)
    step = np.divide(pull, total[:, None], out=np.zeros_like(pull), where=total[:, None] > 0)
    moved: FloatArray = here + keep[:, None] * step
    return moved


def _optimal_rows(xy: FloatArray, index: IntArray, mass: FloatArray) -> IntArray:
    """Rows that are the median: the others pull less than the mass that lies there. At most one a cluster."""
    count = np.bincount(index)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    first = np.repeat(np.arange(len(xy)), count[index])
    ahead = np.arange(len(first)) - np.repeat(np.cumsum(count[index]) - count[index], count[index])
    second = start[index[first]] + ahead
    away = xy[second] - xy[first]
    far = np.linalg.norm(away, axis=1)
    same = far < _CLOSE
    share = np.where(same, 0.0, mass[second] / np.where(same, 1.0, far))
    pull = np.hypot(*(np.bincount(first, share * away[:, axis], len(xy)) for axis in (0, 1)))
    held = np.bincount(first, np.where(same, mass[second], 0.0), len(xy))
    rows = np.flatnonzero(pull < held * (1 - 1e-9))
    # Rows in one place are all the median; the first of them speaks.
    return rows[np.diff(index[rows], prepend=-1) > 0]


def _sums(values: FloatArray, index: IntArray) -> FloatArray:
    return np.stack([np.bincount(index, values[:, axis]) for axis in range(values.shape[1])], axis=1)


@dataclass(frozen=True, slots=True)
class AgreedKeypoints:
    """xy: shape (m, j, 2), 0 where the joint is not labeled. visible: shape (m, j), 0 not labeled, 1 hidden, 2 seen.

    visibility: the class result of each joint; its tasks are cluster times j plus joint.
    """

    xy: FloatArray
    visible: IntArray
    visibility: Consensus


def agreed_keypoints(
    xy: FloatArray,
    visible: IntArray,
    index: IntArray,
    worker: IntArray,
    *,
    weight: FloatArray | None = None,
    method: Method | None = None,
) -> AgreedKeypoints:
    """One skeleton a cluster. xy: shape (r, j, 2); visible: shape (r, j), 0, 1 or 2; `index` as in geometric_medians.

    The visibility of a joint is a class of its own, found by `method` (majority unless another is given); its place is
    the geometric median of those who placed it.
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
    seen = np.zeros(clusters * joints, np.int64)
    seen[votes.task] = votes.label
    place = np.zeros((clusters * joints, 2))
    placed = (visible > 0).ravel()
    # A worker without any weight still shows a place where nobody else does.
    some, at = np.unique(joint.ravel()[placed], return_inverse=True)
    order = np.argsort(at, kind="stable")
    mass_of = np.maximum(np.repeat(mass, joints)[placed], 1e-9)
    place[some] = geometric_medians(xy.reshape(-1, 2)[placed][order], at[order].astype(np.int64), mass_of[order])
    place[seen == 0] = 0.0
    return AgreedKeypoints(place.reshape(clusters, joints, 2), seen.reshape(clusters, joints), votes)
