"""Rotated boxes in columns, for consensus; schemas do not offer them yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.area_similarity import AreaSimilarity


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
        return AreaSimilarity(np.atleast_1d(np.asarray(shapely.polygons(rotated_corners(self.rotated)), np.object_)))

    def take(self, rows: IntArray) -> RotatedBoxes:
        return RotatedBoxes(self.rotated[rows])

    def concat(self, other: RotatedBoxes) -> RotatedBoxes:
        return RotatedBoxes(np.concatenate([self.rotated, other.rotated]))


def rotated_corners(rotated: FloatArray) -> FloatArray:
    """Return the corners in order, shape (n, 4, 2), of rows cx, cy, w, h, angle (from the x axis toward the y axis)."""
    cos, sin = np.cos(rotated[:, 4]), np.sin(rotated[:, 4])
    along = np.stack([cos, sin], axis=1)[:, None, :] * (rotated[:, 2, None, None] / 2)
    across = np.stack([-sin, cos], axis=1)[:, None, :] * (rotated[:, 3, None, None] / 2)
    a, b = np.array([-1.0, 1.0, 1.0, -1.0])[None, :, None], np.array([-1.0, -1.0, 1.0, 1.0])[None, :, None]
    corners: FloatArray = rotated[:, None, :2] + a * along + b * across
    return corners
