"""Geometry types: what the pipeline in clustering.py needs to know of a geometry. Each type is one class.

A class holds n geometries in columns, in pixels of the upright image, with angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import MAX_COORDINATE, Method
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import (
    Spreads,
    box_spreads,
    fuse_boxes,
    fuse_rotated_boxes,
    rotated_spreads,
)
from annotary_core.aggregation.objects.fuse_points import fuse_keypoints, fuse_polylines, geometric_medians
from annotary_core.aggregation.objects.matching import Similarity
from annotary_core.aggregation.objects.similarity import (
    AreaSimilarity,
    BoxSimilarity,
    KeypointSimilarity,
    PointSimilarity,
    PolylineSimilarity,
    corners_around,
    rotated_corners,
)
from annotary_core.labels.arrays import FloatArray, IntArray

#: Minimum weight, so that a location exists even if no worker is trusted.
_MIN_WEIGHT = 1e-9


class GeometryColumn(Protocol):
    """n geometries of one type. `index` is the cluster of each row: rows grouped by cluster, ascending from 0."""

    def sort_keys(self) -> FloatArray:
        """Return sort keys that distinguish the geometries, shape (n, k), most significant column first."""
        ...

    def boxes(self) -> FloatArray:
        """Return the axis-aligned bounding boxes, shape (n, 4)."""
        ...

    def similarity(self) -> Similarity: ...

    def take(self, rows: IntArray) -> Self: ...

    def concat(self, other: Self) -> Self:
        """Return these geometries followed by the others."""
        ...

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Self:
        """Fuse each cluster into one geometry; trust: shape (n,), non-negative, for workers without estimated rates."""
        ...

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads | None:
        """Estimate each worker's localization error; None for types that weight workers by trust alone."""
        ...


@dataclass(frozen=True, slots=True)
class Boxes:
    """Upright boxes. box: shape (n, 4), x1, y1, x2, y2."""

    box: FloatArray

    @classmethod
    def of(cls, corners: ArrayLike) -> Boxes:
        """Read corners from anything that numpy reads. Raises ValueError for boxes without area or finite corners."""
        box = np.asarray(corners, np.float64).reshape(-1, 4)
        if not (np.abs(box) <= MAX_COORDINATE).all() or (box[:, 2:] <= box[:, :2]).any():
            raise ValueError("Every box needs finite corners below 1e9, the second right of and below the first.")
        return cls(box)

    def sort_keys(self) -> FloatArray:
        return self.box

    def boxes(self) -> FloatArray:
        return self.box

    def similarity(self) -> BoxSimilarity:
        return BoxSimilarity(self.box)

    def take(self, rows: IntArray) -> Boxes:
        return Boxes(self.box[rows])

    def concat(self, other: Boxes) -> Boxes:
        return Boxes(np.concatenate([self.box, other.box]))

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Boxes:
        return Boxes(fuse_boxes(self.box, index, worker, rates, trust=trust))

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
        return box_spreads(self.box, index, worker, pooled=pooled)


@dataclass(frozen=True, slots=True)
class RotatedBoxes:
    """Rotated boxes. rotated: shape (n, 5), cx, cy, w, h, angle. Raises ValueError for boxes without area."""

    rotated: FloatArray

    def __post_init__(self) -> None:
        if not np.isfinite(self.rotated).all() or (self.rotated[:, 2:4] <= 0).any():
            raise ValueError("Every rotated box needs finite numbers, and a width and a height above 0.")

    def sort_keys(self) -> FloatArray:
        return self.rotated

    def boxes(self) -> FloatArray:
        corners = rotated_corners(self.rotated)
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

    def similarity(self) -> AreaSimilarity:
        return AreaSimilarity.of_rotated(self.rotated)

    def take(self, rows: IntArray) -> RotatedBoxes:
        return RotatedBoxes(self.rotated[rows])

    def concat(self, other: RotatedBoxes) -> RotatedBoxes:
        return RotatedBoxes(np.concatenate([self.rotated, other.rotated]))

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> RotatedBoxes:
        return RotatedBoxes(fuse_rotated_boxes(self.rotated, index, worker, rates, trust=trust))

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
        return rotated_spreads(self.rotated, index, worker, pooled=pooled)


@dataclass(frozen=True, slots=True)
class Points:
    """Points. xy: shape (n, 2). scale: typical distance between two workers' placements of a point, in pixels."""

    xy: FloatArray
    scale: float

    def sort_keys(self) -> FloatArray:
        return self.xy

    def boxes(self) -> FloatArray:
        return np.concatenate([self.xy, self.xy], axis=1)

    def similarity(self) -> PointSimilarity:
        return PointSimilarity(self.xy, self.scale)

    def take(self, rows: IntArray) -> Points:
        return Points(self.xy[rows], self.scale)

    def concat(self, other: Points) -> Points:
        return Points(np.concatenate([self.xy, other.xy]), self.scale)

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Points:
        return Points(geometric_medians(self.xy, index, np.maximum(trust, _MIN_WEIGHT)), self.scale)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Polylines:
    """Polylines. points: shape (n, p, 2), from similarity.resample_all. scale, share: see PolylineSimilarity."""

    points: FloatArray
    scale: float | None = None
    share: float = 0.1

    def sort_keys(self) -> FloatArray:
        return self.points.reshape(len(self.points), 2 * self.points.shape[1])

    def boxes(self) -> FloatArray:
        return np.concatenate([self.points.min(axis=1), self.points.max(axis=1)], axis=1)

    def similarity(self) -> PolylineSimilarity:
        return PolylineSimilarity(self.points, self.scale, self.share)

    def take(self, rows: IntArray) -> Polylines:
        return Polylines(self.points[rows], self.scale, self.share)

    def concat(self, other: Polylines) -> Polylines:
        return Polylines(np.concatenate([self.points, other.points]), self.scale, self.share)

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Polylines:
        return Polylines(fuse_polylines(self.points, index, np.maximum(trust, _MIN_WEIGHT)), self.scale, self.share)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Skeletons. xy: shape (n, j, 2). visible: shape (n, j), 0 not labeled, 1 occluded, 2 visible. sigmas: shape (j,).

    method: determines the visibility of each joint; None means majority.
    """

    xy: FloatArray
    visible: IntArray
    sigmas: FloatArray
    method: Method | None = field(default=None)

    def sort_keys(self) -> FloatArray:
        labeled_xy = np.where((self.visible > 0)[:, :, None], self.xy, 0.0).reshape(len(self.xy), 2 * self.xy.shape[1])
        return np.concatenate([labeled_xy, self.visible.astype(np.float64)], axis=1)

    def boxes(self) -> FloatArray:
        return np.concatenate(corners_around(self.xy, self.visible > 0), axis=1)

    def similarity(self) -> KeypointSimilarity:
        return KeypointSimilarity.from_joints(self.xy, self.visible > 0, sigmas=self.sigmas)

    def take(self, rows: IntArray) -> Keypoints:
        return Keypoints(self.xy[rows], self.visible[rows], self.sigmas, self.method)

    def concat(self, other: Keypoints) -> Keypoints:
        columns = np.concatenate([self.xy, other.xy]), np.concatenate([self.visible, other.visible])
        return Keypoints(*columns, self.sigmas, self.method)

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Keypoints:
        consensus = fuse_keypoints(self.xy, self.visible, index, worker, weight=trust, method=self.method)
        return Keypoints(consensus.xy, consensus.visible, self.sigmas, self.method)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None
