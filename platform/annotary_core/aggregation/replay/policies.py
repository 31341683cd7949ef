"""Policies of how many answers a task gets, and how one is played back over answers that were all given.

Each task's answers come in an order drawn by lot; a policy takes a fixed number of them, or asks round by round while
the stopping rule wants another (stopping.py), with the method fitted to what has come so far. The result is compared
with the known truth, with the majority of the same answers, and with what the method says of all answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.registry import DEFAULT_METHOD
from annotary_core.aggregation.stopping import ANSWERS_MIN, DEFAULT_THRESHOLD, StoppingRule
from annotary_core.labels.arrays import FloatArray, IntArray

#: Thresholds of a curve: the default stands among them.
THRESHOLDS = (0.0002, DEFAULT_THRESHOLD, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: The same for boxes: an answer to an image is about many objects, and finds more.
BOX_THRESHOLDS = (DEFAULT_THRESHOLD, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers a task gets: `fixed` so many, or by the rule with a `threshold`; with neither, all.

    method: the name in the registry. answers_min, answers_max: limits of the rule, see StoppingRule. seed: turns the
    order in which answers come. Raises ValueError when both are given, or a number of answers is below 1.
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
class Outcome:
    """Right shares of the gold tasks, ties as fractions (None without gold), and the share that is as with all."""

    accuracy: float | None
    majority_accuracy: float | None
    agreement: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a policy.

    labels: answers used. share_of_all: of all that there are. accuracy, majority_accuracy: of the method, and of the
    majority of the same answers, None without gold. Accuracy is the share of right gold tasks with ties as fractions;
    for boxes it is F1. agreement: share of tasks with the same result as with all answers. cost: labels times the
    price, None without one.
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


class Scene(Protocol):
    """Answers to play back, of one kind."""

    @property
    def available(self) -> IntArray:
        """Answers of each task, shape (t,)."""
        ...

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        """The gain of each task, shape (t,), when each has so many answers."""
        ...

    def refreshed(self) -> bool:
        """Fit to what has come, if the last gains came of an older fit; whether that was so."""
        ...

    def outcome(self, answers: IntArray) -> Outcome: ...


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
    """Fixed numbers of answers (None: 1 to `most`, in steps that grow) and a ladder of thresholds."""
    steps = _steps(most) if fixed is None else fixed
    by_number = [Policy(method, fixed=number, seed=seed) for number in steps]
    return by_number + [
        Policy(method, threshold=threshold, answers_min=answers_min, answers_max=answers_max, seed=seed)
        for threshold in thresholds
    ]


def play(scene: Scene, policy: Policy, *, price: float | None = None) -> Replayed:
    """Play a policy over a scene."""
    available = scene.available
    if not len(available):
        raise ValueError("There are no answers to play back.")
    answers = available
    if policy.fixed is not None:
        answers = np.minimum(policy.fixed, available)
    elif policy.threshold is not None:
        answers = _ask(scene, policy, policy.threshold)
    labels, outcome = int(answers.sum()), scene.outcome(answers)
    return Replayed(
        policy=policy,
        labels=labels,
        tasks=len(available),
        labels_per_task=labels / len(available),
        share_of_all=labels / int(available.sum()),
        accuracy=outcome.accuracy,
        majority_accuracy=outcome.majority_accuracy,
        agreement=outcome.agreement,
        cost=None if price is None else labels * price,
    )


def _ask(scene: Scene, policy: Policy, threshold: float) -> IntArray:
    """Answers of each task when nobody wants more."""
    available = scene.available
    most = int(available.max()) if policy.answers_max is None else policy.answers_max
    rule = StoppingRule(threshold, policy.answers_min, max(most, policy.answers_min))
    answers = np.minimum(rule.answers_min, available)
    while True:
        gain = scene.gains(answers, rule.remaining(answers))
        ask = rule.should_ask(gain, answers) & (answers < available)
        if ask.any():
            answers = answers + ask
        elif not scene.refreshed():
            return answers


def _steps(most: int) -> list[int]:
    steps = [1]
    while steps[-1] < most:
        steps.append(max(steps[-1] + 1, round(steps[-1] * 1.25)))
    return [*steps[:-1], most] if len(steps) > 1 else steps
