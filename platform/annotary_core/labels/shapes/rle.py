"""COCO run-length encoding and decoding of windows, without ever expanding the whole image.

Runs are column-major and begin with background; their sum is height times width (pycocotools' maskApi, the format of
cocodataset.org). A mask of a hundred pixels in an image of 10,000 x 10,000 costs a hundred pixels: pycocotools packs
the counts into bytes, but unpacking is done here, because pycocotools' decoder builds the whole image and trusts
counts that may come from an untrusted client.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import EMPTY, Window, clip_window

#: Maximum groups of five bits in a packed number: enough for 2^60 pixels, without overflow.
_MAX_GROUPS = 12
#: pycocotools counts pixels in 32 bits.
_MAX_PIXELS = 2**32


@dataclass(frozen=True, slots=True)
class Rle:
    """A COCO RLE mask. size: height and width of the image. counts: the packed runs (ASCII)."""

    size: tuple[int, int]
    counts: bytes


def encode(window: Window, frame: Frame) -> Rle:
    """Encode a mask as the COCO RLE of its image, after `clip_window`, which raises ValueError if it lies outside."""
    from pycocotools import mask as coco  # needed by compressed masks alone

    _check_size(frame.height, frame.width)
    clipped = clip_window(window, frame)
    # Zeros of the same type: with others, NumPy would make the whole mask one of eight bytes a pixel.
    outside = np.int8(0)
    column, row = np.nonzero(np.diff(clipped.pixels.T.astype(np.int8), axis=1, prepend=outside, append=outside))
    edge = (column + clipped.x) * frame.height + row + clipped.y
    # A run that ends at the bottom and one that begins at the top of the next column form one run.
    ends_where_next_starts = np.flatnonzero(edge[1:-1:2] == edge[2::2])
    edge = np.delete(edge, np.concatenate([2 * ends_where_next_starts + 1, 2 * ends_where_next_starts + 2]))
    pixels = frame.height * frame.width
    counts = np.diff(np.concatenate([[0], edge, [pixels] if pixels not in edge[-1:] else []]).astype(np.int64))
    packed = coco.frPyObjects(
        {"size": [frame.height, frame.width], "counts": counts.tolist()}, frame.height, frame.width
    )
    return Rle(size=(frame.height, frame.width), counts=bytes(packed["counts"]))


def decode(rle: Rle, frame: Frame | None = None) -> Window:
    """Decode and trim a mask.

    Raises ValueError for counts that are corrupt or do not fill the image, or, if a frame is passed, for an image of
    another size. Always pass the frame for untrusted masks: a full mask of an arbitrary size takes arbitrary memory.
    """
    if frame is not None and rle.size != (frame.height, frame.width):
        height, width = rle.size
        raise ValueError(f"The mask is for an image of {width} x {height} px, not {frame.width} x {frame.height}.")
    return decode_counts(_unpack(rle.counts), rle.size)


def decode_counts(counts: IntArray, size: tuple[int, int]) -> Window:
    """Like `decode`, of runs that are not packed, for an image of this height and width. shape (n,)."""
    height, width = size
    _check_size(height, width)
    if (counts < 0).any() or _total(counts) != height * width:
        raise ValueError(f"The runs of the mask do not fill its image of {width} x {height} px.")
    edge = np.cumsum(counts)
    start, stop = edge[: len(edge) // 2 * 2 : 2], edge[1::2]
    start, stop = start[start < stop], stop[start < stop]
    return _from_runs(start, stop, height) if len(start) else EMPTY


def _check_size(height: int, width: int) -> None:
    if height < 0 or width < 0 or height * width >= _MAX_PIXELS:
        raise ValueError(f"An image of {width} x {height} px is too large for a COCO RLE mask.")


def _total(counts: IntArray) -> int:
    """Sum in Python integers: the sum of untrusted counts may overflow 64 bits."""
    return sum(counts.tolist())


def _from_runs(start: IntArray, stop: IntArray, height: int) -> Window:
    """Convert runs (half-open, column-major) to the window around them."""
    first, last = start // height, (stop - 1) // height
    single_column = first == last
    top = int(np.where(single_column, start % height, 0).min())
    bottom = int(np.where(single_column, (stop - 1) % height + 1, height).max())
    left, right = int(first[0]), int(last[-1]) + 1
    # Each run is split by column; +1 where a piece begins, -1 after its end.
    pieces = last - first + 1
    run = np.repeat(np.arange(len(start)), pieces)
    column = np.arange(len(run)) - (np.cumsum(pieces) - pieces)[run] + first[run]
    begin = np.maximum(start[run] - column * height, 0) - top
    end = np.minimum(stop[run] - column * height, height) - top
    padded_height = bottom - top + 1
    # In bytes, since a mask may be as large as its image. An end where another piece begins cancels out.
    change = np.zeros(padded_height * (right - left), np.int8)
    np.add.at(change, (column - left) * padded_height + begin, 1)
    np.subtract.at(change, (column - left) * padded_height + end, 1)
    inside = np.cumsum(change, dtype=np.int8, out=change)
    pixels: BoolArray = inside.reshape(-1, padded_height)[:, :-1].astype(np.bool_).T
    return Window(left, top, np.ascontiguousarray(pixels))


def _unpack(packed: bytes) -> IntArray:
    """Unpack COCO's packed numbers.

    Groups of five bits, low bits first; bit 32 marks that more follow, the top bit of the last group is the sign. From
    the fourth number on, each is the difference from the number two before.
    """
    group = np.frombuffer(packed, np.uint8).astype(np.int64) - 48
    if ((group < 0) | (group > 63)).any() or (len(group) and group[-1] & 32):
        raise ValueError("The packed runs of the mask are corrupt.")
    if not len(group):
        return np.zeros(0, np.int64)
    last = np.flatnonzero((group & 32) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    size = last - first + 1
    if size.max() > _MAX_GROUPS:
        raise ValueError("The packed runs of the mask are corrupt.")
    position = np.arange(len(group)) - np.repeat(first, size)
    number = np.add.reduceat((group & 31) << (5 * position), first)
    number -= np.where(group[last] & 16, np.int64(1) << (5 * size), 0)
    # Cumulative sums over every other number undo the differences; the first number is absolute.
    number[1::2] = np.cumsum(number[1::2])
    number[2::2] = np.cumsum(number[2::2])
    return number
