"""Policies for the number of answers per task, and their replay over complete answers.

Each task's answers arrive in random order. A policy takes a fixed number of them, or adds answers round by round while
the stopping rule asks for more (stopping.py), with the method fitted to the answers so far. The result is compared with
the ground truth, with the majority of the same answers, and with the method's result on all answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.registry import DEFAULT_METHOD
from annotary_core.aggregation.stopping import ANSWERS_MIN, DEFAULT_THRESHOLD, StoppingRule
from annotary_core.labels.arrays import FloatArray, IntArray

#: Thresholds of a curve, including the default.
THRESHOLDS = (0.0002, DEFAULT_THRESHOLD, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: The same for boxes: one answer covers many objects and finds new ones.
BOX_THRESHOLDS = (DEFAULT_THRESHOLD, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers a task gets: a `fixed` number, per the stopping rule with a `threshold`, or all.

    method: the name in the registry. answers_min, answers_max: limits of the rule, see StoppingRule. seed: seeds the
    order of answers. Raises ValueError if both are set, or if a number of answers is below 1.
    """

    method: str = DEFAULT_METHOD
    fixed: int | None = None
    threshold: float | None = None
    answers_min: int = ANSWERS_MIN
    answers_max: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fixed is not None and self.threshold is not None:
            raise ValueError("A policy has a fixed number of answers or a threshold, not both.")
        if self.fixed is not None and self.fixed < 1:
            raise ValueError("A task needs at least one answer.")
        StoppingRule(self.threshold or 0.0, self.answers_min, self.answers_max)


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """Accuracies on the gold tasks, ties as fractions (None without gold), and agreement with the full result."""

    accuracy: float | None
    majority_accuracy: float | None
    agreement: float


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """The result of a policy.

    labels: answers used. share_of_all: their share of all answers. accuracy, majority_accuracy: of the method, and of
    the majority of the same answers; None without gold. Accuracy is the share of gold tasks that are right, ties as
    fractions; for boxes it is F1. agreement: share of tasks with the same result as with all answers. cost: labels
    times the price; None without a price.
    """

    policy: Policy
    labels: int
    tasks: int
    labels_per_task: float
    share_of_all: float
    accuracy: float | None
    majority_accuracy: float | None
    agreement: float
    cost: float | None = None


class ReplayData(Protocol):
    """Answers of one kind to replay."""

    @property
    def available(self) -> IntArray:
        """Answers of each task, shape (t,)."""
        ...

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        """Return the gain of each task, shape (t,), once each has this many answers."""
        ...

    def refit_if_stale(self) -> bool:
        """Schedule a refit if the last gains came from an outdated fit; return whether it was outdated."""
        ...

    def evaluate(self, answers: IntArray) -> PolicyScore: ...


def policies(
    most: int,
    *,
    method: str = DEFAULT_METHOD,
    fixed: Iterable[int] | None = None,
    thresholds: Iterable[float] = THRESHOLDS,
    answers_min: int = ANSWERS_MIN,
    answers_max: int | None = None,
    seed: int = 0,
) -> list[Policy]:
    """Return policies for fixed numbers of answers (None: 1 to `most` in growing steps) and for each threshold."""
    steps = _steps(most) if fixed is None else fixed
    by_number = [Policy(method, fixed=number, seed=seed) for number in steps]
    return by_number + [
        Policy(method, threshold=threshold, answers_min=answers_min, answers_max=answers_max, seed=seed)
        for threshold in thresholds
    ]


def run_policy(data: ReplayData, policy: Policy, *, price: float | None = None) -> PolicyResult:
    """Replay a policy over the data."""
    available = data.available
    if not len(available):
        raise ValueError("There are no answers to replay.")
    answers = available
    if policy.fixed is not None:
        answers = np.minimum(policy.fixed, available)
    elif policy.threshold is not None:
        answers = _ask(data, policy, policy.threshold)
    labels, score = int(answers.sum()), data.evaluate(answers)
    return PolicyResult(
        policy=policy,
        labels=labels,
        tasks=len(available),
        labels_per_task=labels / len(available),
        share_of_all=labels / int(available.sum()),
        accuracy=score.accuracy,
        majority_accuracy=score.majority_accuracy,
        agreement=score.agreement,
        cost=None if price is None else labels * price,
    )


def _ask(data: ReplayData, policy: Policy, threshold: float) -> IntArray:
    """Return the number of answers of each task once the stopping rule asks for no more."""
    available = data.available
    most = int(available.max()) if policy.answers_max is None else policy.answers_max
    rule = StoppingRule(threshold, policy.answers_min, max(most, policy.answers_min))
    answers = np.minimum(rule.answers_min, available)
    while True:
        gain = data.gains(answers, rule.remaining(answers))
        ask = rule.should_ask(gain, answers) & (answers < available)
        if ask.any():
            answers = answers + ask
        elif not data.refit_if_stale():
            return answers


def _steps(most: int) -> list[int]:
    steps = [1]
    while steps[-1] < most:
        steps.append(max(steps[-1] + 1, round(steps[-1] * 1.25)))
    return [*steps[:-1], most] if len(steps) > 1 else steps
