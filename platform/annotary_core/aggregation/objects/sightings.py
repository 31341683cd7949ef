"""Who drew what and who was silent, cluster by cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sightings:
    """Cluster i has the entries start[i] to start[i + 1], one for each worker who saw its task, at least one.

    start: shape (m + 1,). worker, drew, looks, trust: shape (r,); looks: how much silence counts, 1 unless the worker
    drew nothing at all or is excused; trust: 0 to 1 and above, heeded for workers without rates. stray: odds of being a
    stray drawing, shape (m,).
    """

    start: IntArray
    worker: IntArray
    drew: BoolArray
    looks: FloatArray
    trust: FloatArray
    stray: FloatArray

    @property
    def index(self) -> IntArray:
        """The cluster of each entry."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def drawn(self) -> FloatArray:
        """How many drew each cluster, shape (m,)."""
        return self.sums(self.drew.astype(np.float64))

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums of shape (m, ...) over the entries of each cluster."""
        if len(self.start) == 1:
            return np.zeros((0, *values.shape[1:]))
        out: FloatArray = np.add.reduceat(values, self.start[:-1], axis=0)
        return out
