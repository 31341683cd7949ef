"""Posteriors updated with each answer as it arrives, without a fit.

Each task has two vectors of log scores, one for the one-coin model and one for the confusion model. An answer adds its
worker's contribution to both; their tempered mixture is the posterior, equal to `predict.predict_proba` on all answers
at once. As elsewhere, a worker's repeated answers to a task share one vote: r rows count 1 / r each, and another row
reduces the share of the earlier ones.

The parameters are those of a fitted model and do not change. A refit gives a new model, and `swap` replaces the old
one: the posteriors are rebuilt from the stored answers while the old ones serve readers, then they are exchanged in one
step. A reader therefore never sees a mixture of two models.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.kernels import has_compiled
from annotary_core.aggregation.classification.predict import MAX_CONFUSION_CLASSES
from annotary_core.aggregation.online.rows import AnswerTable
from annotary_core.aggregation.online.scores import CompiledScores, GoldClasses, OnlineScores, RecomputedScores
from annotary_core.labels.arrays import FloatArray, IntArray


class OnlinePosteriors:
    """The posteriors of the tasks that have answers. Thread-safe.

    model: the fitted parameters. classes: all classes that answers may have, ascending; None means those of the model.
    A class that is new to the model is treated as in `predict.FittedBlend`. gold: task -> true class.
    compiled: None uses the compiled loop if numba is installed.
    Memory use is about 3 * k + 4 numbers per task and 4 per answer.
    """

    def __init__(
        self,
        model: FittedModel,
        *,
        classes: IntArray | None = None,
        gold: Mapping[int, int] | None = None,
        compiled: bool | None = None,
    ) -> None:
        self._classes = model.classes if classes is None else classes
        self._gold = dict(gold or {})
        self._compiled = has_compiled() if compiled is None else compiled
        self._rows = AnswerTable()
        # A swap rebuilds under a separate lock, so answers can be added and read meanwhile.
        self._rebuilding, self._lock = Lock(), Lock()
        self._scores = self._build(model)

    @property
    def model(self) -> FittedModel:
        """The fitted model that the posteriors are computed with."""
        return self._scores.model

    @property
    def answers(self) -> Answers:
        """A snapshot of all answers so far, to fit a model to."""
        with self._lock:
            rows = self._rows.view()
        return Answers(
            rows.tasks[rows.task],
            rows.worker,
            self._classes[rows.label],
            classes=self._classes,
            gold=self._gold,
        )

    def add(self, task: int, worker: int, label: int) -> FloatArray:
        """Add one answer; returns the task's updated posterior, shape (k,). Raises ValueError for an unknown class."""
        columns = np.array([[task], [worker], [label]], np.int64)
        codes = self._encode(columns[2])
        with self._lock:
            self._append(columns[0], columns[1], codes)
            return self._posterior_of(task)

    def add_all(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """Add answers in columns of shape (n,). Raises ValueError for an unknown class without adding any."""
        codes = self._encode(label)
        with self._lock:
            self._append(task, worker, codes)

    def posterior(self, task: int) -> FloatArray:
        """The posterior of a task, shape (k,). Raises KeyError for a task without answers."""
        with self._lock:
            return self._posterior_of(task)

    def posteriors(self) -> tuple[IntArray, FloatArray]:
        """All tasks, shape (t,), in the order of their first answers, and their posteriors, shape (t, k)."""
        with self._lock:
            tasks = self._rows.view().tasks.copy()
            return tasks, self._scores.posterior[: len(tasks)].copy()

    def swap(self, model: FittedModel) -> None:
        """Replace the fitted model; the old one serves readers until all posteriors are rebuilt."""
        with self._rebuilding:
            scores = self._build(model)
            with self._lock:
                rows = self._rows.view()
            scores.add(rows, 0)
            with self._lock:
                # The answers that arrived meanwhile.
                scores.add(self._rows.view(), len(rows.task))
                self._scores = scores

    def _build(self, model: FittedModel) -> OnlineScores:
        codes = {task: int(np.searchsorted(self._classes, label)) for task, label in self._gold.items()}
        if self._compiled and 0 < len(self._classes) <= MAX_CONFUSION_CLASSES:
            return CompiledScores(model, self._classes, GoldClasses(codes))
        return RecomputedScores(model, self._classes, GoldClasses(codes))

    def _encode(self, label: IntArray) -> IntArray:
        code = np.searchsorted(self._classes, label)
        if len(label) and not np.array_equal(self._classes[np.minimum(code, len(self._classes) - 1)], label):
            raise ValueError("An answer names a class that is not among the classes.")
        return code.astype(np.int64)

    def _posterior_of(self, task: int) -> FloatArray:
        """Needs `_lock`."""
        posterior: FloatArray = self._scores.posterior[self._rows.index_of(task)].copy()
        return posterior

    def _append(self, task: IntArray, worker: IntArray, label: IntArray) -> None:
        """Needs `_lock`."""
        first = len(self._rows)
        self._rows.append(task, worker, label)
        self._scores.add(self._rows.view(), first)
