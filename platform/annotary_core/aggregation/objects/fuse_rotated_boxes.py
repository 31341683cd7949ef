"""Agreed rotated boxes: rows cx, cy, w, h, angle (radians from the x axis towards the y axis).

A rectangle has two names within half a turn: (w, h, angle) and (h, w, angle + 90 degrees). Each member takes the name
that is nearest to the member in the middle of its cluster before coordinates are compared.
"""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import Drawings, Spreads, learn_spreads, located, runs
from annotary_core.labels.arrays import FloatArray, IntArray


def agreed_rotated(
    rotated: FloatArray, index: IntArray, worker: IntArray, rates: DetectionRates, *, trust: FloatArray | None = None
) -> FloatArray:
    """Shape (m, 5), canonical (see there); `index` is the cluster of each row, rows of a cluster together."""
    drawings, frame = _coordinates(rotated, index, worker)
    here = located(drawings, rates, trust=trust)
    centre = here[:, :2] * frame[:, 2:] + frame[:, :2]
    return canonical_rotated(np.concatenate([centre, np.exp(here[:, 2:4]), here[:, 4:]], axis=1))


def rotated_spreads(rotated: FloatArray, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads:
    """How far each worker's boxes lie from the agreed ones: shares of size, and radians."""
    return learn_spreads(_coordinates(rotated, index, worker)[0], pooled=pooled)


def canonical_rotated(rotated: FloatArray) -> FloatArray:
    """The same rectangles with w >= h and an angle in [0, pi), for squares in [0, pi / 2)."""
    out = np.array(rotated, np.float64).reshape(-1, 5)
    swap = out[:, 3] > out[:, 2]
    out[swap, 2], out[swap, 3] = out[swap, 3], out[swap, 2]
    out[swap, 4] += np.pi / 2
    turn = np.where(out[:, 2] == out[:, 3], np.pi / 2, np.pi)
    out[:, 4] = np.mod(out[:, 4], turn)
    # A tiny negative angle comes out as the whole turn.
    out[out[:, 4] >= turn, 4] = 0.0
    return out


def _coordinates(rotated: FloatArray, index: IntArray, worker: IntArray) -> tuple[Drawings, FloatArray]:
    named = rotated.astype(np.float64).reshape(-1, 5).copy()
    frames = []
    for start, end in runs(index):
        named[start:end] = _named_alike(named[start:end])
        size = np.exp(np.log(named[start:end, 2:4]).mean())
        frames.append([*named[start:end, :2].mean(axis=0), size, size])
    frame = np.array(frames).reshape(-1, 4)
    at = frame[index]
    centres = (named[:, :2] - at[:, :2]) / at[:, 2:]
    return Drawings(index, worker, np.concatenate([centres, np.log(named[:, 2:4]), named[:, 4:]], axis=1)), frame


def _named_alike(members: FloatArray) -> FloatArray:
    """The members by the names nearest to the one in the middle."""
    cost, name = zip(*[_nearest_names(members, middle) for middle in members], strict=True)
    nearest: FloatArray = name[int(np.argmin([each.sum() for each in cost]))]
    return nearest


def _nearest_names(members: FloatArray, middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squared differences in log size and angle, shape (n,), and the members by their nearer name, shape (n, 5)."""
    costs, names = [], []
    for swapped in (False, True):
        name = members[:, [0, 1, 3, 2, 4]].copy() if swapped else members.copy()
        off = name[:, 4] + (np.pi / 2 if swapped else 0.0) - middle[4]
        off = off - np.pi * np.round(off / np.pi)
        name[:, 4] = middle[4] + off
        costs.append(((np.log(name[:, 2:4]) - np.log(middle[2:4])) ** 2).sum(axis=1) + off**2)
        names.append(name)
    other = costs[1] < costs[0]
    return np.where(other, costs[1], costs[0]), np.where(other[:, None], names[1], names[0])
