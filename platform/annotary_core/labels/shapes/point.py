"""Points in columns, for consensus; schemas do not offer them yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.nearness import FLOOR, check_scale, floored


@dataclass(frozen=True, slots=True)
class PointSimilarity:
    """exp(-d² / 2 s²) for the distance d of two points. xy: shape (n, 2).

    scale: s in pixels, the typical distance between two workers' placements of the same point.
    """

    xy: FloatArray
    scale: float

    def __post_init__(self) -> None:
        check_scale(self.scale)

    @property
    def bounds(self) -> FloatArray:
        # Two bounds touch up to twice this distance, at which the similarity is FLOOR.
        reach = self.scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        return np.concatenate([self.xy - reach, self.xy + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        squared_distance = ((self.xy[first] - self.xy[second]) ** 2).sum(axis=1)
        return floored(np.exp(-squared_distance / (2 * self.scale**2)))


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
