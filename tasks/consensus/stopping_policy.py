"""Decides whether an open task is answered, gets one more answer, or waits: the only place that decides it. Pure.

A task is done when every decision about it reaches the project's confidence target (the class, each object of the
label, and each candidate that it leaves out, which may be an object that most workers missed), or when no further
answer is expected to help enough (`aggregation.stopping`). The second case does not depend on the target: if workers
contradict each other on an ambiguous image, more answers do not make the label certain. Before the first fit,
posteriors treat all workers as equal, so that the little evidence seen so far cannot mislead the rule.

It knows posteriors alone, so it is the same for every kind of label. `consensus.next_steps` finds out about workers and
money, and `consensus.services` applies what it decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.consolidate import RELEASE_THRESHOLD
from annotary_core.aggregation.consolidated import ClassShares, ImagePosterior
from annotary_core.aggregation.error_correlation import design_effect
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD, LOOK_AHEAD, pair_gains

#: A task's priority is the expected gain of an answer, in thousandths of a correct decision.
PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class StoppingPolicy:
    """A project's policy: the answers per image, at least and at most, and the confidence that is enough, 0 to 1."""

    answers_min: int
    answers_max: int
    confidence_target: float

    @classmethod
    def closing(cls) -> StoppingPolicy:
        """The policy that closes tasks with the answers they have: one is enough, and none is requested."""
        return cls(answers_min=1, answers_max=1, confidence_target=0.0)


@dataclass(frozen=True, slots=True)
class NextWorker:
    """The expected accuracy of the next worker, about classes and about the existence of objects.

    error_correlation: how correlated the errors of answers about a class are, see `aggregation.error_correlation`.
    """

    about_class: float
    about_objects: float
    error_correlation: float = 0.0

    @classmethod
    def of(cls, blend: FittedModel, rates: DetectionRates | None) -> NextWorker:
        """A worker of whom nothing is known, as estimated from the others."""
        pooled = blend.pooled_accuracy
        if rates is None:
            return cls(pooled, pooled, blend.error_correlation)
        # Both drawing an object that exists and leaving out one that does not are correct.
        about_objects = (rates.pooled_detection + 1 - rates.pooled_false_rate) / 2
        return cls(pooled, about_objects, blend.error_correlation)


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """What is known of an open task.

    posterior: as `consolidate` writes it. confidence: that of the label; it may be higher than what the posterior says
    if an earlier version wrote it. answers: those that are settled and count. taken: these, and those that workers have
    or are about to send. wanted: the number of answers that the task gets, at present.
    """

    posterior: ImagePosterior
    confidence: float
    answers: int
    taken: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Answers are missing."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The label is final. wanted: the number of answers that the task gets: its open slots are closed."""

    wanted: int


@dataclass(frozen=True, slots=True)
class AskOneMore:
    """The task gets `wanted` answers, one more than now. priority: its position among those of its batch."""

    wanted: int
    priority: int


Step = Wait | Answered | AskOneMore


def next_step(
    task: TaskProgress, *, policy: StoppingPolicy, worker: NextWorker, worker_remains: bool, money_remains: bool = True
) -> Step:
    """Decide what happens to an open task. worker_remains: whether somebody is left who could answer it.

    money_remains: whether the budget covers one more answer. With all its answers the task is answered, unless another
    one is worth its price, and a worker and the money for it remain: without them it would stay open forever, so a
    reviewer decides instead. With fewer it waits, unless the label has become certain since more were requested: then
    those that nobody has taken are not needed, from the policy's minimum on.
    """
    if not may_be_decided(answers=task.answers, taken=task.taken, wanted=task.wanted, policy=policy):
        return Wait()
    worth_it = needs_more_answers(task, policy=policy, worker=worker)
    if task.answers < task.wanted:
        return Wait() if worth_it else Answered(task.answers)
    if not (worth_it and worker_remains and money_remains) or task.wanted >= policy.answers_max:
        return Answered(task.wanted)
    gain = expected_gain(posterior=task.posterior, worker=worker, answers=task.answers)
    return AskOneMore(task.wanted + 1, round(PRIORITY * gain))


def may_be_decided(*, answers: int, taken: int, wanted: int, policy: StoppingPolicy) -> bool:
    """Whether an open task may be answered now, or get another answer; otherwise it waits, whatever its answers say.

    See `TaskProgress` for the counts.
    """
    return answers > 0 and (answers >= wanted or answers == taken >= policy.answers_min)


def needs_more_answers(task: TaskProgress, *, policy: StoppingPolicy, worker: NextWorker) -> bool:
    """Whether another answer is worth its price, within the policy's maximum of answers per image."""
    left = policy.answers_max - task.answers
    weakest = weakest_decision(posterior=task.posterior, confidence=task.confidence)
    if weakest >= policy.confidence_target or left < 1:
        return False
    gain = expected_gain(posterior=task.posterior, worker=worker, answers=task.answers, remaining=left)
    return gain > DEFAULT_THRESHOLD


def weakest_decision(*, posterior: ImagePosterior, confidence: float) -> float:
    """The probability of the least certain decision of a task; see `TaskProgress` for both arguments."""
    decisions = [confidence]
    for each in posterior.get("objects", {}).values():
        exists = each["existence"]
        decisions.append(exists * _top_two(each["class"])[0] if exists >= RELEASE_THRESHOLD else 1 - exists)
    return min(decisions)


def expected_gain(*, posterior: ImagePosterior, worker: NextWorker, answers: int, remaining: int = LOOK_AHEAD) -> float:
    """The expected gain in correct decisions from one more answer, summed over the decisions of a task: the class of
    the image and, for each object, its existence and its class.

    posterior: as `consolidate` writes it, from that number of answers.
    """
    # Class posteriors are tempered, and the stopping rule needs to know by how much; existence is not tempered.
    tempering = float(design_effect(np.array([answers]), worker.error_correlation)[0])
    rows: list[tuple[float, float, float, float]] = []
    if posterior.get("class"):
        rows.append((*_top_two(posterior["class"]), worker.about_class, tempering))
    for each in posterior.get("objects", {}).values():
        exists = each["existence"]
        first, second = _top_two(each["class"])
        rows.append((exists, 1 - exists, worker.about_objects, 1.0))
        rows.append((exists * first, exists * second, worker.about_class, tempering))
    a, b, accuracy, effect = np.array(rows, np.float64).reshape(-1, 4).T
    gains = pair_gains(np.maximum(a, b), np.minimum(a, b), accuracy, remaining=max(remaining, 0), effect=effect)
    return float(gains.sum())


def _top_two(classes: ClassShares) -> tuple[float, float]:
    first, second, *_ = [*sorted(classes.values(), reverse=True), 0.0, 0.0]
    return first, second
