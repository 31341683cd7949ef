"""Sufficient statistics of an error model: all that the M-step needs to know about the tasks. They are additive."""

from __future__ import annotations

from dataclasses import dataclass

from annotary_core.labels.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class SufficientStatistics:
    """The result of an E-step; for two disjoint sets of tasks, add theirs.

    counts: shape (w, k, l), the expected number of votes of worker w for label l on tasks of true class k: the sum over
    the worker's rows with label l of vote times posterior of k. class_counts: expected number of tasks of each class,
    shape (k,). log_likelihood: natural logarithm, of the answers and the gold classes. tasks: number of tasks.
    """

    counts: FloatArray
    class_counts: FloatArray
    log_likelihood: float
    tasks: int

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        return SufficientStatistics(
            counts=self.counts + other.counts,
            class_counts=self.class_counts + other.class_counts,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            tasks=self.tasks + other.tasks,
        )
