"""Masks as boolean windows, and polygons with holes and parts turned into them and simplified.

Frame as in labels/geometry.py: origin at the outer corner of the first pixel, pixel (i, j), row i and column j,
covers [j, j + 1] x [i, i + 1]. The way back, from a window to polygons, is contours.py; RLE is rle.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import OVERSHOOT, Frame

#: Corners of a closed line, shape (k, 2): x, y. The last corner joins the first and need not be repeated.
Ring = FloatArray
#: One connected piece: the outer ring, then its holes. Read by the even-odd rule.
Part = tuple[Ring, ...]
#: An object of any number of pieces; what lies in any of them belongs to it.
Shape = tuple[Part, ...]

#: How often the tolerance is halved before the exact outline is kept.
_HALVINGS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A mask that is known within a rectangle and background outside.

    x, y: column and row of the rectangle's first pixel in the image, may be negative. pixels: shape (height, width),
    either may be 0. Raises ValueError for anything but a two-dimensional boolean array.
    """

    x: int
    y: int
    pixels: BoolArray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.bool_:
            raise ValueError("A mask must be a two-dimensional array of true and false.")

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """left, top, right, bottom of the rectangle, the last two exclusive."""
        return self.x, self.y, self.x + self.pixels.shape[1], self.y + self.pixels.shape[0]

    @property
    def area(self) -> int:
        """Pixels in the mask."""
        return int(np.count_nonzero(self.pixels))

    def trimmed(self) -> Window:
        """The same mask in the smallest rectangle; an empty mask becomes the window of no size at 0, 0."""
        rows, columns = np.flatnonzero(self.pixels.any(axis=1)), np.flatnonzero(self.pixels.any(axis=0))
        if not len(rows):
            return EMPTY
        top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        return Window(self.x + left, self.y + top, self.pixels[top:bottom, left:right])

    def cut(self, left: int, top: int, right: int, bottom: int) -> Window:
        """The mask in another rectangle: what it held outside is lost, what it did not know is background."""
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
    """The part of a mask on its image, trimmed.

    As for boxes, up to OVERSHOOT pixels outside are clipped; raises ValueError when a pixel lies further out.
    """
    tight = window.trimmed()
    left, top, right, bottom = tight.bounds
    over = max(-left, -top, right - frame.width, bottom - frame.height)
    if over > OVERSHOOT:
        raise ValueError(f"A mask reaches {over} px out of its image; it must lie inside.")
    if over <= 0:
        return tight
    return tight.cut(max(left, 0), max(top, 0), min(right, frame.width), min(bottom, frame.height)).trimmed()


def union_bounds(bounds: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """The smallest rectangle (left, top, right, bottom) around those that have a size; 0, 0, 0, 0 without any."""
    sized = [each for each in bounds if each[2] > each[0] and each[3] > each[1]]
    if not sized:
        return 0, 0, 0, 0
    lefts, tops, rights, bottoms = zip(*sized, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def mask_iou(a: Window, b: Window) -> float:
    """Pixels in both over pixels in either, 0 to 1; two empty masks agree fully and have 1."""
    left, top = max(a.x, b.x), max(a.y, b.y)
    right, bottom = min(a.bounds[2], b.bounds[2]), min(a.bounds[3], b.bounds[3])
    shared = 0
    if left < right and top < bottom:
        shared = int(np.count_nonzero(a.cut(left, top, right, bottom).pixels & b.cut(left, top, right, bottom).pixels))
    union = a.area + b.area - shared
    return shared / union if union else 1.0


def shape_bounds(shape: Shape) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 around all corners, in the unit of the corners; zeros for a shape without parts."""
    corners = [ring for part in shape for ring in part]
    if not corners:
        return 0.0, 0.0, 0.0, 0.0
    every = np.concatenate(corners)
    (x1, y1), (x2, y2) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    return x1, y1, x2, y2


def check_shape(shape: Shape) -> None:
    """Raises ValueError for a ring of fewer than three corners, or with corners that are no finite pairs."""
    for ring in (ring for part in shape for ring in part):
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
            raise ValueError("Every ring of a polygon needs at least three corners, each a pair of finite numbers.")


def rasterise(shape: Shape, scale: float = 1.0) -> Window:
    """The cells whose centres lie inside, in a window around the shape; `scale` is cells a pixel.

    A centre on an outline belongs to the side right of it (greater x), so that shapes that share an edge share no
    pixel. Rings may cross themselves: each part is read by the even-odd rule. Raises ValueError for broken rings.
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
    """Scanline: each edge toggles, in the rows whose centres it passes, all cells right of the crossing."""
    first = np.concatenate(part) * scale
    second = np.concatenate([np.roll(ring, -1, axis=0) for ring in part]) * scale
    x1, y1, x2, y2 = (int(side) for side in (*np.floor(first.min(axis=0)), *np.ceil(first.max(axis=0))))
    width, height = x2 - x1, y2 - y1
    # Downwards always, so that an edge crosses a row at the same place from whichever side its shape lies.
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
    """All numbers of the half-open ranges one after the other, and which range each comes from."""
    length = np.maximum(stop - start, 0)
    which = np.repeat(np.arange(len(start)), length)
    before = np.cumsum(length) - length
    return np.arange(len(which)) - before[which] + start[which], which


def as_geometry(shape: Shape) -> shapely.MultiPolygon:
    """The shape for shapely; parts must be one outer ring and its holes."""
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in shape if part])


def of_geometry(geometry: shapely.MultiPolygon) -> Shape:
    """The rings of shapely's polygons, without the repeated last corners."""
    return tuple(
        tuple(shapely.get_coordinates(ring)[:-1] for ring in (polygon.exterior, *polygon.interiors))
        for polygon in geometry.geoms
    )


def simplify(shape: Shape, tolerance: float) -> Shape:
    """Fewer corners, none of the outline moved by more than `tolerance` pixels (Douglas and Peucker 1973).

    Every part and hole is still there and the result is a valid polygon: where the tolerance would lose one, a half,
    quarter and so on of it is tried, and in the end the outline stays as it is. The shape must be valid, as one from
    tracing is.
    """
    exact = as_geometry(shape)
    for halving in range(_HALVINGS if tolerance > 0 else 0):
        simpler = exact.simplify(tolerance / 2**halving, preserve_topology=True)
        found = shapely.MultiPolygon([part for part in shapely.get_parts(simpler) if isinstance(part, shapely.Polygon)])
        if found.is_valid and _rings_of(found) == _rings_of(exact):
            return of_geometry(found)
    return shape


def _rings_of(geometry: shapely.MultiPolygon) -> list[int]:
    """Rings of each part that still encloses something."""
    return [1 + len(part.interiors) for part in geometry.geoms if part.area > 0]
