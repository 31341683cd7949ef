"""Posteriors that follow each answer as it comes, without a fit.

A task keeps two vectors of log scores, one of the one-coin model and one of the confusion model. An answer adds its
worker's part to both; their blend, tempered, is the posterior, equal to what scoring.score finds in all answers at
once. A worker's repeated answers to a task share one vote, as everywhere: the r rows count 1 / r each, and a further
one takes its part from them.

The parameters are those of a state, which stand still. A refit makes a new state, and `swap` takes it over: the
posteriors are built anew from the kept answers beside the old ones, which serve readers meanwhile, then they change
places in one step. So a reader never sees a mixture of two states.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.kernels import has_compiled
from annotary_core.aggregation.classification.predict import MANY_CLASSES
from annotary_core.aggregation.online.rows import Rows
from annotary_core.aggregation.online.scores import Compiled, Gold, Rescored, Scores
from annotary_core.labels.arrays import FloatArray, IntArray


class OnlinePosteriors:
    """The posteriors of the tasks that have answers; safe to use from several threads.

    state: scores the answers. classes: all that answers may name, ascending; None means those of the state. A class
    that the state does not know is scored as scoring.Scored does it. gold: task -> class that is known to be true.
    compiled: None takes the compiled loop where numba is installed.
    Memory is about 3 * k + 4 numbers a task and 4 an answer.
    """

    def __init__(
        self,
        state: BlendState,
        *,
        classes: IntArray | None = None,
        gold: Mapping[int, int] | None = None,
        compiled: bool | None = None,
    ) -> None:
        self._classes = state.classes if classes is None else classes
        self._gold = dict(gold or {})
        self._compiled = has_compiled() if compiled is None else compiled
        self._rows = Rows()
        # A refit builds under a lock of its own, so that answers are taken and read meanwhile.
        self._rebuilding, self._lock = Lock(), Lock()
        self._now = self._scores(state)

    @property
    def state(self) -> BlendState:
        """The state that the posteriors are of."""
        return self._now.state

    @property
    def answers(self) -> Answers:
        """All answers so far, for a fit; later ones do not change it."""
        with self._lock:
            kept = self._rows.kept()
        return Answers(
            kept.tasks[kept.task],
            kept.worker,
            self._classes[kept.label],
            classes=self._classes,
            gold=self._gold,
        )

    def add(self, task: int, worker: int, label: int) -> FloatArray:
        """Take one answer; the task's posterior after it, shape (k,). Raises ValueError for an unknown class."""
        columns = np.array([[task], [worker], [label]], np.int64)
        coded = self._codes(columns[2])
        with self._lock:
            self._take(columns[0], columns[1], coded)
            return self._read(task)

    def add_all(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """Take answers in columns of shape (n,). Raises ValueError for an unknown class, and then takes none."""
        coded = self._codes(label)
        with self._lock:
            self._take(task, worker, coded)

    def posterior(self, task: int) -> FloatArray:
        """Shape (k,) over the classes; raises KeyError for a task without answers."""
        with self._lock:
            return self._read(task)

    def posteriors(self) -> tuple[IntArray, FloatArray]:
        """Tasks in the order of their first answers, shape (t,), and the posterior of each, shape (t, k)."""
        with self._lock:
            tasks = self._rows.kept().tasks.copy()
            return tasks, self._now.posterior[: len(tasks)].copy()

    def swap(self, state: BlendState) -> None:
        """Take over a new state; the old one serves until the posteriors of all answers are built."""
        with self._rebuilding:
            scores = self._scores(state)
            with self._lock:
                kept = self._rows.kept()
            scores.take(kept, 0)
            with self._lock:
                # What came meanwhile.
                scores.take(self._rows.kept(), len(kept.task))
                self._now = scores

    def _scores(self, state: BlendState) -> Scores:
        codes = {task: int(np.searchsorted(self._classes, label)) for task, label in self._gold.items()}
        if self._compiled and 0 < len(self._classes) <= MANY_CLASSES:
            return Compiled(state, self._classes, Gold(codes))
        return Rescored(state, self._classes, Gold(codes))

    def _codes(self, label: IntArray) -> IntArray:
        at = np.searchsorted(self._classes, label)
        if len(label) and not np.array_equal(self._classes[np.minimum(at, len(self._classes) - 1)], label):
            raise ValueError("An answer names a class that is not among the classes.")
        return at.astype(np.int64)

    def _read(self, task: int) -> FloatArray:
        """Needs the lock."""
        found: FloatArray = self._now.posterior[self._rows.index_of(task)].copy()
        return found

    def _take(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """Needs the lock."""
        first = len(self._rows)
        self._rows.append(task, worker, label)
        self._now.take(self._rows.kept(), first)
