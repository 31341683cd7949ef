"""Input and output of consensus methods, stored in columns so that a million answers are a few arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Largest absolute coordinate, in pixels. No image is that large, and areas and sums stay exact enough.
MAX_COORDINATE = 1e9
#: Most correct or incorrect answers that a history may hold; up to here doubles still count one by one.
MAX_HISTORY = 1e15


def _ints(values: ArrayLike, name: str) -> IntArray:
    column = np.asarray(values)
    if column.size and column.dtype.kind not in "iu":
        raise ValueError(f"The column {name} must hold integers, not {column.dtype}.")
    if column.ndim != 1:
        raise ValueError(f"The column {name} must be one-dimensional.")
    return column.astype(np.int64)


def _distinct(column: IntArray) -> IntArray:
    """The unique values, ascending. Classes are mostly small integers, which are counted faster than sorted."""
    if not len(column) or column.min() < 0 or column.max() > len(column):
        return np.unique(column)
    return np.flatnonzero(np.bincount(column)).astype(np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers in columns: row i records that `worker[i]` gave `task[i]` the class `label[i]`.

    task, worker, label: integers of any value, shape (n,), in any order.
    weights: how much each row counts, non-negative, shape (n,); None means 1.
    classes: all classes of the schema, shape (k,), sorted and unique; if empty, the classes in `label` and `gold`.
    priors: probability of each of `classes`, shape (k,), summing to 1; None means unknown.
    gold: task -> true class; the posterior of such a task is clamped to it.
    history: worker -> (correct, incorrect) answer counts from elsewhere, such as gold or earlier projects, each from 0
    to MAX_HISTORY, fractions allowed. They enter as pseudo-counts.

    Raises ValueError for columns that do not fit together.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    weights: FloatArray | None = None
    classes: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    priors: FloatArray | None = None
    gold: Mapping[int, int] = field(default_factory=dict)
    history: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        task: ArrayLike,
        worker: ArrayLike,
        label: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        priors: ArrayLike | None = None,
        gold: Mapping[int, int] | None = None,
        history: Mapping[int, tuple[float, float]] | None = None,
    ) -> Answers:
        """Build the columns from anything that numpy can convert."""
        return cls(
            task=_ints(task, "task"),
            worker=_ints(worker, "worker"),
            label=_ints(label, "label"),
            weights=None if weights is None else np.asarray(weights, np.float64),
            classes=np.empty(0, np.int64) if classes is None else _ints(classes, "classes"),
            priors=None if priors is None else np.asarray(priors, np.float64),
            gold=gold or {},
            history=history or {},
        )

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label):
            raise ValueError("The columns task, worker and label must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.task))
        seen = np.union1d(_distinct(self.label), np.fromiter(self.gold.values(), np.int64, len(self.gold)))
        if not len(self.classes):
            object.__setattr__(self, "classes", seen)
        if not np.array_equal(self.classes, np.unique(self.classes)):
            raise ValueError("The classes must be sorted and unique.")
        if not np.isin(seen, self.classes).all():
            raise ValueError("An answer names a class that is not among the classes.")
        if self.priors is not None:
            _check_priors(self.priors, len(self.classes))
        if self.history:
            _check_history(self.history)


def check_weights(weights: FloatArray, rows: int) -> None:
    """Raises ValueError unless there is one finite, non-negative weight per row."""
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("The weights must be one finite, non-negative number per row.")


def _check_priors(priors: FloatArray, classes: int) -> None:
    if priors.shape != (classes,) or (priors < 0).any() or not np.isclose(priors.sum(), 1.0):
        raise ValueError("The priors must be one probability per class, summing to 1.")


def _check_history(history: Mapping[int, tuple[float, float]]) -> None:
    counts = np.array(list(history.values()), np.float64)
    if counts.shape != (len(history), 2) or not ((counts >= 0) & (counts <= MAX_HISTORY)).all():
        raise ValueError("A worker's history must be two numbers, correct and incorrect answers, from 0 to 1e15.")


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Sparse class probabilities of each task: task i has the entries `start[i]` to `start[i + 1]`.

    start: shape (t + 1,). label: class ids, ascending within a task. p: probabilities, summing to 1 within a task.
    """

    start: IntArray
    label: IntArray
    p: FloatArray

    def of(self, index: int) -> dict[int, float]:
        """The probabilities of the task at this index; omitted classes have probability 0."""
        part = slice(int(self.start[index]), int(self.start[index + 1]))
        return {int(label): float(p) for label, p in zip(self.label[part], self.p[part], strict=True)}

    def dense(self, classes: IntArray) -> FloatArray:
        """The probabilities as a matrix, shape (t, k), over the given sorted classes."""
        out = np.zeros((len(self.start) - 1, len(classes)))
        rows = np.repeat(np.arange(len(out)), np.diff(self.start))
        out[rows, np.searchsorted(classes, self.label)] = self.p
        return out


@dataclass(frozen=True, slots=True)
class Consensus:
    """The aggregated labels, one entry per task, tasks ascending; all columns have shape (t,).

    label: the chosen class. confidence: its posterior. n: number of workers who answered. tied: several classes have
    the highest posterior, and a tie break chose among them. `workers` and `skill` (the worker's accuracy as the method
    estimates it) are empty for methods that do not model workers.
    """

    task: IntArray
    label: IntArray
    confidence: FloatArray
    n: IntArray
    tied: BoolArray
    posteriors: Posteriors
    workers: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    skill: FloatArray = field(default_factory=lambda: np.empty(0))


class Method(Protocol):
    """A method that aggregates the answers into one class per task.

    `uses` names the optional inputs that the method takes into account, out of "weights", "priors", "gold" and
    "history"; it ignores the others. For every method, the result does not depend on the order of rows, to the last
    bit.
    """

    @property
    def name(self) -> str: ...

    @property
    def uses(self) -> frozenset[str]: ...

    def fit_predict(self, answers: Answers) -> Consensus:
        """Aggregate the answers: one result per task that has at least one row."""
        ...
