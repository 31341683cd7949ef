"""COCO's run-length encoding in and out of windows, without ever unfolding the image.

Runs count down the columns, one column after the other, beginning with background; their sum is height times width
(pycocotools' maskApi, the format of cocodataset.org). A mask of a hundred pixels in an image of 10,000 x 10,000 costs a
hundred pixels: pycocotools packs the counts into bytes, while unpacking is done here, because pycocotools' own decoder
builds the whole image and trusts counts that a stranger may have sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import EMPTY, Window, clip_window

#: A packed number has at most so many groups of five bits: enough for 2^60 pixels, and no overflow.
_GROUPS = 12
#: pycocotools counts pixels in 32 bits.
_PIXELS = 2**32


@dataclass(frozen=True, slots=True)
class Rle:
    """size: height and width of the image. counts: COCO's packed runs (ASCII)."""

    size: tuple[int, int]
    counts: bytes


def encode(window: Window, frame: Frame) -> Rle:
    """The mask as COCO's RLE of its image; clipped as `clip_window` does, which raises ValueError when it lies off."""
    from pycocotools import mask as coco  # needed by compressed masks alone

    _check_size(frame.height, frame.width)
    tight = clip_window(window, frame)
    column, row = np.nonzero(np.diff(tight.pixels.T.astype(np.int8), axis=1, prepend=0, append=0))
    edge = (column + tight.x) * frame.height + row + tight.y
    # A run that ends at the bottom and one that begins at the top of the next column are one run.
    ends_where_next_starts = np.flatnonzero(edge[1:-1:2] == edge[2::2])
    edge = np.delete(edge, np.concatenate([2 * ends_where_next_starts + 1, 2 * ends_where_next_starts + 2]))
    pixels = frame.height * frame.width
    counts = np.diff(np.concatenate([[0], edge, [pixels] if pixels not in edge[-1:] else []]).astype(np.int64))
    packed = coco.frPyObjects(
        {"size": [frame.height, frame.width], "counts": counts.tolist()}, frame.height, frame.width
    )
    return Rle(size=(frame.height, frame.width), counts=bytes(packed["counts"]))


def decode(rle: Rle, frame: Frame | None = None) -> Window:
    """The mask, trimmed. Raises ValueError for counts that are damaged, do not fill the image, or, where the frame is
    given, belong to an image of another size. Give the frame for masks of strangers: a size of their own choice, full,
    is as much memory as they like.
    """
    height, width = rle.size
    _check_size(height, width)
    if frame is not None and (height, width) != (frame.height, frame.width):
        raise ValueError(f"The mask is made for an image of {width} x {height} px, not {frame.width} x {frame.height}.")
    counts = _unpack(rle.counts)
    if (counts < 0).any() or _total(counts) != height * width:
        raise ValueError(f"The runs of the mask do not fill its image of {width} x {height} px.")
    edge = np.cumsum(counts)
    start, stop = edge[: len(edge) // 2 * 2 : 2], edge[1::2]
    start, stop = start[start < stop], stop[start < stop]
    return _from_runs(start, stop, height) if len(start) else EMPTY


def _check_size(height: int, width: int) -> None:
    if height < 0 or width < 0 or height * width >= _PIXELS:
        raise ValueError(f"An image of {width} x {height} px is too large for a mask in COCO's form.")


def _total(counts: IntArray) -> int:
    """The sum, in Python's integers: foreign counts may overflow 64 bits together."""
    return sum(counts.tolist())


def _from_runs(start: IntArray, stop: IntArray, height: int) -> Window:
    """Runs (half-open, along the columns) to the window around them."""
    first, last = start // height, (stop - 1) // height
    one = first == last
    top = int(np.where(one, start % height, 0).min())
    bottom = int(np.where(one, (stop - 1) % height + 1, height).max())
    left, right = int(first[0]), int(last[-1]) + 1
    # Each run falls into pieces of one column; +1 where a piece begins, -1 behind its end.
    pieces = last - first + 1
    run = np.repeat(np.arange(len(start)), pieces)
    column = np.arange(len(run)) - (np.cumsum(pieces) - pieces)[run] + first[run]
    begin = np.maximum(start[run] - column * height, 0) - top
    end = np.minimum(stop[run] - column * height, height) - top
    tall = bottom - top + 1
    cells = tall * (right - left)
    change = np.bincount((column - left) * tall + begin, minlength=cells)
    change = change - np.bincount((column - left) * tall + end, minlength=cells)
    pixels: BoolArray = np.cumsum(change).reshape(-1, tall)[:, :-1].astype(np.bool_).T
    return Window(left, top, np.ascontiguousarray(pixels))


def _unpack(packed: bytes) -> IntArray:
    """COCO's packed numbers: groups of five bits, low first, 32 says that more follow, the top bit of the last is the
    sign; from the fourth number on each is the difference from the one two before.
    """
    group = np.frombuffer(packed, np.uint8).astype(np.int64) - 48
    if ((group < 0) | (group > 63)).any() or (len(group) and group[-1] & 32):
        raise ValueError("The packed runs of the mask are damaged.")
    if not len(group):
        return np.zeros(0, np.int64)
    last = np.flatnonzero((group & 32) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    size = last - first + 1
    if size.max() > _GROUPS:
        raise ValueError("The packed runs of the mask are damaged.")
    place = np.arange(len(group)) - np.repeat(first, size)
    number = np.add.reduceat((group & 31) << (5 * place), first)
    number -= np.where(group[last] & 16, np.int64(1) << (5 * size), 0)
    # Summing every other difference undoes them; the first number stands alone.
    number[1::2] = np.cumsum(number[1::2])
    number[2::2] = np.cumsum(number[2::2])
    return number
