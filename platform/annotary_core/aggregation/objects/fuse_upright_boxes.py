"""Agreed upright boxes: centres as shares of the size, sizes as logarithms.

Of two boxes of which one is half of the other the mean of corners overlaps the larger with .75 and the smaller with
.67, the mean of logarithms both with .71: it does not favour those who draw large.
"""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import Drawings, Spreads, learn_spreads, located
from annotary_core.labels.arrays import FloatArray, IntArray

#: Pixels: what rounding leaves of the smallest box.
_LEAST_SIDE = 1e-6


def agreed_boxes(
    box: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Shape (m, 4), x1, y1, x2, y2, one a cluster; `index` is the cluster of each row, rows of a cluster together.

    No corner lies beyond those that were drawn, so that what is agreed on lies in the image as all drawings do: a
    middle and a size that are agreed on apart could put it outside.
    """
    drawings, frame = _coordinates(box, index, worker)
    here = located(drawings, rates, trust=trust)
    # Rounded far below the fixed decimals, as log and exp leave dust on whole numbers.
    half, centre = np.exp(here[:, 2:]) / 2, here[:, :2] * frame[:, 2:] + frame[:, :2]
    out: FloatArray = np.round(np.concatenate([centre - half, centre + half], axis=1), 6) + 0.0
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        np.clip(out, np.minimum.reduceat(box, start), np.maximum.reduceat(box, start), out=out)
    out[:, 2:] = np.maximum(out[:, 2:], out[:, :2] + _LEAST_SIDE)
    return out


def box_spreads(box: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """How far each worker's boxes lie from the agreed ones, in shares of the object's size."""
    return learn_spreads(_coordinates(box, index, worker)[0], pooled=pooled)


def _coordinates(box: FloatArray, index: IntArray, worker: IntArray) -> tuple[Drawings, FloatArray]:
    """Centres from the middle of the cluster in shares of its size, log sizes; and that frame, shape (m, 4)."""
    sides = box[:, 2:] - box[:, :2]
    centres, logs = (box[:, 2:] + box[:, :2]) / 2, np.log(sides)
    frame = np.zeros((0, 4))
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        count = np.diff(np.append(start, len(index)))[:, None]
        middle = np.add.reduceat(centres, start, axis=0) / count
        size = np.exp(np.add.reduceat(logs, start, axis=0) / count)
        frame = np.concatenate([middle, size], axis=1)
    at = frame[index]
    return Drawings(index, worker, np.concatenate([(centres - at[:, :2]) / at[:, 2:], logs], axis=1)), frame
