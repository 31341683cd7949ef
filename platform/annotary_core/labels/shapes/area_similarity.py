"""IoU of arbitrary areas: polygons with holes and several parts, rotated boxes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from annotary_core.labels.arrays import FloatArray, IntArray

#: Grid size in pixels to which corners snap when two areas are intersected.
_GRID = 1e-6


#: Intersections that are remembered at most, of about 150 bytes each.
_REMEMBERED = 500_000


class Overlaps:
    """Remembers the intersections of areas, for clustering, fusing and replays, which compare the same pairs again."""

    def __init__(self) -> None:
        self._known: dict[int, float] = {}

    def of(self, areas: NDArray[np.object_], numbers: IntArray, first: IntArray, second: IntArray) -> FloatArray:
        """Return the area of the intersection of each pair of rows. numbers: the same for the same area, below 2^31."""
        a, b = numbers[first], numbers[second]
        pairs = ((np.minimum(a, b) << 32) | np.maximum(a, b)).tolist()
        new = np.array([pair not in self._known for pair in pairs], np.bool_)
        out = np.array([self._known.get(pair, 0.0) for pair in pairs], np.float64)
        out[new] = _intersections(areas[first[new]], areas[second[new]])
        if len(self._known) < _REMEMBERED:
            self._known.update(zip(pairs, out.tolist(), strict=True))
        return out


@dataclass(frozen=True, slots=True)
class AreaSimilarity:
    """IoU by polygon overlay, exact to a millionth of a pixel. areas: valid shapely geometries, shape (n,).

    numbers, overlaps: see `Overlaps`; without numbers, every intersection is computed.
    """

    areas: NDArray[np.object_]
    numbers: IntArray | None = None
    overlaps: Overlaps = field(default_factory=Overlaps)

    @property
    def bounds(self) -> FloatArray:
        out: FloatArray = shapely.bounds(self.areas).reshape(-1, 4)
        return out

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        if self.numbers is None:
            intersection = _intersections(self.areas[first], self.areas[second])
        else:
            intersection = self.overlaps.of(self.areas, self.numbers, first, second)
        union = shapely.area(self.areas[first]) + shapely.area(self.areas[second]) - intersection
        out: FloatArray = np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)
        return np.minimum(out, 1.0)


def _intersections(first: NDArray[np.object_], second: NDArray[np.object_]) -> FloatArray:
    # On a grid: for shapes that differ by rounding errors, the plain overlay can return two points and no area.
    out: FloatArray = shapely.area(shapely.intersection(first, second, grid_size=_GRID))
    return out


def valid_areas(areas: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the areas with self-intersections resolved by the even-odd rule, as rasterization would fill them."""
    out: NDArray[np.object_] = shapely.make_valid(areas)
    # Lines that an outline draws to and fro have no area, and overlays of areas and lines fail.
    for at in np.flatnonzero(shapely.get_type_id(out) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(shapely.get_parts(out[at]))
        out[at] = shapely.union_all(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return out
