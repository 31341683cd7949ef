"""The posteriors behind online.py under one state: kept up to date by a compiled loop, or by scoring tasks anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.predict import class_prior, score
from annotary_core.aggregation.online.rows import Kept, grown
from annotary_core.labels.arrays import FloatArray, IntArray


class Scores(Protocol):
    """Posteriors of tasks by index, shape (t or more, k)."""

    state: BlendState
    posterior: FloatArray

    def take(self, kept: Kept, first: int) -> None:
        """Heed the rows from `first` on."""
        ...


@dataclass(frozen=True, slots=True)
class Gold:
    """Task -> index of the class that is known to be true."""

    known: Mapping[int, int]

    def codes(self, tasks: IntArray, among: IntArray) -> Iterator[tuple[int, int]]:
        """The indices `among` those of `tasks` whose class is known, with that class."""
        if self.known:
            for index in among.tolist():
                code = self.known.get(int(tasks[index]))
                if code is not None:
                    yield index, code


class Rescored:
    """Scores the tasks that got answers anew, with all their answers: needs no numba, and has no limit of classes."""

    def __init__(self, state: BlendState, classes: IntArray, gold: Gold) -> None:
        self.state = state
        self.posterior = np.empty((0, len(classes)))
        self._classes, self._gold = classes, gold

    def take(self, kept: Kept, first: int) -> None:
        self.posterior = grown(self.posterior, len(kept.tasks))
        rows = kept.of_tasks_since(first)
        task = kept.task[rows]
        coded = Coded.of(
            Answers(task, kept.worker[rows], self._classes[kept.label[rows]], classes=self._classes), repeats="share"
        )
        self.posterior[coded.tasks] = score(self.state, coded)
        for index, known in self._gold.codes(kept.tasks, coded.tasks):
            self.posterior[index] = np.arange(len(self._classes)) == known


class Compiled:
    """Adds each answer to the log scores of its task, about a microsecond each. Needs numba."""

    def __init__(self, state: BlendState, classes: IntArray, gold: Gold) -> None:
        from annotary_core.aggregation.online.kernels_numba import take

        self.state = state
        self._loop = take
        self._gold = gold
        size = len(classes)
        same = np.array_equal(classes, state.classes)
        self._blend = state.blend if same else 0.0
        # The last row stands for everybody whom the state does not know.
        stranger = np.append(state.workers, state.workers.max(initial=0) + 1)
        able = np.clip(state.accuracy_of(stranger), 1e-9, 1 - 1e-9)
        self._coin = np.log(able) - np.log((1 - able) / max(size - 1, 1)) if size > 1 else np.zeros(len(able))
        rows = state.confusion_of(stranger) if self._blend > 0 else np.ones((len(able), size, size))
        log_theta = np.log(np.maximum(rows, 1e-300))
        self._cell = np.ascontiguousarray(log_theta.transpose(0, 2, 1)).reshape(-1, size)
        self._priors = class_prior(state, classes), state.confusion_prior if same else np.zeros(size)
        self.posterior = np.empty((0, size))
        self._by_coin, self._by_cell = np.empty((0, size)), np.empty((0, size))
        self._workers, self._known, self._tasks = np.empty(0, np.int64), np.empty(0, np.int64), 0

    def take(self, kept: Kept, first: int) -> None:
        self._open(kept.tasks)
        worker = kept.worker[first:]
        at = np.searchsorted(self.state.workers, worker)
        if len(self.state.workers):
            unknown = self.state.workers[np.minimum(at, len(self.state.workers) - 1)] != worker
            at[unknown] = len(self.state.workers)
        self._loop(
            first,
            kept.task,
            kept.worker,
            at,
            kept.label,
            kept.before,
            self._coin,
            self._cell,
            self._known,
            self._blend,
            self.state.alike,
            self._workers,
            self._by_coin,
            self._by_cell,
            self.posterior,
        )

    def _open(self, tasks: IntArray) -> None:
        new = slice(self._tasks, len(tasks))
        self._by_coin, self._by_cell = grown(self._by_coin, new.stop), grown(self._by_cell, new.stop)
        self.posterior, self._workers = grown(self.posterior, new.stop), grown(self._workers, new.stop)
        self._known = grown(self._known, new.stop)
        self._by_coin[new], self._by_cell[new] = self._priors
        self._workers[new], self._known[new] = 0, -1
        for index, known in self._gold.codes(tasks, np.arange(new.start, new.stop)):
            self._known[index] = known
        self._tasks = new.stop
