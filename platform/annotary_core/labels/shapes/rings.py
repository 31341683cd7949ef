"""Rings of polygons with holes and parts: checks, rasterization, simplification.

Frame as in labels/geometry.py; pixel (i, j), row i and column j, covers [j, j + 1] x [i, i + 1].
"""

from __future__ import annotations

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import Bounds
from annotary_core.labels.shapes.mask import Window, union_bounds

#: Vertices of a closed ring, shape (k, 2): x, y. The ring closes implicitly; the first vertex need not be repeated.
Ring = FloatArray
#: One connected part: the outer ring, then its holes. Filled by the even-odd rule.
Part = tuple[Ring, ...]
#: An object of any number of parts: their union.
Parts = tuple[Part, ...]

#: Number of times the tolerance is halved before the exact outline is kept.
_HALVINGS = 4


def parts_bounds(parts: Parts) -> Bounds:
    """Return the bounding box x1, y1, x2, y2, in the unit of the vertices; zeros without parts."""
    rings = [ring for part in parts for ring in part]
    if not rings:
        return 0.0, 0.0, 0.0, 0.0
    vertices = np.concatenate(rings)
    (x1, y1), (x2, y2) = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    return x1, y1, x2, y2


def check_parts(parts: Parts) -> None:
    """Raise ValueError for a ring with fewer than three vertices, or with vertices that are not finite pairs."""
    for ring in (ring for part in parts for ring in part):
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
            raise ValueError("Every ring of a polygon needs at least three vertices, each a pair of finite numbers.")


def rasterize(parts: Parts, scale: float = 1.0) -> Window:
    """Return the cells whose centers lie inside, in a window around the parts; `scale` is cells per pixel.

    A center on an outline belongs to the side to its right (greater x), so that shapes with a common edge share no
    pixel. Rings may self-intersect: each part is filled by the even-odd rule. Raises ValueError for invalid rings.
    """
    check_parts(parts)
    windows = [_raster_part(part, scale) for part in parts if part]
    left, top, right, bottom = union_bounds([window.bounds for window in windows])
    out = np.zeros((bottom - top, right - left), np.bool_)
    for window in windows:
        x1, y1, x2, y2 = window.bounds
        if window.pixels.size:
            out[y1 - top : y2 - top, x1 - left : x2 - left] |= window.pixels
    return Window(left, top, out)


def _raster_part(part: Part, scale: float) -> Window:
    """Scanline fill: in each row whose center an edge crosses, the edge toggles all cells right of the crossing."""
    first = np.concatenate(part) * scale
    second = np.concatenate([np.roll(ring, -1, axis=0) for ring in part]) * scale
    x1, y1, x2, y2 = (int(side) for side in (*np.floor(first.min(axis=0)), *np.ceil(first.max(axis=0))))
    width, height = x2 - x1, y2 - y1
    # Always downward, so that an edge shared by two shapes crosses a row at the same position for both.
    down = first[:, 1] <= second[:, 1]
    upper, lower = np.where(down[:, None], first, second), np.where(down[:, None], second, first)
    start = np.clip(np.ceil(upper[:, 1] - y1 - 0.5), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(lower[:, 1] - y1 - 0.5), 0, height).astype(np.int64)
    row, edge = _ranges(start, stop)
    slope = (row + 0.5 + y1 - upper[edge, 1]) / (lower[edge, 1] - upper[edge, 1])
    crossing = upper[edge, 0] + slope * (lower[edge, 0] - upper[edge, 0]) - x1
    column = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
    # In bytes, and in place, since a shape may be as large as its image.
    toggles = np.zeros(height * (width + 1), np.uint8)
    np.bitwise_xor.at(toggles, row * (width + 1) + column, 1)
    inside = toggles.reshape(height, width + 1)
    np.bitwise_xor.accumulate(inside, axis=1, out=inside)
    return Window(x1, y1, inside[:, :width].view(np.bool_))


def _ranges(start: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """Return the concatenated numbers of the half-open ranges, and the range index of each."""
    length = np.maximum(stop - start, 0)
    which = np.repeat(np.arange(len(start)), length)
    before = np.cumsum(length) - length
    return np.arange(len(which)) - before[which] + start[which], which


def to_shapely(parts: Parts) -> shapely.MultiPolygon:
    """Convert to shapely; each part must be one outer ring and its holes."""
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts if part])


def from_shapely(geometry: shapely.MultiPolygon) -> Parts:
    """Convert from shapely, without the repeated last vertices."""
    return tuple(
        tuple(shapely.get_coordinates(ring)[:-1] for ring in (polygon.exterior, *polygon.interiors))
        for polygon in geometry.geoms
    )


def simplify(parts: Parts, tolerance: float) -> Parts:
    """Reduce the vertices without moving the outline by more than `tolerance` pixels (Douglas and Peucker 1973).

    The result is a valid polygon that keeps every part and hole: if the tolerance would lose one, a half, a quarter and
    so on of it is tried, and finally the outline is kept. The parts must be valid, as traced ones are.
    """
    exact = to_shapely(parts)
    for halving in range(_HALVINGS if tolerance > 0 else 0):
        simpler = exact.simplify(tolerance / 2**halving, preserve_topology=True)
        candidate = shapely.MultiPolygon(
            [part for part in shapely.get_parts(simpler) if isinstance(part, shapely.Polygon)]
        )
        if candidate.is_valid and _ring_counts(candidate) == _ring_counts(exact):
            return from_shapely(candidate)
    return parts


def _ring_counts(geometry: shapely.MultiPolygon) -> list[int]:
    """Return the number of rings of each part with an area."""
    return [1 + len(part.interiors) for part in geometry.geoms if part.area > 0]
