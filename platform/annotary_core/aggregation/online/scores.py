"""Posteriors under one fitted model, updated by a compiled loop or by recomputing the affected tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.predict import class_prior, predict_proba
from annotary_core.aggregation.online.rows import AnswerView, grown
from annotary_core.labels.arrays import FloatArray, IntArray


class OnlineScores(Protocol):
    """Posteriors by task index. posterior: shape (t or more, k), as it grows in advance."""

    model: FittedModel
    posterior: FloatArray

    def add(self, view: AnswerView, first: int) -> None:
        """Update the posteriors with the rows from `first` on."""
        ...


@dataclass(frozen=True, slots=True)
class GoldClasses:
    """Gold tasks: task id -> index of the true class."""

    class_of_task: Mapping[int, int]

    def gold_tasks(self, tasks: IntArray, indices: IntArray) -> Iterator[tuple[int, int]]:
        """Yield the gold tasks among the given indices into `tasks`: (index, true class)."""
        if self.class_of_task:
            for index in indices.tolist():
                label = self.class_of_task.get(int(tasks[index]))
                if label is not None:
                    yield index, label


class RecomputedScores:
    """Recomputes each task that got an answer from all its answers. Needs no numba and works for many classes."""

    def __init__(self, model: FittedModel, classes: IntArray, gold: GoldClasses) -> None:
        self.model = model
        self.posterior = np.empty((0, len(classes)))
        self._classes, self._gold = classes, gold

    def add(self, view: AnswerView, first: int) -> None:
        self.posterior = grown(self.posterior, len(view.tasks))
        rows = view.of_tasks_since(first)
        task = view.task[rows]
        encoded = EncodedAnswers.of(
            Answers(task, view.worker[rows], self._classes[view.label[rows]], classes=self._classes), repeats="share"
        )
        self.posterior[encoded.tasks] = predict_proba(self.model, encoded)
        for index, gold_class in self._gold.gold_tasks(view.tasks, encoded.tasks):
            self.posterior[index] = np.arange(len(self._classes)) == gold_class


class CompiledScores:
    """Adds each answer to the log scores of its task, in about a microsecond. Needs numba."""

    def __init__(self, model: FittedModel, classes: IntArray, gold: GoldClasses) -> None:
        from annotary_core.aggregation.online.kernels_numba import add_answers

        self.model = model
        self._loop = add_answers
        self._gold = gold
        size = len(classes)
        same_classes = np.array_equal(classes, model.classes)
        self._blend = model.blend if same_classes else 0.0
        # The last row holds the pooled parameters, for workers unknown to the model.
        workers = np.append(model.workers, model.workers.max(initial=0) + 1)
        accuracy = np.clip(model.accuracy_of(workers), 1e-9, 1 - 1e-9)
        self._log_odds = (
            np.log(accuracy) - np.log((1 - accuracy) / max(size - 1, 1)) if size > 1 else np.zeros(len(accuracy))
        )
        rows = model.confusion_of(workers) if self._blend > 0 else np.ones((len(accuracy), size, size))
        log_theta = np.log(np.maximum(rows, 1e-300))
        self._log_theta = np.ascontiguousarray(log_theta.transpose(0, 2, 1)).reshape(-1, size)
        self._priors = class_prior(model, classes), model.confusion_prior if same_classes else np.zeros(size)
        self.posterior = np.empty((0, size))
        self._one_coin_scores, self._confusion_scores = np.empty((0, size)), np.empty((0, size))
        self._n, self._gold_class, self._task_count = np.empty(0, np.int64), np.empty(0, np.int64), 0

    def add(self, view: AnswerView, first: int) -> None:
        self._grow(view.tasks)
        worker = view.worker[first:]
        index = np.searchsorted(self.model.workers, worker)
        if len(self.model.workers):
            unknown = self.model.workers[np.minimum(index, len(self.model.workers) - 1)] != worker
            index[unknown] = len(self.model.workers)
        self._loop(
            first,
            view.task,
            view.worker,
            index,
            view.label,
            view.previous,
            self._log_odds,
            self._log_theta,
            self._gold_class,
            self._blend,
            self.model.error_correlation,
            self._n,
            self._one_coin_scores,
            self._confusion_scores,
            self.posterior,
        )

    def _grow(self, tasks: IntArray) -> None:
        new = slice(self._task_count, len(tasks))
        self._one_coin_scores, self._confusion_scores = (
            grown(self._one_coin_scores, new.stop),
            grown(self._confusion_scores, new.stop),
        )
        self.posterior, self._n = grown(self.posterior, new.stop), grown(self._n, new.stop)
        self._gold_class = grown(self._gold_class, new.stop)
        self._one_coin_scores[new], self._confusion_scores[new] = self._priors
        self._n[new], self._gold_class[new] = 0, -1
        for index, gold_class in self._gold.gold_tasks(tasks, np.arange(new.start, new.stop)):
            self._gold_class[index] = gold_class
        self._task_count = new.stop
