"""Sufficient statistics of a worker model: all that a fit needs to know of the tasks, and it adds up."""

from __future__ import annotations

from dataclasses import dataclass

from annotary_core.labels.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the E-step found in some tasks; that of two disjoint sets of tasks is the sum.

    counts: shape (w, k, l), how often worker w is expected to have said l of tasks of class k: the votes of their rows
    that say l, times the task's posterior of k, summed. class_counts: expected number of tasks of each class, shape
    (k,). log_likelihood: natural logarithm, of the answers and the known classes. tasks: how many.
    """

    counts: FloatArray
    class_counts: FloatArray
    log_likelihood: float
    tasks: int

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            counts=self.counts + other.counts,
            class_counts=self.class_counts + other.class_counts,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            tasks=self.tasks + other.tasks,
        )
