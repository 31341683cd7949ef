"""Finished answers played back: each task's answers come one after another, in an order drawn anew for each seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Arrivals:
    """An answer is all that one worker said of one task, in one row or several; all of it comes at once.

    tasks: ids, ascending, shape (t,). available: answers of each task, shape (t,). task: index of the task of each row;
    place: how many answers of this task came before it; both of shape (n,), in the order of the rows given.
    """

    tasks: IntArray
    available: IntArray
    task: IntArray
    place: IntArray

    @classmethod
    def of(cls, task: IntArray, worker: IntArray, *, seed: int) -> Arrivals:
        """From the columns, shape (n,). The order of rows plays no part."""
        tasks, index = np.unique(task, return_inverse=True)
        # Every (task, worker) pair gets a random number; ranked within its task, that is when it comes.
        pairs, pair_of = np.unique(np.stack([index, worker], axis=1), axis=0, return_inverse=True)
        drawn = np.random.default_rng(seed).random(len(pairs))
        order = np.lexsort((drawn, pairs[:, 0]))
        available = np.bincount(pairs[:, 0], minlength=len(tasks))
        first = np.cumsum(available) - available
        place = np.empty(len(pairs), np.int64)
        place[order] = np.arange(len(pairs)) - np.repeat(first, available)
        return cls(tasks, available.astype(np.int64), index.astype(np.int64), place[pair_of.reshape(-1)])

    def come(self, answers: IntArray) -> BoolArray:
        """The rows that are there when each task has so many answers, shape (t,)."""
        return self.place < answers[self.task]
