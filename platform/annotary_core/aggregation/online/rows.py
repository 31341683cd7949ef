"""Append-only storage of answers in growing columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import IntArray

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class AnswerView:
    """A snapshot of the answers. Rows are never modified, so these columns stay valid while more answers arrive.

    tasks: ids in the order of their first answers, shape (t,). task: index into them; worker: ids; label: class index;
    previous: the previous row of the same task, -1 if none; all of shape (n,).
    """

    tasks: IntArray
    task: IntArray
    worker: IntArray
    label: IntArray
    previous: IntArray

    def of_tasks_since(self, first: int) -> IntArray:
        """All rows, including earlier ones, of the tasks of the rows from `first` on, in any order."""
        reversed_tasks = self.task[first:][::-1]
        newest = len(self.task) - 1 - np.unique(reversed_tasks, return_index=True)[1]
        rows, row = [newest[:0]], newest
        while len(row):
            rows.append(row)
            row = self.previous[row]
            row = row[row >= 0]
        return np.concatenate(rows)


class AnswerTable:
    """An append-only table of answers whose columns grow by doubling."""

    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self._size = 0
        self._tasks, self._newest = np.empty(0, np.int64), np.empty(0, np.int64)
        self._task, self._worker, self._label, self._previous = (np.empty(0, np.int64) for _ in range(4))

    def __len__(self) -> int:
        return self._size

    def index_of(self, task: int) -> int:
        """The index of a task. Raises KeyError for a task without answers."""
        return self._index[task]

    def view(self) -> AnswerView:
        """A snapshot of all answers so far, without copying."""
        size, tasks = self._size, len(self._index)
        columns = (self._task, self._worker, self._label, self._previous)
        return AnswerView(self._tasks[:tasks], *(column[:size] for column in columns))

    def append(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """Append answers. task, worker: ids; label: class index; all of shape (m,)."""
        index = self._indices(task)
        first, self._size = self._size, self._size + len(task)
        self._task = grown(self._task, self._size)
        self._worker = grown(self._worker, self._size)
        self._label = grown(self._label, self._size)
        self._previous = grown(self._previous, self._size)
        rows = slice(first, self._size)
        self._task[rows], self._worker[rows], self._label[rows] = index, worker, label
        order = np.argsort(index, kind="stable")
        sorted_index = index[order]
        has_earlier = np.zeros(len(index), np.bool_)
        has_earlier[1:] = sorted_index[1:] == sorted_index[:-1]
        previous = np.empty(len(index), np.int64)
        previous[order] = np.where(has_earlier, np.roll(order, 1) + first, self._newest[sorted_index])
        self._previous[rows] = previous
        # Of equal indices, the last assignment wins.
        self._newest[sorted_index] = order + first

    def _indices(self, task: IntArray) -> IntArray:
        unique, inverse = np.unique(task, return_inverse=True)
        index = np.empty(len(unique), np.int64)
        for position, task_id in enumerate(unique.tolist()):
            index[position] = self._index.setdefault(task_id, len(self._index))
        count = len(self._index)
        self._tasks, self._newest = grown(self._tasks, count), grown(self._newest, count, fill=-1)
        self._tasks[index] = unique
        return index[inverse]


def grown(array: NDArray[_Kind], size: int, *, fill: float = 0) -> NDArray[_Kind]:
    """The array with capacity for `size` entries along its first axis, at least doubled if it has to grow."""
    if len(array) >= size:
        return array
    larger = np.full((max(size, 2 * len(array), 16), *array.shape[1:]), fill, array.dtype)
    larger[: len(array)] = array
    return larger
