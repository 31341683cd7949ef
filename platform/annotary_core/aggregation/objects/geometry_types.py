"""Kinds of objects: what the pipeline of agreeing.py must know of a geometry. A kind is one class here.

All of them hold n drawings in columns, in pixels of the upright image, angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np

from annotary_core.aggregation.base import Method
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import Spreads
from annotary_core.aggregation.objects.fuse_lines import agreed_lines
from annotary_core.aggregation.objects.fuse_points import agreed_keypoints, geometric_medians
from annotary_core.aggregation.objects.fuse_rotated_boxes import agreed_rotated, rotated_spreads
from annotary_core.aggregation.objects.fuse_upright_boxes import agreed_boxes, box_spreads
from annotary_core.aggregation.objects.matching import Similarity
from annotary_core.aggregation.objects.similarity import (
    AreaSimilarity,
    BoxSimilarity,
    KeypointSimilarity,
    LineSimilarity,
    PointSimilarity,
    corners_around,
    rotated_corners,
)
from annotary_core.labels.arrays import FloatArray, IntArray

#: No weight is smaller, so that a place can be found where nobody is trusted.
_LEAST_WEIGHT = 1e-9


class Kind(Protocol):
    """n drawings. `index` is the cluster of each drawing, those of a cluster together, ascending from 0."""

    def keys(self) -> FloatArray:
        """Shape (n, k): what tells drawings apart, most significant column first."""
        ...

    def boxes(self) -> FloatArray:
        """The upright boxes around the drawings, shape (n, 4)."""
        ...

    def similarity(self) -> Similarity: ...

    def taken(self, rows: IntArray) -> Self: ...

    def joined(self, other: Self) -> Self:
        """These drawings, then the others."""
        ...

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Self:
        """One object a cluster; trust: shape (n,), 0 and above, for workers without learnt rates."""
        ...

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads | None:
        """How far each worker is off; None for kinds that weigh workers by trust alone."""
        ...


@dataclass(frozen=True, slots=True)
class Boxes:
    """box: shape (n, 4), x1, y1, x2, y2."""

    box: FloatArray

    def keys(self) -> FloatArray:
        return self.box

    def boxes(self) -> FloatArray:
        return self.box

    def similarity(self) -> BoxSimilarity:
        return BoxSimilarity(self.box)

    def taken(self, rows: IntArray) -> Boxes:
        return Boxes(self.box[rows])

    def joined(self, other: Boxes) -> Boxes:
        return Boxes(np.concatenate([self.box, other.box]))

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Boxes:
        return Boxes(agreed_boxes(self.box, index, worker, rates, trust=trust))

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
        return box_spreads(self.box, index, worker, pooled=pooled)


@dataclass(frozen=True, slots=True)
class RotatedBoxes:
    """rotated: shape (n, 5), cx, cy, w, h, angle. Raises ValueError for boxes without an area."""

    rotated: FloatArray

    def __post_init__(self) -> None:
        if not np.isfinite(self.rotated).all() or (self.rotated[:, 2:4] <= 0).any():
            raise ValueError("Every rotated box needs finite numbers, and a width and a height above 0.")

    def keys(self) -> FloatArray:
        return self.rotated

    def boxes(self) -> FloatArray:
        corners = rotated_corners(self.rotated)
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

    def similarity(self) -> AreaSimilarity:
        return AreaSimilarity.of_rotated(self.rotated)

    def taken(self, rows: IntArray) -> RotatedBoxes:
        return RotatedBoxes(self.rotated[rows])

    def joined(self, other: RotatedBoxes) -> RotatedBoxes:
        return RotatedBoxes(np.concatenate([self.rotated, other.rotated]))

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> RotatedBoxes:
        return RotatedBoxes(agreed_rotated(self.rotated, index, worker, rates, trust=trust))

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
        return rotated_spreads(self.rotated, index, worker, pooled=pooled)


@dataclass(frozen=True, slots=True)
class Points:
    """xy: shape (n, 2). scale: how far apart two workers usually set the same point, in pixels."""

    xy: FloatArray
    scale: float

    def keys(self) -> FloatArray:
        return self.xy

    def boxes(self) -> FloatArray:
        return np.concatenate([self.xy, self.xy], axis=1)

    def similarity(self) -> PointSimilarity:
        return PointSimilarity(self.xy, self.scale)

    def taken(self, rows: IntArray) -> Points:
        return Points(self.xy[rows], self.scale)

    def joined(self, other: Points) -> Points:
        return Points(np.concatenate([self.xy, other.xy]), self.scale)

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Points:
        return Points(geometric_medians(self.xy, index, np.maximum(trust, _LEAST_WEIGHT)), self.scale)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Lines:
    """points: shape (n, p, 2), from similarity.resampled_all. scale, share: see LineSimilarity."""

    points: FloatArray
    scale: float | None = None
    share: float = 0.1

    def keys(self) -> FloatArray:
        return self.points.reshape(len(self.points), 2 * self.points.shape[1])

    def boxes(self) -> FloatArray:
        return np.concatenate([self.points.min(axis=1), self.points.max(axis=1)], axis=1)

    def similarity(self) -> LineSimilarity:
        return LineSimilarity(self.points, self.scale, self.share)

    def taken(self, rows: IntArray) -> Lines:
        return Lines(self.points[rows], self.scale, self.share)

    def joined(self, other: Lines) -> Lines:
        return Lines(np.concatenate([self.points, other.points]), self.scale, self.share)

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Lines:
        return Lines(agreed_lines(self.points, index, np.maximum(trust, _LEAST_WEIGHT)), self.scale, self.share)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Keypoints:
    """xy: shape (n, j, 2). visible: shape (n, j), 0 not labeled, 1 hidden, 2 seen. sigmas: shape (j,).

    method: finds the visibility of each joint; None means majority.
    """

    xy: FloatArray
    visible: IntArray
    sigmas: FloatArray
    method: Method | None = field(default=None)

    def keys(self) -> FloatArray:
        placed = np.where((self.visible > 0)[:, :, None], self.xy, 0.0).reshape(len(self.xy), 2 * self.xy.shape[1])
        return np.concatenate([placed, self.visible.astype(np.float64)], axis=1)

    def boxes(self) -> FloatArray:
        return np.concatenate(corners_around(self.xy, self.visible > 0), axis=1)

    def similarity(self) -> KeypointSimilarity:
        return KeypointSimilarity.from_joints(self.xy, self.visible > 0, sigmas=self.sigmas)

    def taken(self, rows: IntArray) -> Keypoints:
        return Keypoints(self.xy[rows], self.visible[rows], self.sigmas, self.method)

    def joined(self, other: Keypoints) -> Keypoints:
        both = np.concatenate([self.xy, other.xy]), np.concatenate([self.visible, other.visible])
        return Keypoints(*both, self.sigmas, self.method)

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Keypoints:
        found = agreed_keypoints(self.xy, self.visible, index, worker, weight=trust, method=self.method)
        return Keypoints(found.xy, found.visible, self.sigmas, self.method)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None
