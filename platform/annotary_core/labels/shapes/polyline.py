"""Polylines in columns, for consensus; schemas do not offer them yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.nearness import FLOOR, check_scale, floored

#: Number of points along a polyline at which two polylines are compared.
POLYLINE_POINTS = 32


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
        check_scale(self.share if self.scale is None else self.scale)
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
        return floored(np.exp(-(ratio**2) / 2))


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
