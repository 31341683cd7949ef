"""When to stop asking: what more answers are expected to bring, against their price. One rule for all tools.

Whatever the tool, a task is a sum of decisions between two hypotheses: the top class and the second, a tag applies or
not, an object exists or not. Let p be the probability of the likelier one, and let an answer be right with probability
a for either. If the decision turns when r or fewer of m more answers support it, these are expected to bring

    sum over r of C(m, r) ((1-p) (1-a)^r a^(m-r) - p a^r (1-a)^(m-r))

right decisions (preposterior analysis: Raiffa and Schlaifer, Applied Statistical Decision Theory, 1961). One answer
alone often cannot turn a decision and brings nothing, two or three can; so the gain of a decision is the best of (what
m answers bring) / m over the m that are still to be had: right decisions an answer. The gain of a task is the sum over
its decisions, each weighed by the probability that one of its two hypotheses is true. A task asks for another answer
while its gain exceeds the threshold, which is what an answer costs over what a right decision is worth.

Two probabilities are told apart. Answers to a task err together (scoring.temper), so p is the tempered one; but the
decision turns when the untempered evidence does, so this says how many answers that takes. By the tempered one alone,
tasks that no likely answers can turn are asked about further (dog, threshold .0005: 78 % of all answers, not 64 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import Posteriors
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Most further answers that the rule looks ahead.
LOOK_AHEAD = 16
#: The threshold for projects that name no price: a right label is worth 1,250 answers. docs/consensus.md has what it
#: saves and costs.
DEFAULT_THRESHOLD = 0.0008
#: Answers that a task has at least before it can be done, where nobody says otherwise.
ANSWERS_MIN = 2

#: Accuracies in the tables: nobody is taken to be without error or without information.
_LEAST, _STEP, _ACCURACIES = 0.55, 0.01, 44


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """threshold: gain an answer, in right decisions, that a further one must exceed; 0 never stops before the maximum.

    answers_min, answers_max: answers that every task gets, and that none exceeds (None: no limit).
    Raises ValueError for limits that contradict each other and for a negative threshold.
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
        """The rule for answers that cost `price` each and right decisions that are worth `value`, in one currency.

        Raises ValueError when the value is not above 0.
        """
        if not value > 0:
            raise ValueError("A right label must be worth more than nothing.")
        return cls(price / value, answers_min=answers_min, answers_max=answers_max)

    def remaining(self, answers: IntArray) -> IntArray:
        """Answers that each task may still get, shape (t,), at most LOOK_AHEAD."""
        if self.answers_max is None:
            return np.full(len(answers), LOOK_AHEAD, np.int64)
        return np.clip(self.answers_max - answers, 0, LOOK_AHEAD)

    def should_ask(self, gain: FloatArray, answers: IntArray) -> BoolArray:
        """Whether each task wants another answer, shape (t,), from its gain and the answers that it has."""
        wanted = (answers < self.answers_min) | (gain > self.threshold)
        return wanted & (self.remaining(answers) > 0)


def design_effect(answers: IntArray, alike: float) -> FloatArray:
    """What tempering divided the logarithms of each task's posterior by, shape (t,); alike: `BlendState.alike`."""
    return np.asarray(1 + np.maximum(answers - 1, 0) * alike, np.float64)


def pair_gains(
    top: FloatArray,
    second: FloatArray,
    accuracy: ArrayLike,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """Right decisions an answer that each pair of hypotheses promises, shape (n,).

    top, second: their probabilities, top not below second, shape (n,); they need not sum to 1. accuracy: how often an
    answer for one of both is right. remaining: answers that can still come. effect: the design effect that the
    probabilities are tempered by. Each of these is a number or has shape (n,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.nan_to_num(np.log(top) - np.log(second), nan=np.inf, posinf=np.inf)
    able = np.rint((np.asarray(accuracy, np.float64) - _LEAST) / _STEP).astype(np.int64)
    able = np.broadcast_to(np.clip(able, 0, _ACCURACIES - 1), odds.shape)
    # Answers against it beyond those for it that turn the decision; as many as balance it do not.
    weight = _weights()[able]
    need = np.minimum(np.floor(odds * effect / weight + 1e-9), LOOK_AHEAD).astype(np.int64) + 1
    left = np.broadcast_to(np.minimum(remaining, LOOK_AHEAD), odds.shape)
    gain = np.zeros(odds.shape)
    at = np.flatnonzero(need <= left)
    able, need, left = able[at], need[at], left[at]
    share = second[at] / (top[at] + second[at])
    best = np.zeros(len(at))
    if_wrong, if_right = _turning()
    for m in range(1, LOOK_AHEAD + 1):
        brought = (if_wrong[m][able, need] * share - if_right[m][able, need] * (1 - share)) / m
        np.maximum(best, np.where(m <= left, brought, 0.0), out=best)
    gain[at] = best * (top[at] + second[at])
    return gain


def class_gains(
    posterior: FloatArray,
    accuracy: FloatArray | float,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """The gain of the choice of a class, shape (t,), between the top two of the posterior, shape (t, k).

    accuracy: a number, or one a pair of classes, shape (k, k), see `pair_accuracy`. The rest as for `pair_gains`.
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
    able = accuracy if isinstance(accuracy, float) else accuracy[first, last]
    return pair_gains(posterior[row, first], posterior[row, last], able, remaining=remaining, effect=effect)


def sparse_gains(
    posteriors: Posteriors,
    accuracy: FloatArray | float,
    classes: IntArray,
    *,
    remaining: ArrayLike = LOOK_AHEAD,
    effect: ArrayLike = 1.0,
) -> FloatArray:
    """`class_gains` of the posteriors of a Consensus; classes: what the rows of a matrix `accuracy` are."""
    if not len(posteriors.p):
        return np.zeros(len(posteriors.start) - 1)
    entries = np.diff(posteriors.start)
    of_task = np.repeat(np.arange(len(entries)), entries)
    order = np.lexsort((-posteriors.p, of_task))
    first = posteriors.start[:-1]
    top, second = order[first], order[np.minimum(first + 1, len(order) - 1)]
    able: ArrayLike = accuracy
    if not isinstance(accuracy, float):
        column = np.searchsorted(classes, posteriors.label)
        able = accuracy[column[top], column[second]]
    below = np.where(entries > 1, posteriors.p[second], 0.0)
    return pair_gains(posteriors.p[top], below, able, remaining=remaining, effect=effect)


def binary_gains(p: FloatArray, accuracy: ArrayLike, *, remaining: ArrayLike = LOOK_AHEAD) -> FloatArray:
    """The gain of yes or no, shape (n,): a tag, the existence of an object. p: probability of yes."""
    return pair_gains(np.maximum(p, 1 - p), np.minimum(p, 1 - p), accuracy, remaining=remaining)


def of_tasks(task: IntArray, gains: FloatArray, tasks: int) -> FloatArray:
    """The gain of each task, shape (tasks,), from those of its decisions; task: index of each decision's task."""
    return np.bincount(task, gains, minlength=tasks).astype(np.float64, copy=False)


def pair_accuracy(confusion: FloatArray) -> FloatArray:
    """How often an answer that names one of two classes names the right one, shape (k, k), symmetric, for each pair.

    confusion: probability that a typical worker says l of class k, shape (k, k): `BlendState.pooled`. The mean over the
    two classes being the true one.
    """
    right = np.diagonal(confusion)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_pair = right[:, None] / (right[:, None] + confusion)
    of_pair = np.nan_to_num(of_pair, nan=0.5)
    return np.asarray((of_pair + of_pair.T) / 2, np.float64)


def _abilities() -> FloatArray:
    return np.asarray(_LEAST + _STEP * np.arange(_ACCURACIES), np.float64)


@lru_cache(maxsize=1)
def _weights() -> FloatArray:
    """What one answer of each accuracy adds to the log odds."""
    able = _abilities()
    return np.asarray(np.log(able / (1 - able)), np.float64)


@lru_cache(maxsize=1)
def _turning() -> tuple[FloatArray, FloatArray]:
    """Probability that m answers turn a decision that is wrong, and one that is right: by m, accuracy and need."""
    able = _abilities()
    if_wrong = np.zeros((LOOK_AHEAD + 1, _ACCURACIES, LOOK_AHEAD + 2))
    if_right = np.zeros_like(if_wrong)
    for m in range(1, LOOK_AHEAD + 1):
        for need in range(1, m + 1):
            for r in range((m - need) // 2 + 1):
                if_wrong[m, :, need] += comb(m, r) * (1 - able) ** r * able ** (m - r)
                if_right[m, :, need] += comb(m, r) * able**r * (1 - able) ** (m - r)
    return if_wrong, if_right
