"""IoU of arbitrary areas: polygons with holes and several parts, rotated boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from annotary_core.labels.arrays import FloatArray, IntArray

#: Grid size in pixels to which corners snap when two areas are intersected.
_GRID = 1e-6


@dataclass(frozen=True, slots=True)
class AreaSimilarity:
    """IoU by polygon overlay, exact to a millionth of a pixel. areas: valid shapely geometries, shape (n,)."""

    areas: NDArray[np.object_]

    @property
    def bounds(self) -> FloatArray:
        out: FloatArray = shapely.bounds(self.areas).reshape(-1, 4)
        return out

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        # On a grid: for shapes that differ by rounding errors, the plain overlay can return two points and no area.
        intersection = shapely.area(shapely.intersection(self.areas[first], self.areas[second], grid_size=_GRID))
        union = shapely.area(self.areas[first]) + shapely.area(self.areas[second]) - intersection
        out: FloatArray = np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)
        return np.minimum(out, 1.0)


def valid_areas(areas: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the areas with self-intersections resolved by the even-odd rule, as rasterization would fill them."""
    out: NDArray[np.object_] = shapely.make_valid(areas)
    # Lines that an outline draws to and fro have no area, and overlays of areas and lines fail.
    for at in np.flatnonzero(shapely.get_type_id(out) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(shapely.get_parts(out[at]))
        out[at] = shapely.union_all(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return out
