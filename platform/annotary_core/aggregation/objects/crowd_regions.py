"""Crowd regions: one drawing over many instances that cannot be told apart (COCO's iscrowd).

The rule. Crowd regions match crowd regions alone. An object lies in a region when more than half of its own area does.
For each agreed region, two camps drew that place: those who drew the region, and those who drew objects in it one by
one and not the region.

- If fewer drew objects than the region, or equally many, the region stands: the objects in it are absorbed. Their
  drawers count as having seen the region, and the objects are no results of their own.
- If more drew objects, the objects stand, each with its own posterior. The region stays a cluster whose posterior
  counts them as silent.

Either way whoever drew the region is not silent about an object in it: he saw something there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: The share of an object's own area that lies in a region when the object belongs to it.
INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class CrowdReading:
    """absorbed_by: the region that takes each cluster in, -1 for none, shape (m,).

    witnesses: the drawers of each cluster, with those of the objects that a region took in. excused: those who drew a
    region around the cluster.
    """

    absorbed_by: IntArray
    witnesses: list[IntArray]
    excused: list[IntArray]


def read_crowds(task: IntArray, box: FloatArray, is_crowd: BoolArray, drawers: Sequence[IntArray]) -> CrowdReading:
    """task, is_crowd: shape (m,); box: shape (m, 4), around the agreed objects; drawers: the workers of each."""
    absorbed = np.full(len(task), -1, np.int64)
    witnesses = [each.copy() for each in drawers]
    excused = [np.empty(0, np.int64) for _ in drawers]
    for region in np.flatnonzero(is_crowd).tolist():
        near = np.flatnonzero((task == task[region]) & ~is_crowd)
        inside = near[_share_inside(box[near], box[region]) > INSIDE].tolist()
        camp = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *(drawers[at] for at in inside)]), drawers[region])
        stands = len(camp) <= len(drawers[region])
        if stands:
            witnesses[region] = np.union1d(witnesses[region], camp)
        for at in inside:
            excused[at] = np.union1d(excused[at], drawers[region])
            if stands and absorbed[at] < 0:
                absorbed[at] = region
    return CrowdReading(absorbed, witnesses, excused)


def _share_inside(box: FloatArray, region: FloatArray) -> FloatArray:
    # A point or an upright line has no area of its own; a sliver stands in for it.
    thin = np.maximum(box[:, 2:], box[:, :2] + 1e-6)
    sides = np.minimum(thin, region[2:]) - np.maximum(box[:, :2], region[:2])
    share: FloatArray = np.prod(np.clip(sides, 0.0, None), axis=1) / np.prod(thin - box[:, :2], axis=1)
    return share
