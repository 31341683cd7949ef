"""Answers kept as they come, in columns that grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import IntArray

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Kept:
    """The answers up to a moment: rows never change, so these columns stay as they are while more come.

    tasks: ids in the order of their first answers, shape (t,). task: index into them; worker: ids; label: index of the
    class; before: the row of the same task that came before this one, -1 for none; all of shape (n,).
    """

    tasks: IntArray
    task: IntArray
    worker: IntArray
    label: IntArray
    before: IntArray

    def of_tasks_since(self, first: int) -> IntArray:
        """All rows, early ones too, of the tasks that the rows from `first` on are about; in any order."""
        backwards = self.task[first:][::-1]
        newest = len(self.task) - 1 - np.unique(backwards, return_index=True)[1]
        found, at = [newest[:0]], newest
        while len(at):
            found.append(at)
            at = self.before[at]
            at = at[at >= 0]
        return np.concatenate(found)


class Rows:
    """Grows by doubling."""

    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self._size = 0
        self._tasks, self._newest = np.empty(0, np.int64), np.empty(0, np.int64)
        self._task, self._worker, self._label, self._before = (np.empty(0, np.int64) for _ in range(4))

    def __len__(self) -> int:
        return self._size

    def index_of(self, task: int) -> int:
        """Raises KeyError for a task without answers."""
        return self._index[task]

    def kept(self) -> Kept:
        """All so far, without copying."""
        size, tasks = self._size, len(self._index)
        columns = (self._task, self._worker, self._label, self._before)
        return Kept(self._tasks[:tasks], *(column[:size] for column in columns))

    def append(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """task, worker: ids; label: index of the class; shape (m,)."""
        at = self._indices(task)
        first, self._size = self._size, self._size + len(task)
        self._task = grown(self._task, self._size)
        self._worker = grown(self._worker, self._size)
        self._label = grown(self._label, self._size)
        self._before = grown(self._before, self._size)
        rows = slice(first, self._size)
        self._task[rows], self._worker[rows], self._label[rows] = at, worker, label
        order = np.argsort(at, kind="stable")
        ranked = at[order]
        follows = np.zeros(len(at), np.bool_)
        follows[1:] = ranked[1:] == ranked[:-1]
        earlier = np.empty(len(at), np.int64)
        earlier[order] = np.where(follows, np.roll(order, 1) + first, self._newest[ranked])
        self._before[rows] = earlier
        # The last of equal indices is the one that stays.
        self._newest[ranked] = order + first

    def _indices(self, task: IntArray) -> IntArray:
        unique, inverse = np.unique(task, return_inverse=True)
        index = np.empty(len(unique), np.int64)
        for place, number in enumerate(unique.tolist()):
            index[place] = self._index.setdefault(number, len(self._index))
        known = len(self._index)
        self._tasks, self._newest = grown(self._tasks, known), grown(self._newest, known, fill=-1)
        self._tasks[index] = unique
        return index[inverse]


def grown(array: NDArray[_Kind], size: int, *, fill: float = 0) -> NDArray[_Kind]:
    """The array with room for `size` entries along its first axis, at least doubled when it has to grow."""
    if len(array) >= size:
        return array
    room = np.full((max(size, 2 * len(array), 16), *array.shape[1:]), fill, array.dtype)
    room[: len(array)] = array
    return room
