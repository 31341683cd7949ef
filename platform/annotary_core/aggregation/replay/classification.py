"""Answers of one class each, played back (see policies.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import Blend, fit_blend
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.majority import EPSILON, Majority
from annotary_core.aggregation.classification.predict import score
from annotary_core.aggregation.registry import method_named
from annotary_core.aggregation.replay.answer_order import Arrivals
from annotary_core.aggregation.replay.policies import Outcome
from annotary_core.aggregation.stopping import class_gains, design_effect, pair_accuracy, sparse_gains
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: The blend is fitted anew when the answers have grown by this share, and before the last word by that one.
GROWTH, SETTLED = 0.1, 0.005
#: Right and wrong answers added to the accuracy that a method's own result gives its workers.
_PRIOR = (8.0, 2.0)


class ClassScene:
    """Answers to play back. gold: task -> true class. whole: what all answers say by method, filled as it is asked."""

    def __init__(
        self, answers: Answers, gold: Mapping[int, int], method: str, seed: int, whole: dict[str, Consensus]
    ) -> None:
        self._answers = answers
        self._gold = gold
        self._method = method_named(method)
        self._arrivals = Arrivals.of(answers.task, answers.worker, seed=seed)
        self._whole = whole
        self._state: BlendState | None = None
        self._rows = 0

    @property
    def available(self) -> IntArray:
        return self._arrivals.available

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        come = _rows(self._answers, self._arrivals.come(answers))
        self._rows = len(come.task)
        if not isinstance(self._method, Blend):
            return _gains(self._method.fit_predict(come), come, remaining)
        if self._state is None or self._rows > (1 + GROWTH) * self._state.answers:
            self._state = fit_blend(come)
        coded = Coded.of(come, repeats="share")
        effect = design_effect(coded.n, self._state.alike)
        return class_gains(
            score(self._state, coded), pair_accuracy(self._state.pooled), remaining=remaining, effect=effect
        )

    def refreshed(self) -> bool:
        if self._state is None or self._rows <= (1 + SETTLED) * self._state.answers:
            return False
        self._state = None
        return True

    def outcome(self, answers: IntArray) -> Outcome:
        come = _rows(self._answers, self._arrivals.come(answers))
        found = self._method.fit_predict(come)
        if self._method.name not in self._whole:
            self._whole[self._method.name] = self._method.fit_predict(self._answers)
        whole = self._whole[self._method.name]
        return Outcome(
            accuracy=accuracy(found, self._gold),
            majority_accuracy=accuracy(Majority().fit_predict(come), self._gold),
            agreement=float((found.label == whole.label).mean()),
        )


def accuracy(result: Consensus, gold: Mapping[int, int]) -> float | None:
    """Share of the gold tasks with a result that are right, ties as fractions; None when there are none."""
    task = np.fromiter(gold.keys(), np.int64, len(gold))
    true = np.fromiter(gold.values(), np.int64, len(gold))
    at = np.searchsorted(result.task, task)
    here = result.task[np.minimum(at, len(result.task) - 1)] == task if len(result.task) else np.zeros(0, np.bool_)
    if not here.any():
        return None
    truth = np.zeros(len(result.task), np.int64)
    judged = np.zeros(len(result.task), np.bool_)
    truth[at[here]], judged[at[here]] = true[here], True
    start = result.posteriors.start
    of_task = np.repeat(np.arange(len(result.task)), np.diff(start))
    best = np.maximum.reduceat(result.posteriors.p, start[:-1])
    top = result.posteriors.p >= best[of_task] - EPSILON
    right = np.bincount(of_task, top & (result.posteriors.label == truth[of_task]), minlength=len(judged))
    return float((right / np.bincount(of_task, top, minlength=len(judged)))[judged].mean())


def _rows(answers: Answers, kept: BoolArray) -> Answers:
    return replace(
        answers,
        task=answers.task[kept],
        worker=answers.worker[kept],
        label=answers.label[kept],
        weights=None if answers.weights is None else answers.weights[kept],
    )


def _gains(found: Consensus, answers: Answers, remaining: IntArray) -> FloatArray:
    """Of a method that keeps no state: how workers err is read off its result."""
    classes = answers.classes
    posterior = found.posteriors.dense(classes)
    said = np.zeros((len(classes), len(classes)))
    label = np.searchsorted(classes, answers.label)
    np.add.at(said.T, label, posterior[np.searchsorted(found.task, answers.task)])
    right, wrong = _PRIOR
    said += wrong / max(len(classes) - 1, 1) + np.eye(len(classes)) * (right - wrong / max(len(classes) - 1, 1))
    confusion = said / said.sum(axis=1, keepdims=True)
    return sparse_gains(found.posteriors, pair_accuracy(confusion), classes, remaining=remaining)
