"""Answers encoded as dense integer columns in canonical order, the input of every error model.

Each row becomes one integer, its *cell*: worker index * classes + class index. Rows are sorted by task and cell, so
that every sum of a fit runs in the same order whatever the order of the answers, and results are equal to the last bit.
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

#: Integers that span at most this many times the number of rows are encoded or sorted by a lookup table.
_TABLE_PER_ROW = 4


@dataclass(frozen=True, slots=True)
class EncodedAnswers:
    """Answers of t tasks, w workers and k classes in n rows, sorted by task, worker, class (and weight).

    tasks: the original ids, ascending, shape (t,). workers, classes: likewise, shapes (w,) and (k,); they may include
    ids that no row has, so that shards of the tasks share one encoding (see fit_passes.py).
    start: the rows of task i are `start[i]` to `start[i + 1]`, shape (t + 1,).
    cell: worker index * k + class index of each row, shape (n,), int32 if it fits.
    vote: vote of each row, shape (n,); if all are 1, a read-only view of a single number.
    gold: true class index, -1 if unknown, shape (t,).
    n: number of distinct workers per task, shape (t,).

    Votes may be fractions. A soft label, such as a model's class probabilities, is one row per class whose vote is the
    probability, which gives the expected log-likelihood of the answer. `soft_label_rows` builds such rows.
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
    def of(cls, answers: Answers, *, repeats: Repeats, workers: IntArray | None = None) -> EncodedAnswers:
        """Encode the answers; weights become votes.

        repeats: how r rows of one worker for one task count. "count": each with its own weight, like the repeated
        responses in Dawid and Skene (1979). "share": with weight / r each, so together one vote of the mean weight.
        workers: the worker ids to encode with, ascending; None means those in the answers. Raises ValueError for an
        answer of any other worker.
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
        """Task index of each row, shape (n,), computed on each access."""
        return np.repeat(np.arange(len(self.tasks), dtype=np.int32), np.diff(self.start))

    @property
    def worker(self) -> IndexArray:
        """Worker index of each row, shape (n,), computed on each access."""
        return self.cell // self.cell.dtype.type(max(len(self.classes), 1))

    @property
    def label(self) -> IndexArray:
        """Class index of each row, shape (n,), computed on each access."""
        # In numpy, division by a scalar is much faster than the remainder.
        return self.cell - self.worker * self.cell.dtype.type(len(self.classes))

    @property
    def is_uniform(self) -> bool:
        """Whether every vote is 1."""
        return self.vote.strides == (0,)

    def part(self, first: int, last: int) -> EncodedAnswers:
        """The tasks with index `first` up to but excluding `last`, in the same encoding."""
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

    def vote_shares(self) -> FloatArray:
        """Vote share of each class in each task, shape (t, k); gold tasks are clamped, tasks without votes uniform."""
        tasks, classes = len(self.tasks), len(self.classes)
        index = np.repeat(np.arange(tasks, dtype=np.int64) * classes, np.diff(self.start))
        index += self.label
        counted = np.bincount(index, None if self.is_uniform else self.vote, minlength=tasks * classes)
        votes: FloatArray = counted.astype(np.float64, copy=False).reshape(tasks, classes)
        total = np.einsum("ij->i", votes)
        no_votes = total <= 0
        votes /= np.where(no_votes, 1.0, total)[:, None]
        votes[no_votes] = 1 / max(classes, 1)
        gold_tasks = np.flatnonzero(self.gold >= 0)
        votes[gold_tasks] = 0.0
        votes[gold_tasks, self.gold[gold_tasks]] = 1.0
        return votes


def soft_label_rows(
    task: IntArray, worker: IntArray, probabilities: FloatArray, classes: IntArray, *, repeats: Repeats
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Build columns task, worker, label, weight from soft labels, for `Answers.of` and the same `repeats`.

    task, worker: shape (m,). probabilities: shape (m, k) over `classes`. Each vector is one vote: one row per class
    with a probability above 0, whose vote is the probability. (With "share" the weight is the probability times the
    number of these rows, as encoding divides by that number.)
    """
    vector, column = np.nonzero(probabilities > 0)
    weight = probabilities[vector, column]
    if repeats == "share":
        weight = weight * np.bincount(vector, minlength=len(probabilities))[vector]
    return task[vector], worker[vector], classes[column], weight


def _index_type(size: int) -> np.dtype[np.signedinteger[Any]]:
    return np.dtype(np.int32) if size < 2**31 else np.dtype(np.int64)


def _codes(column: IntArray) -> tuple[IndexArray, IntArray]:
    """Index of each value among the unique values, and the unique values, ascending."""
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
    """Index of each value among the ascending ids. Raises ValueError for a value that is not an id."""
    if not len(column):
        return np.empty(0, np.int32)
    if not len(ids) or column.min() < ids[0] or column.max() > ids[-1]:
        raise ValueError("A row has a worker or class that is not among the given ids.")
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
        raise ValueError("A row has a worker or class that is not among the given ids.")
    return index


def _sorted(
    task: IndexArray, cell: IndexArray, weight: FloatArray | None, *, tasks: int, cells: int
) -> tuple[IntArray, IndexArray, FloatArray | None]:
    """Start of each task's rows, and the other columns sorted by task, cell and weight."""
    if weight is None and cells <= _TABLE_PER_ROW * len(cell) + 1024:
        by_cell = _buckets(cell, task, cells)
        cell = np.repeat(np.arange(cells, dtype=cell.dtype), np.diff(by_cell.indptr))
        by_task = _buckets(by_cell.data, cell, tasks)
        return by_task.indptr.astype(np.int64), by_task.data, None
    order = np.lexsort((cell, task) if weight is None else (weight, cell, task))
    start = np.concatenate([[0], np.cumsum(np.bincount(task, minlength=tasks))]).astype(np.int64)
    return start, cell[order], None if weight is None else weight[order]


def _buckets(key: IndexArray, payload: IndexArray, size: int) -> csc_array:
    """Stable counting sort: the payload in the order of its keys as `data`, and the start of each key as `indptr`.

    Converting a sparse matrix with one entry per row to column order does exactly this, and is several times as fast as
    sorting.
    """
    rows = len(key)
    return csr_array((payload, key, np.arange(rows + 1, dtype=_index_type(rows + 1))), shape=(rows, size)).tocsc()


def _first_of_pair(start: IntArray, worker: IndexArray) -> BoolArray:
    """Whether each row is the first of its worker for its task."""
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
        index = np.minimum(np.searchsorted(tasks, task), len(tasks) - 1)
        is_encoded = tasks[index] == task
        out[index[is_encoded]] = np.searchsorted(classes, label[is_encoded])
    return out
