"""Masks as boolean windows; rasterization and simplification of polygons with holes and parts.

Frame as in labels/geometry.py: the origin is the outer corner of the first pixel; pixel (i, j), row i and column
j, covers [j, j + 1] x [i, i + 1]. contours.py traces a window back to polygons; rle.py handles RLE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import OVERSHOOT, Frame

#: Vertices of a closed ring, shape (k, 2): x, y. The ring closes implicitly; the first vertex need not be repeated.
Ring = FloatArray
#: One connected part: the outer ring, then its holes. Filled by the even-odd rule.
Part = tuple[Ring, ...]
#: An object of any number of parts: their union.
Shape = tuple[Part, ...]

#: Number of times the tolerance is halved before the exact outline is kept.
_HALVINGS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A mask stored within a rectangle, with background outside.

    x, y: column and row of the rectangle's first pixel in the image, possibly negative. pixels: shape (height, width),
    either may be 0. Raises ValueError for anything but a two-dimensional boolean array.
    """

    x: int
    y: int
    pixels: BoolArray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.bool_:
            raise ValueError("A mask must be a two-dimensional boolean array.")

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the rectangle, the last two exclusive."""
        return self.x, self.y, self.x + self.pixels.shape[1], self.y + self.pixels.shape[0]

    @property
    def area(self) -> int:
        """Number of pixels in the mask."""
        return int(np.count_nonzero(self.pixels))

    def trimmed(self) -> Window:
        """Return the same mask in its bounding box; an empty mask becomes the empty window at 0, 0."""
        rows, columns = np.flatnonzero(self.pixels.any(axis=1)), np.flatnonzero(self.pixels.any(axis=0))
        if not len(rows):
            return EMPTY
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        return Window(self.x + left, self.y + top, self.pixels[top:bottom, left:right])

    def crop(self, left: int, top: int, right: int, bottom: int) -> Window:
        """Return the mask in another rectangle: pixels outside it are dropped, new pixels are background."""
        out = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.bool_)
        x1, y1 = max(left, self.x), max(top, self.y)
        x2, y2 = min(right, self.bounds[2]), min(bottom, self.bounds[3])
        if x1 < x2 and y1 < y2:
            out[y1 - top : y2 - top, x1 - left : x2 - left] = self.pixels[
                y1 - self.y : y2 - self.y, x1 - self.x : x2 - self.x
            ]
        return Window(left, top, out)


EMPTY = Window(0, 0, np.zeros((0, 0), np.bool_))


def clip_window(window: Window, frame: Frame) -> Window:
    """Clip a mask to its image and trim it.

    As for boxes, up to OVERSHOOT pixels outside are clipped; raises ValueError if a pixel lies further out.
    """
    trimmed = window.trimmed()
    left, top, right, bottom = trimmed.bounds
    over = max(-left, -top, right - frame.width, bottom - frame.height)
    if over > OVERSHOOT:
        raise ValueError(f"A mask extends {over} px outside its image. It must lie inside.")
    if over <= 0:
        return trimmed
    return trimmed.crop(max(left, 0), max(top, 0), min(right, frame.width), min(bottom, frame.height)).trimmed()


def union_bounds(bounds: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """Return the bounding rectangle (left, top, right, bottom) of the non-empty rectangles; 0, 0, 0, 0 without any."""
    sized = [each for each in bounds if each[2] > each[0] and each[3] > each[1]]
    if not sized:
        return 0, 0, 0, 0
    lefts, tops, rights, bottoms = zip(*sized, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def mask_iou(a: Window, b: Window) -> float:
    """Return the IoU of two masks, 0 to 1; two empty masks have 1."""
    left, top = max(a.x, b.x), max(a.y, b.y)
    right, bottom = min(a.bounds[2], b.bounds[2]), min(a.bounds[3], b.bounds[3])
    intersection = 0
    if left < right and top < bottom:
        intersection = int(
            np.count_nonzero(a.crop(left, top, right, bottom).pixels & b.crop(left, top, right, bottom).pixels)
        )
    union = a.area + b.area - intersection
    return intersection / union if union else 1.0


def shape_bounds(shape: Shape) -> tuple[float, float, float, float]:
    """Return the bounding box x1, y1, x2, y2, in the unit of the vertices; zeros for a shape without parts."""
    rings = [ring for part in shape for ring in part]
    if not rings:
        return 0.0, 0.0, 0.0, 0.0
    vertices = np.concatenate(rings)
    (x1, y1), (x2, y2) = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    return x1, y1, x2, y2


def check_shape(shape: Shape) -> None:
    """Raise ValueError for a ring with fewer than three vertices, or with vertices that are not finite pairs."""
    for ring in (ring for part in shape for ring in part):
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
            raise ValueError("Every ring of a polygon needs at least three vertices, each a pair of finite numbers.")


def rasterize(shape: Shape, scale: float = 1.0) -> Window:
    """Return the cells whose centers lie inside, in a window around the shape; `scale` is cells per pixel.

    A center on an outline belongs to the side to its right (greater x), so that shapes with a common edge share no
    pixel. Rings may self-intersect: each part is filled by the even-odd rule. Raises ValueError for invalid rings.
    """
    check_shape(shape)
    parts = [_raster_part(part, scale) for part in shape if part]
    left, top, right, bottom = union_bounds([part.bounds for part in parts])
    out = np.zeros((bottom - top, right - left), np.bool_)
    for part in parts:
        x1, y1, x2, y2 = part.bounds
        if part.pixels.size:
            out[y1 - top : y2 - top, x1 - left : x2 - left] |= part.pixels
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
    toggles = np.bincount(row * (width + 1) + column, minlength=height * (width + 1)).astype(np.uint8) & 1
    inside = np.bitwise_xor.accumulate(toggles.reshape(height, width + 1), axis=1)[:, :width]
    return Window(x1, y1, inside.astype(np.bool_))


def _ranges(start: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """Return the concatenated numbers of the half-open ranges, and the range index of each."""
    length = np.maximum(stop - start, 0)
    which = np.repeat(np.arange(len(start)), length)
    before = np.cumsum(length) - length
    return np.arange(len(which)) - before[which] + start[which], which


def to_shapely(shape: Shape) -> shapely.MultiPolygon:
    """Convert to shapely; each part must be one outer ring and its holes."""
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in shape if part])


def from_shapely(geometry: shapely.MultiPolygon) -> Shape:
    """Convert from shapely, without the repeated last vertices."""
    return tuple(
        tuple(shapely.get_coordinates(ring)[:-1] for ring in (polygon.exterior, *polygon.interiors))
        for polygon in geometry.geoms
    )


def simplify(shape: Shape, tolerance: float) -> Shape:
    """Reduce the vertices without moving the outline by more than `tolerance` pixels (Douglas and Peucker 1973).

    The result is a valid polygon that keeps every part and hole: if the tolerance would lose one, a half, a quarter and
    so on of it is tried, and finally the outline is kept. The shape must be valid, as traced shapes are.
    """
    exact = to_shapely(shape)
    for halving in range(_HALVINGS if tolerance > 0 else 0):
        simpler = exact.simplify(tolerance / 2**halving, preserve_topology=True)
        candidate = shapely.MultiPolygon(
            [part for part in shapely.get_parts(simpler) if isinstance(part, shapely.Polygon)]
        )
        if candidate.is_valid and _ring_counts(candidate) == _ring_counts(exact):
            return from_shapely(candidate)
    return shape


def _ring_counts(geometry: shapely.MultiPolygon) -> list[int]:
    """Return the number of rings of each part with an area."""
    return [1 + len(part.interiors) for part in geometry.geoms if part.area > 0]
