"""Masks as boolean windows.

Frame as in labels/geometry.py: the origin is the outer corner of the first pixel; pixel (i, j), row i and column
j, covers [j, j + 1] x [i, i + 1]. rings.py rasterizes polygons, contours.py traces a window back to polygons, and
rle.py handles RLE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import OVERSHOOT, Frame
from annotary_core.labels.shapes.base import content_key


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


@dataclass(frozen=True, slots=True)
class MaskSimilarity:
    """IoU of masks, counted in pixels."""

    masks: tuple[Window, ...]

    @property
    def bounds(self) -> FloatArray:
        return np.array([mask.bounds for mask in self.masks], np.float64).reshape(-1, 4)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([mask_iou(self.masks[a], self.masks[b]) for a, b in pairs], np.float64)


@dataclass(frozen=True, slots=True)
class Masks:
    """Masks in columns, for consensus; schemas do not offer them yet. masks: n windows."""

    masks: tuple[Window, ...]

    def sort_keys(self) -> FloatArray:
        keys = [content_key(mask.pixels.shape, np.packbits(mask.pixels).tobytes()) for mask in self.masks]
        return np.column_stack([self.boxes(), np.array(keys, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return MaskSimilarity(self.masks).bounds

    def similarity(self) -> MaskSimilarity:
        return MaskSimilarity(self.masks)

    def take(self, rows: IntArray) -> Masks:
        return Masks(tuple(self.masks[row] for row in rows.tolist()))

    def concat(self, other: Masks) -> Masks:
        return Masks(self.masks + other.masks)
