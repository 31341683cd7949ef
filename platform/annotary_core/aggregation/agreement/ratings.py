"""Ratings, the input of the agreement measures: which worker gave which unit (task) which label, one vote each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.votes import run_starts
from annotary_core.aggregation.io.encoding import encode_integers
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Largest key that fits a 64-bit integer.
_KEYS = 2**63 - 1


def summed(index: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Sums of the values by index, shape (size,) or more."""
    # Without entries, numpy returns integers.
    return np.bincount(index, value, minlength=size).astype(np.float64)


@dataclass(frozen=True)
class Ratings:
    """One row per distinct (unit, worker, label), sorted by unit, worker, label; codes start at 0.

    unit, worker, label: shape (n,). share: the row's share of the worker's one vote on this unit, shape (n,); 1 unless
    the worker gave the unit several different labels. units, workers, labels: the ids of the codes.
    A worker's own answers to one unit are never compared with each other.
    """

    unit: IntArray
    worker: IntArray
    label: IntArray
    share: FloatArray
    units: IntArray
    workers: IntArray
    labels: IntArray

    @classmethod
    def of(cls, answers: Answers) -> Ratings:
        """Build from answers. Ignores weights and gold; repeated answers share the worker's vote evenly."""
        unit, worker, label = (encode_integers(column) for column in (answers.task, answers.worker, answers.label))
        ids = [np.asarray(column.names.values, np.int64) for column in (unit, worker, label)]
        units, workers, labels = ids
        sizes = [max(len(column), 1) for column in ids]
        if sizes[0] * sizes[1] * sizes[2] > _KEYS:
            order = np.lexsort((label.codes, worker.codes, unit.codes))
            columns = tuple(column.codes[order] for column in (unit, worker, label))
        else:
            # Sorting one integer per row is ten times as fast as sorting rows.
            key = np.sort((unit.codes * sizes[1] + worker.codes) * sizes[2] + label.codes)
            columns = (key // (sizes[1] * sizes[2]), key // sizes[2] % sizes[1], key % sizes[2])
        first = np.flatnonzero(run_starts(*columns))
        rows = np.diff(np.append(first, len(columns[0])))
        u, w, c = (column[first] for column in columns)
        pair = np.cumsum(run_starts(u, w)) - 1
        share = rows / np.bincount(pair, rows)[pair] if len(u) else np.empty(0)
        return cls(unit=u, worker=w, label=c, share=share, units=units, workers=workers, labels=labels)

    @cached_property
    def raters(self) -> IntArray:
        """Number of workers who answered each unit, shape (u,)."""
        first = run_starts(self.unit, self.worker)
        return np.bincount(self.unit[first], minlength=len(self.units)).astype(np.int64)

    @cached_property
    def pairable(self) -> BoolArray:
        """Whether each unit has at least two workers, shape (u,); others carry no information about agreement."""
        return self.raters >= 2

    @cached_property
    def counts(self) -> Any:
        """Votes for each label on each unit, a sparse matrix of shape (u, k)."""
        return sparse.csr_matrix((self.share, (self.unit, self.label)), shape=(len(self.units), len(self.labels)))

    @cached_property
    def totals(self) -> FloatArray:
        """Votes for each label on pairable units, shape (k,)."""
        kept = self.pairable[self.unit]
        return summed(self.label[kept], self.share[kept], len(self.labels))

    def within(self, value: FloatArray) -> FloatArray:
        """Per unit, the sum over its workers of (sum of share * value)², shape (u,). value: shape (n,)."""
        pair = np.cumsum(run_starts(self.unit, self.worker)) - 1
        per_pair = summed(pair, self.share * value, 0)
        unit = self.unit[run_starts(self.unit, self.worker)]
        return summed(unit, per_pair**2, len(self.units))

    def per_unit(self, value: FloatArray) -> FloatArray:
        """Per unit, the sum of share * value, shape (u,). value: shape (n,)."""
        return summed(self.unit, self.share * value, len(self.units))
