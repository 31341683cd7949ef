"""Which observers detected each cluster and which did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections in columns: cluster i has entries start[i] to start[i + 1], one per observer of its task, never none.

    start: shape (m + 1,). worker, detected, observation_weight, trust: shape (r,). observation_weight: how much a
    non-detection counts, 1 unless the worker drew nothing in the task or is excused; trust: non-negative, may exceed 1,
    used for workers without rates. duplicate_odds: odds that the cluster duplicates a neighbor, shape (m,).
    """

    start: IntArray
    worker: IntArray
    detected: BoolArray
    observation_weight: FloatArray
    trust: FloatArray
    duplicate_odds: FloatArray

    @property
    def index(self) -> IntArray:
        """The cluster of each entry."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def detection_count(self) -> FloatArray:
        """How many workers detected each cluster, shape (m,)."""
        return self.sums(self.detected.astype(np.float64))

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums of shape (m, ...) over the entries of each cluster."""
        if len(self.start) == 1:
            return np.zeros((0, *values.shape[1:]))
        out: FloatArray = np.add.reduceat(values, self.start[:-1], axis=0)
        return out
