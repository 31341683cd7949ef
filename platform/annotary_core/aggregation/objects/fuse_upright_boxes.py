"""Consensus upright boxes: centers as shares of the size, sizes as logarithms.

For two boxes, one half as wide as the other, the mean of the corners has IoU .75 with the larger and .67 with the
smaller, the mean of the logarithms .71 with both: it does not favor workers who draw large boxes.
"""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import ClusterCoordinates, Spreads, fuse_coordinates, learn_spreads
from annotary_core.labels.arrays import FloatArray, IntArray

#: Minimum side after rounding, in pixels.
_MIN_SIDE = 1e-6


def fuse_boxes(
    box: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Fuse each cluster into one box, shape (m, 4), x1, y1, x2, y2; `index`: the cluster of each row, rows grouped.

    No corner lies beyond the members' corners, so the result lies in the image as all members do: a center and a size
    that are fused separately could put it outside.
    """
    drawings, frame = _coordinates(box, index, worker)
    fused = fuse_coordinates(drawings, rates, trust=trust)
    # Rounded far below the fixed decimals, because log and exp leave rounding errors on whole numbers.
    half, center = np.exp(fused[:, 2:]) / 2, fused[:, :2] * frame[:, 2:] + frame[:, :2]
    out: FloatArray = np.round(np.concatenate([center - half, center + half], axis=1), 6) + 0.0
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        np.clip(out, np.minimum.reduceat(box, start), np.maximum.reduceat(box, start), out=out)
    out[:, 2:] = np.maximum(out[:, 2:], out[:, :2] + _MIN_SIDE)
    return out


def box_spreads(box: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """Estimate the spread of each worker's boxes around the consensus, as shares of the object's size."""
    return learn_spreads(_coordinates(box, index, worker)[0], pooled=pooled)


def _coordinates(box: FloatArray, index: IntArray, worker: IntArray) -> tuple[ClusterCoordinates, FloatArray]:
    """Return centers relative to the cluster's mean center, in shares of its size, with log sizes; and that frame."""
    sides = box[:, 2:] - box[:, :2]
    centers, log_sizes = (box[:, 2:] + box[:, :2]) / 2, np.log(sides)
    frame = np.zeros((0, 4))
    if len(box):
        start = np.flatnonzero(np.diff(index, prepend=-1))
        count = np.diff(np.append(start, len(index)))[:, None]
        mean_center = np.add.reduceat(centers, start, axis=0) / count
        size = np.exp(np.add.reduceat(log_sizes, start, axis=0) / count)
        frame = np.concatenate([mean_center, size], axis=1)
    row_frame = frame[index]
    return ClusterCoordinates(
        index, worker, np.concatenate([(centers - row_frame[:, :2]) / row_frame[:, 2:], log_sizes], axis=1)
    ), frame
