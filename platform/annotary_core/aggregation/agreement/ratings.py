"""Answers as the measures of agreement want them: who gave which unit (task) which label, each worker with one vote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.votes import changes
from annotary_core.aggregation.io.encoding import code_integers
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Keys above this do not fit a 64-bit integer.
_KEYS = 2**63 - 1


def summed(index: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Sums of the values with the same index, shape (size,) or more."""
    # Without entries numpy makes integers.
    return np.bincount(index, value, minlength=size).astype(np.float64)


@dataclass(frozen=True)
class Ratings:
    """One row for each (unit, worker, label) that was given, by unit, worker, label; codes count from 0.

    unit, worker, label: shape (n,). share: the part of the worker's one vote on this unit, shape (n,); it is 1 unless
    the worker answered the unit several times, in different ways. units, workers, labels: what the codes stand for.
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
        """From answers; weights and gold are not heeded, and repeated answers share the worker's vote evenly."""
        unit, worker, label = (code_integers(column) for column in (answers.task, answers.worker, answers.label))
        ids = [np.asarray(column.names.values, np.int64) for column in (unit, worker, label)]
        units, workers, labels = ids
        sizes = [max(len(column), 1) for column in ids]
        if sizes[0] * sizes[1] * sizes[2] > _KEYS:
            order = np.lexsort((label.codes, worker.codes, unit.codes))
            columns = tuple(column.codes[order] for column in (unit, worker, label))
        else:
            # Sorting one number a row is ten times as quick as sorting rows.
            key = np.sort((unit.codes * sizes[1] + worker.codes) * sizes[2] + label.codes)
            columns = (key // (sizes[1] * sizes[2]), key // sizes[2] % sizes[1], key % sizes[2])
        first = np.flatnonzero(changes(*columns))
        rows = np.diff(np.append(first, len(columns[0])))
        u, w, c = (column[first] for column in columns)
        pair = np.cumsum(changes(u, w)) - 1
        share = rows / np.bincount(pair, rows)[pair] if len(u) else np.empty(0)
        return cls(unit=u, worker=w, label=c, share=share, units=units, workers=workers, labels=labels)

    @cached_property
    def raters(self) -> IntArray:
        """Workers who answered each unit, shape (u,)."""
        first = changes(self.unit, self.worker)
        return np.bincount(self.unit[first], minlength=len(self.units)).astype(np.int64)

    @cached_property
    def pairable(self) -> BoolArray:
        """Units with at least two workers, shape (u,); others say nothing of agreement."""
        return self.raters >= 2

    @cached_property
    def counts(self) -> Any:
        """Votes of each unit for each label: a sparse matrix, shape (u, k)."""
        return sparse.csr_matrix((self.share, (self.unit, self.label)), shape=(len(self.units), len(self.labels)))

    @cached_property
    def totals(self) -> FloatArray:
        """Votes for each label on pairable units, shape (k,)."""
        kept = self.pairable[self.unit]
        return summed(self.label[kept], self.share[kept], len(self.labels))

    def within(self, value: FloatArray) -> FloatArray:
        """Sum over a unit's workers of (sum of share times value)², shape (u,); value of shape (n,)."""
        pair = np.cumsum(changes(self.unit, self.worker)) - 1
        per_pair = summed(pair, self.share * value, 0)
        unit = self.unit[changes(self.unit, self.worker)]
        return summed(unit, per_pair**2, len(self.units))

    def per_unit(self, value: FloatArray) -> FloatArray:
        """Sum over a unit's votes of the value, shape (u,); value of shape (n,)."""
        return summed(self.unit, self.share * value, len(self.units))
