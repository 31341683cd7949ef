"""Known objects of some tasks against the clusters found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from tasks.answers.geometry import pairwise_iou
from tasks.consensus.algorithms.base import FloatArray, IntArray

#: A cluster is a known object from this overlap on, one to one and without regard to class.
MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """truth: shape (m,), 1 for clusters that are a known object, 0 for those of a known task that are none, else nan.

    missed: the tasks of known objects that no cluster is, one entry an object.
    """

    truth: FloatArray
    missed: IntArray


def compare_known(task: IntArray, box: FloatArray, gold: Mapping[int, ArrayLike]) -> Known:
    """gold: task -> its objects, shape (g, 4), x1, y1, x2, y2; no rows where the image is known to be empty."""
    truth = np.full(len(task), np.nan)
    missed: list[int] = []
    for number in sorted(gold):
        boxes = np.asarray(gold[number], np.float64).reshape(-1, 4)
        rows = np.flatnonzero(task == number)
        table = pairwise_iou(box[rows], boxes)
        hit = table >= MATCH_IOU
        first, second = linear_sum_assignment(np.where(hit, table + len(boxes) + 1, 0.0), maximize=True)
        matched = hit[first, second]
        truth[rows] = 0.0
        truth[rows[first[matched]]] = 1.0
        missed += [number] * (len(boxes) - int(matched.sum()))
    return Known(truth, np.array(missed, np.int64))
