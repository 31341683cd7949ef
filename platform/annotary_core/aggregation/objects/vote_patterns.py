"""Group pixels with the same votes into patterns: 40,000 pixels of five workers become 32 rows, losslessly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import Window, union_bounds

#: Background margin around a cluster, as a share of its width and height; at least one pixel.
MARGIN = 0.1
#: Number of masks packed into one integer at a time.
_MASKS_PER_CODE = 32
#: Maximum pixels of a window; each takes a few times eight bytes.
MAX_PIXELS = 2**28


@dataclass(frozen=True, slots=True, eq=False)
class VotePatterns:
    """The votes on each pixel of a cluster's window.

    x, y: the window's position in the image. index: shape (height, width), the pattern of each pixel. votes: shape
    (p, k), the vote of each of k masks in that pattern. count: shape (p,), its number of pixels.
    """

    x: int
    y: int
    index: NDArray[np.unsignedinteger]
    votes: BoolArray
    count: IntArray

    def count_near(self, selected: BoolArray, reach: float) -> IntArray:
        """Count the pixels of each pattern near the outline of the selected patterns, shape (p,).

        Near is within `reach` times the square root of the selected area, at least one pixel. Without an outline all
        pixels count.
        """
        mask = selected[self.index]
        area = np.count_nonzero(mask)
        if area in (0, mask.size):
            return self.count
        near = _near_outline(mask, max(1, round(reach * float(np.sqrt(area)))))
        return np.bincount(self.index[near], minlength=len(self.count))

    def image(self, selected: BoolArray) -> Window:
        """Return a selection of patterns, shape (p,), as a mask."""
        return Window(self.x, self.y, selected[self.index])

    def values(self, value: FloatArray) -> FloatArray:
        """Map a value per pattern, shape (p,), to the pixels of the window: shape (height, width)."""
        out: FloatArray = value[self.index]
        return out

    def agreement(self, selected: BoolArray) -> FloatArray:
        """Return the IoU of each mask with the selected patterns, shape (k,); 1 for two empty masks."""
        intersection = (self.count * selected) @ self.votes
        union = self.count @ (self.votes | selected[:, None])
        out: FloatArray = np.divide(intersection, union, out=np.ones(self.votes.shape[1]), where=union > 0)
        return out


def vote_patterns(masks: Sequence[Window], frame: Frame | None = None) -> VotePatterns:
    """Return the patterns in the window around all (trimmed) masks plus a margin, cropped to the image.

    Patterns are ordered by their votes, read as an integer with the first mask as the lowest bit; if all masks are
    empty, there are none. Raises ValueError for a window of more than MAX_PIXELS.
    """
    left, top, right, bottom = _window(masks, frame)
    if (bottom - top) * (right - left) > MAX_PIXELS:
        raise ValueError(
            f"The masks of a cluster span {right - left:,} x {bottom - top:,} pixels, which do not fit in memory; "
            "fuse only masks of the same object."
        )
    index: NDArray[np.unsignedinteger] = np.zeros((bottom - top, right - left), np.uint8)
    votes = np.zeros((1, 0), np.bool_)
    count = np.array([index.size])
    for start in range(0, len(masks), _MASKS_PER_CODE):
        part = masks[start : start + _MASKS_PER_CODE]
        # As small as possible: a window has hundreds of thousands of pixels, and a byte is enough for eight masks.
        kind = np.min_scalar_type((len(count) << len(part)) - 1).type
        code = index.astype(kind) << kind(len(part))
        for bit, mask in enumerate(part):
            x1, y1, x2, y2 = mask.bounds
            if mask.pixels.size:
                code[y1 - top : y2 - top, x1 - left : x2 - left] |= mask.pixels.astype(kind) << kind(bit)
        value, index, count = _compact(code)
        bits = (value[:, None] >> np.arange(len(part))) & 1
        votes = np.concatenate([votes[value >> len(part)], bits.astype(np.bool_)], axis=1)
    if not index.size:
        votes, count = votes[:0], count[:0]
    return VotePatterns(left, top, index, votes, count.astype(np.int64))


def _window(masks: Sequence[Window], frame: Frame | None) -> tuple[int, int, int, int]:
    left, top, right, bottom = union_bounds([mask.bounds for mask in masks])
    if left == right:
        return 0, 0, 0, 0
    margin_x, margin_y = max(1, round(MARGIN * (right - left))), max(1, round(MARGIN * (bottom - top)))
    left, top, right, bottom = left - margin_x, top - margin_y, right + margin_x, bottom + margin_y
    if frame is None:
        return left, top, right, bottom
    return max(left, 0), max(top, 0), min(right, frame.width), min(bottom, frame.height)


def _near_outline(mask: BoolArray, reach: int) -> BoolArray:
    """Return where the square of this radius around a pixel, cropped to the window, is not uniform."""
    # MAX_PIXELS fits into 32 bits.
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=0, out=sums[1:, 1:])
    np.cumsum(sums[1:, 1:], axis=1, out=sums[1:, 1:])
    rows, columns = np.arange(mask.shape[0]), np.arange(mask.shape[1])
    top, bottom = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, len(rows))
    left, right = np.maximum(columns - reach, 0), np.minimum(columns + reach + 1, len(columns))
    lower, upper = sums[bottom], sums[top]
    inside = lower[:, right] - lower[:, left] - upper[:, right] + upper[:, left]
    mixed: BoolArray = (inside > 0) & (inside < np.outer(bottom - top, right - left))
    return mixed


def _compact(code: NDArray[np.unsignedinteger]) -> tuple[IntArray, NDArray[np.unsignedinteger], IntArray]:
    """Return the distinct values, ascending, the index of each code among them, and their counts."""
    span = int(code.max(initial=0)) + 1
    if span > 4 * code.size + 1024:
        value, index, count = np.unique(code, return_inverse=True, return_counts=True)
        smallest = np.min_scalar_type(len(value) - 1)
        return value.astype(np.int64), index.reshape(code.shape).astype(smallest), count
    # Counting is faster than sorting for small numbers, that is, up to a dozen masks.
    counts = np.bincount(code.ravel(), minlength=span)
    value = np.flatnonzero(counts)
    position = np.zeros(span, np.min_scalar_type(len(value) - 1))
    position[value] = np.arange(len(value))
    return value, position[code], counts[value]
