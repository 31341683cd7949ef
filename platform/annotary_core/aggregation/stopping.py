"""When to stop collecting answers: the expected value of more answers against their price. One rule for all tools.

For every tool a task is a sum of decisions between two hypotheses: the top class and the second, a tag applies or
not, an object exists or not. Let p be the probability of the likelier one, and let an answer be right with probability
a under either. If the decision flips when r or fewer of m more answers support it, their expected value is

    sum over r of C(m, r) ((1-p) (1-a)^r a^(m-r) - p a^r (1-a)^(m-r))

right decisions (preposterior analysis: Raiffa and Schlaifer, Applied Statistical Decision Theory, 1961). A single
answer often cannot flip a decision and has no value, while two or three can; so the gain of a decision is the maximum
of (value of m answers) / m over the m answers still available: right decisions per answer. The gain of a task is the
sum over its decisions, each weighted by the probability that one of its two hypotheses is true. A task gets another
answer while its gain exceeds the threshold, the price of an answer divided by the value of a right decision.

Two probabilities are kept apart. Errors of answers to the same task are correlated (error_correlation.temper), so p
is tempered; but the decision flips when the untempered evidence does, so the untempered evidence determines how many
answers that takes. With the tempered one alone, tasks that no likely answers can flip keep getting answers (dog,
threshold .0005: 78% of all answers instead of 64%).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import Posteriors
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: The rule looks ahead at most this many further answers.
LOOK_AHEAD = 16
#: The threshold for projects without a price: a right label is worth 1,250 answers. docs/consensus.md says what it
#: saves and costs.
DEFAULT_THRESHOLD = 0.0008
#: Default minimum number of answers before a task can be complete.
ANSWERS_MIN = 2

#: Accuracies in the tables: no worker is assumed to be infallible or uninformative.
_MIN_ACCURACY, _ACCURACY_STEP, _ACCURACY_COUNT = 0.55, 0.01, 44


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """Decides whether a task gets another answer.

    threshold: gain per answer, in right decisions, that another answer must exceed; 0 never stops before the maximum.
    answers_min, answers_max: minimum and maximum answers per task (None: no limit).
    Raises ValueError for contradictory limits and for a negative threshold.
    """

    threshold: float = DEFAULT_THRESHOLD
    answers_min: int = ANSWERS_MIN
    answers_max: int | None = None

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise ValueError("The threshold must be 0 or more.")
        if self.answers_min < 1 or (self.answers_max is not None and self.answers_max < self.answers_min):
            raise ValueError("A task needs at least one answer, and its maximum cannot be below its minimum.")

    @classmethod
    def of_price(
        cls, price: float, value: float, *, answers_min: int = ANSWERS_MIN, answers_max: int | None = None
    ) -> StoppingRule:
        """Return the rule for answers that cost `price` each and right decisions worth `value`, in the same currency.

        Raises ValueError when the value is not above 0.
        """
        if not value > 0:
            raise ValueError("A right label must be worth more than nothing.")
        return cls(price / value, answers_min=answers_min, answers_max=answers_max)

    def remaining(self, answers: IntArray) -> IntArray:
        """Return the number of answers each task may still get, shape (t,), at most LOOK_AHEAD."""
        if self.answers_max is None:
            return np.full(len(answers), LOOK_AHEAD, np.int64)
        return np.clip(self.answers_max - answers, 0, LOOK_AHEAD)

    def should_ask(self, gain: FloatArray, answers: IntArray) -> BoolArray:
        """Return whether each task gets another answer, shape (t,), from its gain and its number of answers."""
        worthwhile = (answers < self.answers_min) | (gain > self.threshold)
        return worthwhile & (self.remaining(answers) > 0)


def pair_gains(
    top: FloatArray,
    second: FloatArray,
    accuracy: ArrayLike,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """Return the expected right decisions per answer for each pair of hypotheses, shape (n,).

    top, second: their probabilities, top not below second, shape (n,); they need not sum to 1. accuracy: how often an
    answer that supports either is right. remaining: answers still available. effect: the design effect by which the
    probabilities are tempered. Each of these is a number or has shape (n,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.nan_to_num(np.log(top) - np.log(second), nan=np.inf, posinf=np.inf)
    accuracy_index = np.rint((np.asarray(accuracy, np.float64) - _MIN_ACCURACY) / _ACCURACY_STEP).astype(np.int64)
    accuracy_index = np.broadcast_to(np.clip(accuracy_index, 0, _ACCURACY_COUNT - 1), odds.shape)
    # The surplus of answers against the decision that flips it; a balance does not flip it.
    weight = _weights()[accuracy_index]
    needed = np.minimum(np.floor(odds * effect / weight + 1e-9), LOOK_AHEAD).astype(np.int64) + 1
    available = np.broadcast_to(np.minimum(remaining, LOOK_AHEAD), odds.shape)
    gain = np.zeros(odds.shape)
    undecided = np.flatnonzero(needed <= available)
    accuracy_index, needed, available = accuracy_index[undecided], needed[undecided], available[undecided]
    second_share = second[undecided] / (top[undecided] + second[undecided])
    best = np.zeros(len(undecided))
    if_wrong, if_right = _flip_probabilities()
    for m in range(1, LOOK_AHEAD + 1):
        value = (
            if_wrong[m][accuracy_index, needed] * second_share
            - if_right[m][accuracy_index, needed] * (1 - second_share)
        ) / m
        np.maximum(best, np.where(m <= available, value, 0.0), out=best)
    gain[undecided] = best * (top[undecided] + second[undecided])
    return gain


def class_gains(
    posterior: FloatArray,
    accuracy: FloatArray | float,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """Return the gain of each class decision, shape (t,), between the top two of the posterior, shape (t, k).

    accuracy: a number, or one per pair of classes, shape (k, k), see `pair_accuracy`. The rest as in `pair_gains`.
    """
    tasks, classes = posterior.shape
    if classes < 2:
        return np.zeros(tasks)
    row = np.arange(tasks)
    if classes == 2:
        first = (posterior[:, 1] > posterior[:, 0]).astype(np.int64)
        last = 1 - first
    else:
        pair = np.argpartition(posterior, classes - 2, axis=1)[:, -2:]
        last, first = pair[:, 0], pair[:, 1]
    selected = accuracy if isinstance(accuracy, float) else accuracy[first, last]
    return pair_gains(posterior[row, first], posterior[row, last], selected, remaining=remaining, effect=effect)


def sparse_gains(
    posteriors: Posteriors,
    accuracy: FloatArray | float,
    classes: IntArray,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """Return `class_gains` for the posteriors of a Consensus; classes: the row classes of an `accuracy` matrix."""
    if not len(posteriors.p):
        return np.zeros(len(posteriors.start) - 1)
    entries = np.diff(posteriors.start)
    of_task = np.repeat(np.arange(len(entries)), entries)
    order = np.lexsort((-posteriors.p, of_task))
    first = posteriors.start[:-1]
    top, second = order[first], order[np.minimum(first + 1, len(order) - 1)]
    selected: ArrayLike = accuracy
    if not isinstance(accuracy, float):
        column = np.searchsorted(classes, posteriors.label)
        selected = accuracy[column[top], column[second]]
    second_p = np.where(entries > 1, posteriors.p[second], 0.0)
    return pair_gains(posteriors.p[top], second_p, selected, remaining=remaining, effect=effect)


def binary_gains(p: FloatArray, accuracy: ArrayLike, *, remaining: ArrayLike = LOOK_AHEAD) -> FloatArray:
    """Return the gain of binary decisions (a tag, the existence of an object), shape (n,). p: probability of yes."""
    return pair_gains(np.maximum(p, 1 - p), np.minimum(p, 1 - p), accuracy, remaining=remaining)


def sum_by_task(task: IntArray, gains: FloatArray, tasks: int) -> FloatArray:
    """Sum the gains of decisions by task, shape (tasks,); task: index of each decision's task."""
    return np.bincount(task, gains, minlength=tasks).astype(np.float64, copy=False)


def pair_accuracy(confusion: FloatArray) -> FloatArray:
    """Return how often an answer that names one class of a pair is right, shape (k, k), symmetric.

    confusion: probability that a typical worker answers l for class k, shape (k, k): `FittedModel.pooled`. It is the
    mean over either class of the pair being true.
    """
    right = np.diagonal(confusion)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_pair = right[:, None] / (right[:, None] + confusion)
    of_pair = np.nan_to_num(of_pair, nan=0.5)
    return np.asarray((of_pair + of_pair.T) / 2, np.float64)


def _accuracies() -> FloatArray:
    return np.asarray(_MIN_ACCURACY + _ACCURACY_STEP * np.arange(_ACCURACY_COUNT), np.float64)


@lru_cache(maxsize=1)
def _weights() -> FloatArray:
    """The log odds that one answer of each accuracy adds."""
    accuracies = _accuracies()
    return np.asarray(np.log(accuracies / (1 - accuracies)), np.float64)


@lru_cache(maxsize=1)
def _flip_probabilities() -> tuple[FloatArray, FloatArray]:
    """Probability that m answers flip a wrong decision, and a right one, by m, accuracy and needed surplus."""
    accuracies = _accuracies()
    if_wrong = np.zeros((LOOK_AHEAD + 1, _ACCURACY_COUNT, LOOK_AHEAD + 2))
    if_right = np.zeros_like(if_wrong)
    for m in range(1, LOOK_AHEAD + 1):
        for needed in range(1, m + 1):
            for r in range((m - needed) // 2 + 1):
                if_wrong[m, :, needed] += comb(m, r) * (1 - accuracies) ** r * accuracies ** (m - r)
                if_right[m, :, needed] += comb(m, r) * accuracies**r * (1 - accuracies) ** (m - r)
    return if_wrong, if_right
