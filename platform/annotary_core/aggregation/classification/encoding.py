"""Answers as dense integer columns in canonical order: the form in which every worker model reads them.

A row of the answers becomes one integer, its *cell*: worker index * classes + class index. Rows are sorted by task and
cell, so that every sum of a fit runs in the same order however the answers came, and results are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from annotary_core.aggregation.base import Answers
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

Repeats = Literal["count", "share"]
IndexArray = NDArray[np.signedinteger[Any]]

#: Numbers that span at most this many times the rows are coded or sorted by a table, others by comparing.
_TABLE_PER_ROW = 4


@dataclass(frozen=True, slots=True)
class Coded:
    """Answers of t tasks, w workers and k classes in n rows, sorted by task, worker, class (and weight).

    tasks: the original ids, ascending, shape (t,). workers, classes: likewise, shapes (w,) and (k,); they may name some
    that no row does, so that parts of the tasks share one coding (see shards.py).
    start: the rows of task i are `start[i]` to `start[i + 1]`, shape (t + 1,).
    cell: worker index * k + class index of each row, shape (n,), int32 where that fits.
    vote: what each row counts, shape (n,); where all are 1 it is a read-only view of a single number.
    gold: class index that is known to be true, -1 where it is not, shape (t,).
    n: distinct workers a task, shape (t,).

    Votes may be fractions. So an answer that is a vector of class probabilities (a model's) is a row a class whose vote
    is the probability: the expected log-likelihood of the answer. `soft_rows` makes such rows.
    """

    tasks: IntArray
    workers: IntArray
    classes: IntArray
    start: IntArray
    cell: IndexArray
    vote: FloatArray
    gold: IndexArray
    n: IntArray

    @classmethod
    def of(cls, answers: Answers, *, repeats: Repeats, workers: IntArray | None = None) -> Coded:
        """The answers, coded; weights become votes.

        repeats: what r rows of one worker for one task count. "count": each its own weight, as repeated responses do
        in Dawid and Skene (1979). "share": weight / r each, one vote in all, of the mean weight.
        workers: the ids to code by, ascending; None means those in the answers. Raises ValueError for an answer of
        somebody else.
        """
        worker, ids = _codes(answers.worker) if workers is None else (_index(answers.worker, workers), workers)
        task, tasks = _codes(answers.task)
        classes = answers.classes
        cell: IndexArray = worker.astype(_index_type(len(ids) * len(classes)))
        cell *= len(classes)
        cell += _index(answers.label, classes)
        del worker
        start, cell, weight = _sorted(task, cell, answers.weights, tasks=len(tasks), cells=len(ids) * len(classes))
        del task
        first = _first_of_pair(start, cell // max(len(classes), 1))
        seen = np.concatenate([[0], np.cumsum(first)])
        return cls(
            tasks=tasks,
            workers=ids,
            classes=classes,
            start=start,
            cell=cell,
            vote=_votes(weight, first, share=repeats == "share"),
            gold=_gold(answers.gold, tasks, classes),
            n=np.diff(seen[start]).astype(np.int64, copy=False),
        )

    @property
    def task(self) -> IndexArray:
        """Task index of each row, shape (n,), computed at each call."""
        return np.repeat(np.arange(len(self.tasks), dtype=np.int32), np.diff(self.start))

    @property
    def worker(self) -> IndexArray:
        """Worker index of each row, shape (n,), computed at each call."""
        return self.cell // self.cell.dtype.type(max(len(self.classes), 1))

    @property
    def label(self) -> IndexArray:
        """Class index of each row, shape (n,), computed at each call."""
        # numpy divides by one number much faster than it takes remainders.
        return self.cell - self.worker * self.cell.dtype.type(len(self.classes))

    @property
    def uniform(self) -> bool:
        """Every vote is 1."""
        return self.vote.strides == (0,)

    def part(self, first: int, last: int) -> Coded:
        """The tasks of index `first` up to but not including `last`, in the same coding."""
        rows = slice(int(self.start[first]), int(self.start[last]))
        return replace(
            self,
            tasks=self.tasks[first:last],
            start=self.start[first : last + 1] - self.start[first],
            cell=self.cell[rows],
            vote=self.vote[rows],
            gold=self.gold[first:last],
            n=self.n[first:last],
        )

    def shares(self) -> FloatArray:
        """Each class's share of the votes of a task, known classes clamped, shape (t, k); without votes, equal."""
        tasks, classes = len(self.tasks), len(self.classes)
        at = np.repeat(np.arange(tasks, dtype=np.int64) * classes, np.diff(self.start))
        at += self.label
        counted = np.bincount(at, None if self.uniform else self.vote, minlength=tasks * classes)
        votes: FloatArray = counted.astype(np.float64, copy=False).reshape(tasks, classes)
        total = np.einsum("ij->i", votes)
        silent = total <= 0
        votes /= np.where(silent, 1.0, total)[:, None]
        votes[silent] = 1 / max(classes, 1)
        known = np.flatnonzero(self.gold >= 0)
        votes[known] = 0.0
        votes[known, self.gold[known]] = 1.0
        return votes


def soft_rows(
    task: IntArray, worker: IntArray, probabilities: FloatArray, classes: IntArray, *, repeats: Repeats
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Columns task, worker, label, weight that say class probabilities, for `Answers.of` and the same `repeats`.

    task, worker: shape (m,). probabilities: shape (m, k) over `classes`. Each vector is one vote: a row a class with a
    probability above 0, whose vote is the probability. (With "share" its weight is the probability times the number of
    such rows, which the sharing divides again.)
    """
    at, column = np.nonzero(probabilities > 0)
    weight = probabilities[at, column]
    if repeats == "share":
        weight = weight * np.bincount(at, minlength=len(probabilities))[at]
    return task[at], worker[at], classes[column], weight


def _index_type(size: int) -> np.dtype[np.signedinteger[Any]]:
    return np.dtype(np.int32) if size < 2**31 else np.dtype(np.int64)


def _codes(column: IntArray) -> tuple[IndexArray, IntArray]:
    """Index of each value among the distinct ones, and these ascending."""
    if not len(column):
        return np.empty(0, np.int32), np.empty(0, np.int64)
    low, high = int(column.min()), int(column.max())
    if high - low > _TABLE_PER_ROW * len(column) + 1024:
        ids, codes = np.unique(column, return_inverse=True)
        return codes.astype(_index_type(len(ids)), copy=False), ids
    seen = np.zeros(high - low + 1, np.bool_)
    offset = column - low
    seen[offset] = True
    table: IndexArray = np.cumsum(seen, dtype=_index_type(len(seen)))
    table -= 1
    return table[offset], np.flatnonzero(seen).astype(np.int64) + low


def _index(column: IntArray, ids: IntArray) -> IndexArray:
    """Index of each value among the ascending ids; raises ValueError for a value that is not there."""
    if not len(column):
        return np.empty(0, np.int32)
    if not len(ids) or column.min() < ids[0] or column.max() > ids[-1]:
        raise ValueError("A row names a worker or class that is not among the given ones.")
    span = int(ids[-1]) - int(ids[0]) + 1
    if span > _TABLE_PER_ROW * len(column) + 1024:
        index: IndexArray = np.searchsorted(ids, column).astype(_index_type(len(ids)))
        unknown = bool((ids[index] != column).any())
    else:
        table = np.full(span, -1, np.int32)
        table[ids - ids[0]] = np.arange(len(ids), dtype=np.int32)
        index = table[column - ids[0]]
        unknown = bool((index < 0).any())
    if unknown:
        raise ValueError("A row names a worker or class that is not among the given ones.")
    return index


def _sorted(
    task: IndexArray, cell: IndexArray, weight: FloatArray | None, *, tasks: int, cells: int
) -> tuple[IntArray, IndexArray, FloatArray | None]:
    """Where each task's rows start, and the other columns by task, cell, weight."""
    if weight is None and cells <= _TABLE_PER_ROW * len(cell) + 1024:
        by_cell = _buckets(cell, task, cells)
        cell = np.repeat(np.arange(cells, dtype=cell.dtype), np.diff(by_cell.indptr))
        by_task = _buckets(by_cell.data, cell, tasks)
        return by_task.indptr.astype(np.int64), by_task.data, None
    order = np.lexsort((cell, task) if weight is None else (weight, cell, task))
    start = np.concatenate([[0], np.cumsum(np.bincount(task, minlength=tasks))]).astype(np.int64)
    return start, cell[order], None if weight is None else weight[order]


def _buckets(key: IndexArray, payload: IndexArray, size: int) -> csc_array:
    """The payload in the order of its keys (counting sort, stable) as `data`, and where each key starts as `indptr`.

    Turning a matrix with an entry a row from rows to columns is just that, several times as fast as sorting.
    """
    rows = len(key)
    return csr_array((payload, key, np.arange(rows + 1, dtype=_index_type(rows + 1))), shape=(rows, size)).tocsc()


def _first_of_pair(start: IntArray, worker: IndexArray) -> BoolArray:
    """Whether a row is the first of its worker for its task."""
    first = np.ones(len(worker), np.bool_)
    np.not_equal(worker[1:], worker[:-1], out=first[1:])
    first[start[:-1][start[:-1] < start[1:]]] = True
    return first


def _votes(weight: FloatArray | None, first: BoolArray, *, share: bool) -> FloatArray:
    if weight is None and (not share or bool(first.all())):
        return np.broadcast_to(np.float64(1.0), first.shape)
    vote = np.ones(len(first)) if weight is None else weight
    if not share:
        return vote
    rows = np.diff(np.append(np.flatnonzero(first), len(first)))
    return np.asarray(vote / np.repeat(rows, rows), np.float64)


def _gold(gold: Mapping[int, int], tasks: IntArray, classes: IntArray) -> IndexArray:
    out = np.full(len(tasks), -1, np.int32)
    if gold and len(tasks):
        task = np.fromiter(gold.keys(), np.int64, len(gold))
        label = np.fromiter(gold.values(), np.int64, len(gold))
        at = np.minimum(np.searchsorted(tasks, task), len(tasks) - 1)
        here = tasks[at] == task
        out[at[here]] = np.searchsorted(classes, label[here])
    return out
