"""Replay of single-class answers (see policies.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import Blend, fit_blend
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.majority import EPSILON, Majority
from annotary_core.aggregation.classification.predict import predict_proba
from annotary_core.aggregation.error_correlation import design_effect
from annotary_core.aggregation.registry import get_method
from annotary_core.aggregation.replay.answer_order import AnswerOrder
from annotary_core.aggregation.replay.policies import PolicyScore
from annotary_core.aggregation.stopping import class_gains, pair_accuracy, sparse_gains
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: The blend is refitted when the number of answers has grown by the first share, or by the second before stopping.
REFIT_GROWTH, FINAL_REFIT_GROWTH = 0.1, 0.005
#: Pseudo-counts of right and wrong answers in the worker accuracy estimated from a method's result.
_PRIOR = (8.0, 2.0)


class ClassReplayData:
    """Class answers to replay. gold: task -> true class. full_consensus: cached consensus of all answers by method."""

    def __init__(
        self, answers: Answers, gold: Mapping[int, int], method: str, seed: int, full_consensus: dict[str, Consensus]
    ) -> None:
        self._answers = answers
        self._gold = gold
        self._method = get_method(method)
        self._arrivals = AnswerOrder.of(answers.task, answers.worker, seed=seed)
        self._full_consensus = full_consensus
        self._state: FittedModel | None = None
        self._rows = 0

    @property
    def available(self) -> IntArray:
        return self._arrivals.available

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        arrived = _rows(self._answers, self._arrivals.arrived(answers))
        self._rows = len(arrived.task)
        if not isinstance(self._method, Blend):
            return _gains(self._method.fit_predict(arrived), arrived, remaining)
        if self._state is None or self._rows > (1 + REFIT_GROWTH) * self._state.answers:
            self._state = fit_blend(arrived)
        encoded = EncodedAnswers.of(arrived, repeats="share")
        effect = design_effect(encoded.n, self._state.error_correlation)
        return class_gains(
            predict_proba(self._state, encoded),
            pair_accuracy(self._state.pooled_confusion),
            remaining=remaining,
            effect=effect,
        )

    def refit_if_stale(self) -> bool:
        if self._state is None or self._rows <= (1 + FINAL_REFIT_GROWTH) * self._state.answers:
            return False
        self._state = None
        return True

    def evaluate(self, answers: IntArray) -> PolicyScore:
        arrived = _rows(self._answers, self._arrivals.arrived(answers))
        result = self._method.fit_predict(arrived)
        if self._method.name not in self._full_consensus:
            self._full_consensus[self._method.name] = self._method.fit_predict(self._answers)
        full = self._full_consensus[self._method.name]
        return PolicyScore(
            accuracy=accuracy(result, self._gold),
            majority_accuracy=accuracy(Majority().fit_predict(arrived), self._gold),
            agreement=float((result.label == full.label).mean()),
        )


def accuracy(result: Consensus, gold: Mapping[int, int]) -> float | None:
    """Return the accuracy on the gold tasks with a result, ties as fractions; None if there are none."""
    task = np.fromiter(gold.keys(), np.int64, len(gold))
    true = np.fromiter(gold.values(), np.int64, len(gold))
    index = np.searchsorted(result.task, task)
    has_result = (
        result.task[np.minimum(index, len(result.task) - 1)] == task if len(result.task) else np.zeros(0, np.bool_)
    )
    if not has_result.any():
        return None
    truth = np.zeros(len(result.task), np.int64)
    is_gold = np.zeros(len(result.task), np.bool_)
    truth[index[has_result]], is_gold[index[has_result]] = true[has_result], True
    start = result.posteriors.start
    of_task = np.repeat(np.arange(len(result.task)), np.diff(start))
    best = np.maximum.reduceat(result.posteriors.p, start[:-1])
    top = result.posteriors.p >= best[of_task] - EPSILON
    right = np.bincount(of_task, top & (result.posteriors.label == truth[of_task]), minlength=len(is_gold))
    return float((right / np.bincount(of_task, top, minlength=len(is_gold)))[is_gold].mean())


def _rows(answers: Answers, kept: BoolArray) -> Answers:
    return replace(
        answers,
        task=answers.task[kept],
        worker=answers.worker[kept],
        label=answers.label[kept],
        weights=None if answers.weights is None else answers.weights[kept],
    )


def _gains(result: Consensus, answers: Answers, remaining: IntArray) -> FloatArray:
    """Return the gains of a method without state; the workers' confusion is estimated from its result."""
    classes = answers.classes
    posterior = result.posteriors.dense(classes)
    counts = np.zeros((len(classes), len(classes)))
    label = np.searchsorted(classes, answers.label)
    np.add.at(counts.T, label, posterior[np.searchsorted(result.task, answers.task)])
    right, wrong = _PRIOR
    counts += wrong / max(len(classes) - 1, 1) + np.eye(len(classes)) * (right - wrong / max(len(classes) - 1, 1))
    confusion = counts / counts.sum(axis=1, keepdims=True)
    return sparse_gains(result.posteriors, pair_accuracy(confusion), classes, remaining=remaining)
