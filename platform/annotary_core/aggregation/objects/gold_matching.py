"""Match clusters one to one with the known objects of gold tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.objects.geometry_types import GeometryColumn
from annotary_core.labels.arrays import FloatArray, IntArray

#: Minimum similarity at which a cluster matches a known object, one to one and regardless of class.
MATCH_SIMILARITY = 0.5

K = TypeVar("K", bound=GeometryColumn)


@dataclass(frozen=True, slots=True)
class GoldMatches:
    """The truth of each cluster where it is known.

    truth: shape (m,), 1 for clusters that match a known object, 0 for the other clusters of gold tasks, otherwise nan.
    missed: the tasks of the known objects without a matching cluster, one entry per object.
    """

    truth: FloatArray
    missed: IntArray


def match_gold_objects(task: IntArray, fused: K, gold: Mapping[int, K]) -> GoldMatches:
    """Match the clusters of each gold task with its objects.

    task: shape (m,), of the m fused geometries. gold: task -> all of its objects, no rows if it is known to be empty.
    """
    truth = np.full(len(task), np.nan)
    missed: list[int] = []
    for gold_task in sorted(gold):
        rows = np.flatnonzero(task == gold_task)
        similarity = _similarity_matrix(fused.take(rows), gold[gold_task])
        matches = similarity >= MATCH_SIMILARITY
        cluster, true_object = linear_sum_assignment(
            np.where(matches, similarity + sum(similarity.shape), 0.0), maximize=True
        )
        matched = matches[cluster, true_object]
        truth[rows] = 0.0
        truth[rows[cluster[matched]]] = 1.0
        missed += [gold_task] * (similarity.shape[1] - int(matched.sum()))
    return GoldMatches(truth, np.array(missed, np.int64))


def _similarity_matrix(fused: K, true: K) -> FloatArray:
    """Return the similarity of each cluster with each true object."""
    n, m = len(fused.sort_keys()), len(true.sort_keys())
    first, second = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    return fused.concat(true).similarity().of(first, second + n).reshape(n, m)
