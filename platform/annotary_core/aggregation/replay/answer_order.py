"""The order in which a replay reveals answers: a random order per task, determined by the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class AnswerOrder:
    """The rank of each row within its task.

    An answer is everything one worker said about one task, in one or more rows that arrive together. tasks: ids,
    ascending, shape (t,). available: answers of each task, shape (t,). task: task index of each row; place: the number
    of earlier answers to the same task; both of shape (n,), in the input order of the rows.
    """

    tasks: IntArray
    available: IntArray
    task: IntArray
    rank: IntArray

    @classmethod
    def of(cls, task: IntArray, worker: IntArray, *, seed: int) -> AnswerOrder:
        """Draw the order from the columns, shape (n,). It does not depend on the order of rows."""
        tasks, index = np.unique(task, return_inverse=True)
        # Every (task, worker) pair gets a random number; its rank within the task is the arrival order.
        pairs, pair_of = np.unique(np.stack([index, worker], axis=1), axis=0, return_inverse=True)
        sort_key = np.random.default_rng(seed).random(len(pairs))
        order = np.lexsort((sort_key, pairs[:, 0]))
        available = np.bincount(pairs[:, 0], minlength=len(tasks))
        first = np.cumsum(available) - available
        rank = np.empty(len(pairs), np.int64)
        rank[order] = np.arange(len(pairs)) - np.repeat(first, available)
        return cls(tasks, available.astype(np.int64), index.astype(np.int64), rank[pair_of.reshape(-1)])

    def arrived(self, answers: IntArray) -> BoolArray:
        """Return the rows that have arrived once each task has this many answers; answers: shape (t,)."""
        return self.rank < answers[self.task]
