"""Pixels with the same votes are one pattern: 40,000 pixels of five workers become 32 rows, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import Window, union_bounds

#: Background around a cluster, as a share of its width and height; at least one pixel.
MARGIN = 0.1
#: Masks put into one number at a time.
_BITS = 32
#: Pixels of a window, each of which takes a few times eight bytes.
MOST_PIXELS = 2**28


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """The votes on each pixel of a cluster's window.

    x, y: the window's place in the image. index: shape (height, width), the pattern of each pixel. votes: shape (p, k),
    what each of k masks says in that pattern. count: shape (p,), its pixels.
    """

    x: int
    y: int
    index: NDArray[np.unsignedinteger]
    votes: BoolArray
    count: IntArray

    def count_near(self, of_pattern: BoolArray, reach: float) -> IntArray:
        """Pixels of each pattern, shape (p,), near the outline of these patterns: within `reach` times the root of
        their area, at least one pixel. All pixels where there is no outline.
        """
        mask = of_pattern[self.index]
        area = np.count_nonzero(mask)
        if area in (0, mask.size):
            return self.count
        near = _mixed_squares(mask, max(1, round(reach * float(np.sqrt(area)))))
        return np.bincount(self.index[near], minlength=len(self.count))

    def image(self, of_pattern: BoolArray) -> Window:
        """A choice of patterns, shape (p,), as a mask."""
        return Window(self.x, self.y, of_pattern[self.index])

    def values(self, of_pattern: FloatArray) -> FloatArray:
        """A figure of each pattern, shape (p,), spread over the window: shape (height, width)."""
        out: FloatArray = of_pattern[self.index]
        return out

    def agreement(self, chosen: BoolArray) -> FloatArray:
        """IoU of each mask with the chosen patterns, shape (k,); two empty masks agree fully."""
        shared = (self.count * chosen) @ self.votes
        union = self.count @ (self.votes | chosen[:, None])
        out: FloatArray = np.divide(shared, union, out=np.ones(self.votes.shape[1]), where=union > 0)
        return out


def patterns_of(masks: Sequence[Window], frame: Frame | None = None) -> Patterns:
    """The patterns in the window around all masks (trimmed ones) and a margin, which ends where the image ends.

    Patterns come in the order of their votes, the first mask being the lowest bit; masks that are all empty have none.
    Raises ValueError for a window of more than MOST_PIXELS.
    """
    left, top, right, bottom = _window(masks, frame)
    if (bottom - top) * (right - left) > MOST_PIXELS:
        raise ValueError(
            f"The masks of a cluster spread over {right - left:,} x {bottom - top:,} pixels, more than memory holds; "
            "fuse those of one object alone."
        )
    index: IntArray = np.zeros((bottom - top, right - left), np.int64)
    votes = np.zeros((1, 0), np.bool_)
    count = np.array([index.size])
    for start in range(0, len(masks), _BITS):
        part = masks[start : start + _BITS]
        code = index << len(part)
        for bit, mask in enumerate(part):
            x1, y1, x2, y2 = mask.bounds
            if mask.pixels.size:
                code[y1 - top : y2 - top, x1 - left : x2 - left] |= mask.pixels.astype(np.int64) << bit
        value, index, count = _compact(code)
        bits = (value[:, None] >> np.arange(len(part))) & 1
        votes = np.concatenate([votes[value >> len(part)], bits.astype(np.bool_)], axis=1)
    if not index.size:
        votes, count = votes[:0], count[:0]
    return Patterns(left, top, index.astype(np.min_scalar_type(max(len(count) - 1, 0))), votes, count.astype(np.int64))


def _window(masks: Sequence[Window], frame: Frame | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = union_bounds([mask.bounds for mask in masks])
    if left == right:
        return 0, 0, 0, 0
    across, down = max(1, round(MARGIN * (right - left))), max(1, round(MARGIN * (bottom - top)))
    left, top, right, bottom = left - across, top - down, right + across, bottom + down
    if frame is None:
        return left, top, right, bottom
    return max(left, 0), max(top, 0), min(right, frame.width), min(bottom, frame.height)


def _mixed_squares(mask: BoolArray, reach: int) -> BoolArray:
    """Where the square of this reach around a pixel, cut at the window, holds both kinds; shape as the mask's."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    sums[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    rows, columns = np.arange(mask.shape[0]), np.arange(mask.shape[1])
    top, bottom = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, len(rows))
    left, right = np.maximum(columns - reach, 0), np.minimum(columns + reach + 1, len(columns))
    lower, upper = sums[bottom], sums[top]
    held = lower[:, right] - lower[:, left] - upper[:, right] + upper[:, left]
    mixed: BoolArray = (held > 0) & (held < np.outer(bottom - top, right - left))
    return mixed


def _compact(code: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """The values that occur, ascending, the place of each code among them, and how often each occurs."""
    span = int(code.max(initial=0)) + 1
    if span > 4 * code.size + 1024:
        value, index, count = np.unique(code, return_inverse=True, return_counts=True)
        return value, index.reshape(code.shape), count
    # Counting beats sorting where the numbers are small, as with up to a dozen masks they are.
    often = np.bincount(code.ravel(), minlength=span)
    value = np.flatnonzero(often)
    place = np.zeros(span, np.int64)
    place[value] = np.arange(len(value))
    return value, place[code], often[value]
