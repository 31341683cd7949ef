"""Match clusters one to one with the known objects of gold tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.matching import SAME_OBJECT, assign, similarity_matrix
from annotary_core.labels.shapes.base import Column

K = TypeVar("K", bound=Column)


@dataclass(frozen=True, slots=True)
class GoldMatches:
    """The truth of each cluster where it is known.

    truth: shape (m,), 1 for clusters that match a known object, 0 for the other clusters of gold tasks, otherwise nan.
    missed: the tasks of the known objects without a matching cluster, one entry per object.
    """

    truth: FloatArray
    missed: IntArray


def match_gold_objects(task: IntArray, fused: K, gold: Mapping[int, K]) -> GoldMatches:
    """Match the clusters of each gold task with its objects, one to one and regardless of class.

    task: shape (m,), of the m fused geometries. gold: task -> all of its objects, no rows if it is known to be empty.
    """
    truth = np.full(len(task), np.nan)
    missed: list[int] = []
    for gold_task in sorted(gold):
        rows = np.flatnonzero(task == gold_task)
        similarity = similarity_matrix(fused.take(rows), gold[gold_task])
        matched, _ = assign(similarity, similarity >= SAME_OBJECT)
        truth[rows] = 0.0
        truth[rows[matched]] = 1.0
        missed += [gold_task] * (similarity.shape[1] - len(matched))
    return GoldMatches(truth, np.array(missed, np.int64))
