"""Crowd regions: one geometry over many instances that cannot be separated (COCO's iscrowd).

The rule. Crowd regions match only crowd regions. An object lies in a region if more than half of the object's area
does. The area of each consensus region was drawn by two groups of workers: those who drew the region, and those who
drew objects in it individually but not the region.

- If at most as many workers drew objects as drew the region, the region wins: it absorbs the objects in it. Their
  workers count as detections of the region, and the objects are not results of their own.
- If more workers drew objects, the objects win, each with its own posterior. The region remains a cluster whose
  posterior counts these workers as non-detections.

In both cases, a worker who drew the region is not a non-detection of the objects in it: the worker saw something there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: An object belongs to a region if more than this share of the object's area lies in it.
INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class CrowdResolution:
    """The clusters that crowd regions absorb, and the workers who count for each cluster.

    absorbed_by: the region that absorbs each cluster, -1 for none, shape (m,). observers: the workers who drew each
    cluster, including those of the objects that a region absorbed. excused: the workers who drew a region around the
    cluster.
    """

    absorbed_by: IntArray
    observers: list[IntArray]
    excused: list[IntArray]


def resolve_crowd_regions(
    task: IntArray, box: FloatArray, is_crowd: BoolArray, drawers: Sequence[IntArray]
) -> CrowdResolution:
    """Decide between each crowd region and the objects in it.

    task, is_crowd: shape (m,); box: the bounding boxes of the clusters, shape (m, 4); drawers: the workers of each.
    """
    absorbed = np.full(len(task), -1, np.int64)
    observers = [each.copy() for each in drawers]
    excused = [np.empty(0, np.int64) for _ in drawers]
    for region in np.flatnonzero(is_crowd).tolist():
        candidates = np.flatnonzero((task == task[region]) & ~is_crowd)
        inside = candidates[_share_inside(box[candidates], box[region]) > INSIDE].tolist()
        object_drawers = np.setdiff1d(
            np.concatenate([np.empty(0, np.int64), *(drawers[at] for at in inside)]), drawers[region]
        )
        region_wins = len(object_drawers) <= len(drawers[region])
        if region_wins:
            observers[region] = np.union1d(observers[region], object_drawers)
        for at in inside:
            excused[at] = np.union1d(excused[at], drawers[region])
            if region_wins and absorbed[at] < 0:
                absorbed[at] = region
    return CrowdResolution(absorbed, observers, excused)


def _share_inside(box: FloatArray, region: FloatArray) -> FloatArray:
    # A point or an axis-parallel line has no area; use a sliver instead.
    thin = np.maximum(box[:, 2:], box[:, :2] + 1e-6)
    sides = np.minimum(thin, region[2:]) - np.maximum(box[:, :2], region[:2])
    share: FloatArray = np.prod(np.clip(sides, 0.0, None), axis=1) / np.prod(thin - box[:, :2], axis=1)
    return share
