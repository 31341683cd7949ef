"""Trust in a worker: how accurate the worker is, and how certain that is. Pure: no Django.

It is computed from the evidence since the worker's last reset: answers to gold, reviewed answers, and the agreement
with what other workers said of the same images, at less weight, because they may be wrong. A worker's accuracy has a
Beta(alpha, beta) posterior (Gelman et al., Bayesian Data Analysis, §2.4); the prior Beta(2, 1) expects an accuracy of
two in three and weighs as much as three answers. What the worker did in the organization's other projects of the same
type of task is added to the prior, with a weight of at most `MOST_OF_OTHER_PROJECTS` answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from scipy.special import betainc, betaincinv

if TYPE_CHECKING:
    from tasks.workers.evidence import Counts, WorkerRecord

PRIOR_ALPHA = 2.0
PRIOR_BETA = 1.0
# Pause if the accuracy is below one half with this probability: four wrong of four (0.89), five of six (0.86), but not
# three of four (0.66). A worker with an accuracy of 0.8 gets four wrong of four once in 600 times.
MIN_ACCURACY = 0.5
MIN_PROBABILITY = 0.85
MIN_SEEN = 4

#: The weight of an answer that was compared with others', against one to gold.
AGREEMENT_WEIGHT = 0.5
#: Answers in other projects: the weight of each, and of all together.
OTHER_PROJECTS_WEIGHT = 0.5
MOST_OF_OTHER_PROJECTS = 8.0
#: Probability of each side that the interval leaves out.
_TAIL = 0.05


class Stage(StrEnum):
    """What follows from doubtful answers, before a pause: in ascending order. `standing.models.Standing.Stage` has the
    same values."""

    NONE = "none"
    COACHED = "coached"
    WATCHED = "watched"


@dataclass(frozen=True, slots=True)
class Posterior:
    """The Beta posterior of a worker's accuracy, and its 90% interval."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    @property
    def low(self) -> float:
        return float(betaincinv(self.alpha, self.beta, _TAIL))

    @property
    def high(self) -> float:
        return float(betaincinv(self.alpha, self.beta, 1 - _TAIL))


def posterior(
    *,
    correct: float,
    incorrect: float,
    agreeing: float = 0.0,
    disagreeing: float = 0.0,
    elsewhere: tuple[float, float] = (0.0, 0.0),
) -> Posterior:
    """Return the posterior from numbers of answers. correct, incorrect: on gold and in reviews. agreeing, disagreeing:
    with other workers. elsewhere: (correct, incorrect) in the organization's other projects of the same type."""
    right, wrong = elsewhere
    weight = min(OTHER_PROJECTS_WEIGHT, MOST_OF_OTHER_PROJECTS / (right + wrong)) if right + wrong else 0.0
    return Posterior(
        PRIOR_ALPHA + correct + AGREEMENT_WEIGHT * agreeing + weight * right,
        PRIOR_BETA + incorrect + AGREEMENT_WEIGHT * disagreeing + weight * wrong,
    )


def posterior_of(record: WorkerRecord, elsewhere: Counts | None = None) -> Posterior:
    """Return the posterior of a worker's record: gold, reviews and agreement since the last reset, and `elsewhere`, the
    gold in the organization's other projects of the same type."""
    return posterior(
        correct=record.gold.correct + record.reviews.correct,
        incorrect=record.gold.incorrect + record.reviews.incorrect,
        agreeing=record.agreement.correct,
        disagreeing=record.agreement.incorrect,
        elsewhere=(elsewhere.correct, elsewhere.incorrect) if elsewhere is not None else (0.0, 0.0),
    )


#: The marks of the stages, as shares of the way from chance to `GOOD`.
GOOD = 0.9
_COACH, _WATCH = 0.75, 0.5
#: A stage changes only once so many more answers to gold were counted: each change would tell of fewer otherwise.
MIN_NEW_GOLD = 3


def stage_of(current: Stage, estimate: Posterior, *, chance: float, new_gold: int) -> Stage:
    """Return the stage after `new_gold` answers to gold since it last changed. `chance`: the accuracy of guessing.

    It rises once the whole interval is below a mark, and falls once the mean is above it. In between it stays.
    """
    if new_gold < MIN_NEW_GOLD:
        return current
    marks = {Stage.COACHED: chance + _COACH * (GOOD - chance), Stage.WATCHED: chance + _WATCH * (GOOD - chance)}
    for stage in (Stage.WATCHED, Stage.COACHED):
        is_there = list(Stage).index(current) >= list(Stage).index(stage)
        if estimate.high < marks[stage] or (is_there and estimate.mean < marks[stage]):
            return stage
    return Stage.NONE


def trust(*, correct: int, incorrect: int) -> float:
    """Return the posterior mean of the worker's accuracy, 0 to 1."""
    alpha, beta = PRIOR_ALPHA + correct, PRIOR_BETA + incorrect
    return alpha / (alpha + beta)


def probability_worse_than(share: float, *, correct: int, incorrect: int) -> float:
    """Return P(accuracy < share); `share` and the result are from 0 to 1."""
    return float(betainc(PRIOR_ALPHA + correct, PRIOR_BETA + incorrect, share))


def is_clearly_bad(*, correct: int, incorrect: int) -> bool:
    """Whether to pause the worker: at least four answers to gold, and clearly bad on them."""
    is_worse = probability_worse_than(MIN_ACCURACY, correct=correct, incorrect=incorrect) >= MIN_PROBABILITY
    return correct + incorrect >= MIN_SEEN and is_worse
