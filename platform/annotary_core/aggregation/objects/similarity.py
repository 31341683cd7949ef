"""Similarity of two objects of one geometry type: 0 for disjoint objects, 1 for identical ones.

Each class holds its objects in columns and implements `bounds` and `of(first, second)` of matching.Similarity. All
coordinates are pixels of the upright image, angles are radians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import aligned_iou

#: Similarities below this are 0, which bounds the neighbor search.
FLOOR = 0.01
#: Grid size in pixels to which corners snap when two areas are intersected.
_GRID = 1e-6
#: Number of points along a polyline at which two polylines are compared.
POLYLINE_POINTS = 32
#: Per-joint sigmas of the 17 COCO person keypoints, from the reference evaluation code.
COCO_SIGMAS: tuple[float, ...] = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
    0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BoxSimilarity:
    """IoU of upright boxes. box: shape (n, 4), x1, y1, x2, y2."""

    box: FloatArray

    @property
    def bounds(self) -> FloatArray:
        return self.box

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        return aligned_iou(self.box[first], self.box[second])


@dataclass(frozen=True, slots=True)
class AreaSimilarity:
    """IoU of arbitrary areas: polygons with holes and several parts, rotated boxes. shapes: shape (n,).

    Computed by polygon overlay, exact to a millionth of a pixel. Self-intersecting areas are made valid first (even-odd
    rule, as rasterization would fill them).
    """

    shapes: NDArray[np.object_]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", shapely.make_valid(self.shapes))

    @classmethod
    def of_rotated(cls, rotated: FloatArray) -> AreaSimilarity:
        """Build from rows cx, cy, w, h, angle; see rotated_corners."""
        return cls(np.atleast_1d(np.asarray(shapely.polygons(rotated_corners(rotated)), np.object_)))

    @property
    def bounds(self) -> FloatArray:
        out: FloatArray = shapely.bounds(self.shapes).reshape(-1, 4)
        return out

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        # On a grid: for shapes that differ by rounding errors, the plain overlay can return two points and no area.
        intersection = shapely.area(shapely.intersection(self.shapes[first], self.shapes[second], grid_size=_GRID))
        union = shapely.area(self.shapes[first]) + shapely.area(self.shapes[second]) - intersection
        out: FloatArray = np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)
        return np.minimum(out, 1.0)


@dataclass(frozen=True, slots=True)
class PointSimilarity:
    """exp(-d² / 2 s²) for the distance d of two points. xy: shape (n, 2).

    scale: s in pixels, the typical distance between two workers' placements of the same point.
    """

    xy: FloatArray
    scale: float

    def __post_init__(self) -> None:
        _check_scale(self.scale)

    @property
    def bounds(self) -> FloatArray:
        # Two bounds touch up to twice this distance, at which the similarity is FLOOR.
        reach = self.scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        return np.concatenate([self.xy - reach, self.xy + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        squared_distance = ((self.xy[first] - self.xy[second]) ** 2).sum(axis=1)
        return _floored(np.exp(-squared_distance / (2 * self.scale**2)))


@dataclass(frozen=True, slots=True)
class PolylineSimilarity:
    """exp(-d² / 2 s²) for the mean distance d of corresponding points of two polylines.

    Both polylines are resampled at equal arc lengths, in the better direction (a polyline has no start), and d is the
    mean distance of corresponding points: a smooth relative of the Fréchet distance, which also penalizes a polyline
    that covers half of another. scale: s in pixels; None means `share` of the mean length of the two.

    points: shape (n, POLYLINE_POINTS, 2), from `resample`.
    """

    points: FloatArray
    scale: float | None = None
    share: float = 0.1
    length: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        _check_scale(self.share if self.scale is None else self.scale)
        object.__setattr__(self, "length", np.linalg.norm(np.diff(self.points, axis=1), axis=2).sum(axis=1))

    @classmethod
    def from_lines(
        cls, lines: Sequence[FloatArray], *, scale: float | None = None, share: float = 0.1
    ) -> PolylineSimilarity:
        """Build from vertices, each of shape (v, 2)."""
        return cls(resample_all(lines), scale=scale, share=share)

    @property
    def bounds(self) -> FloatArray:
        # Similar polylines are never further apart than this: the mean length of two is at most the largest length.
        scale = self.scale if self.scale is not None else self.share * float(self.length.max(initial=0.0))
        reach = scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        low, high = self.points.min(axis=1), self.points.max(axis=1)
        return np.concatenate([low - reach, high + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        distance = polyline_distance(self.points[first], self.points[second])
        scale = self.scale if self.scale is not None else self.share * (self.length[first] + self.length[second]) / 2
        ratio = np.divide(distance, scale, out=np.where(distance > 0, np.inf, 0.0), where=np.asarray(scale) > 0)
        return _floored(np.exp(-(ratio**2) / 2))


@dataclass(frozen=True, slots=True)
class KeypointSimilarity:
    """Object keypoint similarity (COCO; Lin et al. 2014): the mean over joints of exp(-d² / 2 s² k²), k = 2 sigma.

    Only joints that both workers placed count; without a common joint the similarity is 0. s² is the object's area:
    COCO uses that of the ground truth; here neither object is ground truth, so it is the geometric mean of both.

    xy: shape (n, j, 2). placed: shape (n, j), whether a joint has a position. area: square pixels, shape (n,).
    sigmas: shape (j,); COCO_SIGMAS for people, .05 is usual for other skeletons.
    """

    xy: FloatArray
    placed: BoolArray
    area: FloatArray
    sigmas: FloatArray

    @classmethod
    def from_joints(
        cls, xy: FloatArray, placed: BoolArray, *, sigmas: FloatArray, area: FloatArray | None = None
    ) -> KeypointSimilarity:
        """Build from joints; `area` defaults to that of the box around the placed joints (at least 1 square pixel)."""
        if area is None:
            low, high = corners_around(xy, placed)
            area = np.maximum((high - low).prod(axis=1), 1.0)
        return cls(xy=xy, placed=placed, area=area, sigmas=sigmas)

    @property
    def bounds(self) -> FloatArray:
        # Similar objects have at least one near joint, measured at the scale of the largest object.
        max_scale = np.sqrt(self.area.max(initial=0.0)) * 2 * self.sigmas.max(initial=0.0)
        reach = max_scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        low, high = corners_around(self.xy, self.placed)
        return np.concatenate([low - reach, high + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        both = self.placed[first] & self.placed[second]
        squared_distance = ((self.xy[first] - self.xy[second]) ** 2).sum(axis=2)
        area = np.sqrt(self.area[first] * self.area[second])
        closeness = np.exp(-squared_distance / (2 * area[:, None] * (2 * self.sigmas) ** 2))
        common_count = both.sum(axis=1)
        total = np.where(both, closeness, 0.0).sum(axis=1)
        return _floored(np.divide(total, common_count, out=np.zeros(len(total)), where=common_count > 0))


def rotated_corners(rotated: FloatArray) -> FloatArray:
    """Return the corners in order, shape (n, 4, 2), of rows cx, cy, w, h, angle (from the x axis toward the y axis)."""
    cos, sin = np.cos(rotated[:, 4]), np.sin(rotated[:, 4])
    along = np.stack([cos, sin], axis=1)[:, None, :] * (rotated[:, 2, None, None] / 2)
    across = np.stack([-sin, cos], axis=1)[:, None, :] * (rotated[:, 3, None, None] / 2)
    a, b = np.array([-1.0, 1.0, 1.0, -1.0])[None, :, None], np.array([-1.0, -1.0, 1.0, 1.0])[None, :, None]
    corners: FloatArray = rotated[:, None, :2] + a * along + b * across
    return corners


def resample(line: FloatArray, points: int = POLYLINE_POINTS) -> FloatArray:
    """Resample a polyline at equal arc lengths, shape (points, 2), both ends included.

    Raises ValueError for a polyline without vertices.
    """
    if not len(line):
        raise ValueError("A line needs at least one point.")
    arc_length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0.0, arc_length[-1], points)
    return np.stack([np.interp(at, arc_length, line[:, axis]) for axis in (0, 1)], axis=1)


def resample_all(lines: Sequence[FloatArray], points: int = POLYLINE_POINTS) -> FloatArray:
    """Resample each polyline, shape (n, points, 2)."""
    return np.array([resample(np.asarray(line, np.float64), points) for line in lines]).reshape(-1, points, 2)


def polyline_distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the mean distance of corresponding points in the better direction; shapes (p, points, 2), result (p,)."""
    forward = np.linalg.norm(a - b, axis=2).mean(axis=1)
    backward = np.linalg.norm(a - b[:, ::-1], axis=2).mean(axis=1)
    out: FloatArray = np.minimum(forward, backward)
    return out


def corners_around(xy: FloatArray, placed: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the bounding-box corners of the placed joints, each (n, 2); (0, 0) for an object without joints."""
    has_joint = placed.sum(axis=1)[:, None] > 0
    low = np.where(placed[:, :, None], xy, np.inf).min(axis=1)
    high = np.where(placed[:, :, None], xy, -np.inf).max(axis=1)
    return np.where(has_joint, low, 0.0), np.where(has_joint, high, 0.0)


def _floored(value: FloatArray) -> FloatArray:
    return np.where(value < FLOOR, 0.0, value)


def _check_scale(scale: float) -> None:
    if not scale > 0:
        raise ValueError("The scale must be above 0; pass the distance in pixels that still counts as near.")
