"""Known objects of some tasks against the clusters found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.objects.geometry_types import Kind
from annotary_core.labels.arrays import FloatArray, IntArray

#: A cluster is a known object from this similarity on, one to one and without regard to class.
MATCH = 0.5

K = TypeVar("K", bound=Kind)


@dataclass(frozen=True, slots=True)
class Known:
    """truth: shape (m,), 1 for clusters that are a known object, 0 for those of a known task that are none, else nan.

    missed: the tasks of known objects that no cluster is, one entry an object.
    """

    truth: FloatArray
    missed: IntArray


def compare_known(task: IntArray, agreed: K, gold: Mapping[int, K]) -> Known:
    """task: shape (m,), of the m agreed objects. gold: task -> all of its objects, no rows where it is known empty."""
    truth = np.full(len(task), np.nan)
    missed: list[int] = []
    for number in sorted(gold):
        rows = np.flatnonzero(task == number)
        table = _table(agreed.taken(rows), gold[number])
        hit = table >= MATCH
        first, second = linear_sum_assignment(np.where(hit, table + sum(table.shape), 0.0), maximize=True)
        matched = hit[first, second]
        truth[rows] = 0.0
        truth[rows[first[matched]]] = 1.0
        missed += [number] * (table.shape[1] - int(matched.sum()))
    return Known(truth, np.array(missed, np.int64))


def _table(found: K, true: K) -> FloatArray:
    """The similarity of each found object with each true one."""
    n, m = len(found.keys()), len(true.keys())
    first, second = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    return found.joined(true).similarity().of(first, second + n).reshape(n, m)
