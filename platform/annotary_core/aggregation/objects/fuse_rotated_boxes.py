"""Consensus rotated boxes: rows cx, cy, w, h, angle (radians from the x axis toward the y axis).

A rectangle has two equivalent forms within half a turn: (w, h, angle) and (h, w, angle + 90 degrees). Each member takes
the form nearest to the medoid of its cluster before coordinates are compared.
"""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import (
    ClusterCoordinates,
    Spreads,
    cluster_ranges,
    fuse_coordinates,
    learn_spreads,
)
from annotary_core.labels.arrays import FloatArray, IntArray


def fuse_rotated_boxes(
    rotated: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Fuse each cluster into one canonical box, shape (m, 5); `index`: the cluster of each row, rows grouped."""
    drawings, frame = _coordinates(rotated, index, worker)
    fused = fuse_coordinates(drawings, rates, trust=trust)
    center = fused[:, :2] * frame[:, 2:] + frame[:, :2]
    return canonical_rotated(np.concatenate([center, np.exp(fused[:, 2:4]), fused[:, 4:]], axis=1))


def rotated_spreads(rotated: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """Estimate the spread of each worker's boxes around the consensus: shares of size, and radians."""
    return learn_spreads(_coordinates(rotated, index, worker)[0], pooled=pooled)


def canonical_rotated(rotated: FloatArray) -> FloatArray:
    """Return the same rectangles with w >= h and an angle in [0, pi), for squares in [0, pi / 2)."""
    out = np.array(rotated, np.float64).reshape(-1, 5)
    swap = out[:, 3] > out[:, 2]
    out[swap, 2], out[swap, 3] = out[swap, 3], out[swap, 2]
    out[swap, 4] += np.pi / 2
    turn = np.where(out[:, 2] == out[:, 3], np.pi / 2, np.pi)
    out[:, 4] = np.mod(out[:, 4], turn)
    # The modulus of a tiny negative angle is the full turn.
    out[out[:, 4] >= turn, 4] = 0.0
    return out


def _coordinates(rotated: FloatArray, index: IntArray, worker: IntArray) -> tuple[ClusterCoordinates, FloatArray]:
    aligned = rotated.astype(np.float64).reshape(-1, 5).copy()
    frames = []
    for start, end in cluster_ranges(index):
        aligned[start:end] = _aligned_forms(aligned[start:end])
        size = np.exp(np.log(aligned[start:end, 2:4]).mean())
        frames.append([*aligned[start:end, :2].mean(axis=0), size, size])
    frame = np.array(frames).reshape(-1, 4)
    row_frame = frame[index]
    centers = (aligned[:, :2] - row_frame[:, :2]) / row_frame[:, 2:]
    return ClusterCoordinates(
        index, worker, np.concatenate([centers, np.log(aligned[:, 2:4]), aligned[:, 4:]], axis=1)
    ), frame


def _aligned_forms(members: FloatArray) -> FloatArray:
    """Return the members in the forms nearest to the medoid."""
    all_costs, forms = zip(*[_nearest_forms(members, candidate) for candidate in members], strict=True)
    nearest: FloatArray = forms[int(np.argmin([costs.sum() for costs in all_costs]))]
    return nearest


def _nearest_forms(members: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return squared differences in log size and angle, (n,), and the members in their nearer form, (n, 5)."""
    costs, forms = [], []
    for swapped in (False, True):
        form = members[:, [0, 1, 3, 2, 4]].copy() if swapped else members.copy()
        angle_difference = form[:, 4] + (np.pi / 2 if swapped else 0.0) - reference[4]
        angle_difference = angle_difference - np.pi * np.round(angle_difference / np.pi)
        form[:, 4] = reference[4] + angle_difference
        costs.append(((np.log(form[:, 2:4]) - np.log(reference[2:4])) ** 2).sum(axis=1) + angle_difference**2)
        forms.append(form)
    swapped_is_nearer = costs[1] < costs[0]
    return np.where(swapped_is_nearer, costs[1], costs[0]), np.where(swapped_is_nearer[:, None], forms[1], forms[0])
