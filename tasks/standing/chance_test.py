"""A sequential test of whether a worker answers at chance. Pure: no Django.

After every set, the evidence of all of a worker's answers is weighed again: how much likelier are they from somebody
who does not look at the images than from an honest worker with an accuracy of at least `lowest`? It is the sequential
probability ratio test (Wald 1945) with many hypotheses on either side: a mixture over ways not to look (all classes
alike; some more often, the mixture of Krichevsky and Trofimov 1981, which a constant answer fits best) is divided by
the best-fitting honest worker (universal inference, Wasserman, Ramdas and Balakrishnan 2020). Scores of objects are
bets on their mean (Waudby-Smith and Ramdas 2024).

Such a ratio is an e-value: whenever one looks, it ever exceeds `1/a` for an honest worker with a probability of at
most `a` (Ville 1939). `STOP_EARLY` has that guarantee, 0.7%. `STOP` would not have a useful one: it applies only once
`enough` answers were compared, and its error rates are simulated.

All logarithms are natural. `tests/unit/standing/test_guessers_are_stopped.py` simulates the error rates, and decision
32 lists them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

#: Above this much evidence, the worker is stopped; before enough answers were compared, above `STOP_EARLY`.
STOP, STOP_EARLY = 0.8, 5.0


@dataclass(frozen=True, slots=True)
class _Scale:
    """What can be told apart, by the number of classes. An honest worker is right `lowest` of the time, and `later`
    once more than `few` answers were compared: that is how many it takes to tell guessing from less. `enough`:
    answers after which STOP applies."""

    lowest: float
    later: float
    few: int
    enough: int


_TWO_CLASSES = _Scale(lowest=0.75, later=0.65, few=55, enough=38)
_THREE_CLASSES = _Scale(lowest=0.7, later=0.6, few=40, enough=24)
_MORE = _Scale(lowest=0.7, later=0.6, few=25, enough=16)
_HIGHEST_ACCURACY = 0.98
_STEPS = 8
#: What times may add: fast answers support the evidence of wrong ones, and never stop anyone by themselves.
MOST_OF_TIMES = 1.0
#: What the organization's other projects may add.
MOST_OF_OTHER_PROJECTS = 1.0
#: Another worker is never taken for more reliable than this: they may all be misled by the same image.
MOST_TRUST = 0.9

#: Scores of objects that an honest worker reaches on average: on gold, and of what others reach with each other.
LOWEST_SCORE = 0.4
LOWEST_SHARE_OF_USUAL = 0.5
#: Scores of somebody who does not look.
_CHANCE_SCORE = 0.05
#: An answer is fast if it took less than this share of the median of others' answers.
FAST = 1 / 3
_FAST_OF_HONEST, _FAST_OF_CARELESS = 0.25, 0.8


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """A worker's answer to one image with a class. `answer`: the class, or None for "cannot tell".

    accepted: the right answers, if the image is gold; otherwise `votes`: (answer, trust 0 to 1) of each independent
    other worker who answered the image.
    """

    answer: int | None
    accepted: frozenset[int | None] | None = None
    votes: tuple[tuple[int | None, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreAnswer:
    """A worker's answer to one image with objects. `score`, 0 to 1: its similarity to the gold answer, or its mean
    similarity to the answers of independent other workers."""

    score: float
    is_gold: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a worker's answers in a project since the last reset.

    classes: the number of classes; `class_answers` or `score_answers`, by what is labeled. usual: the mean similarity
    of the others' answers to each other. fast of timed: answers that took much less time than others' (`FAST`).
    elsewhere: evidence from the organization's other projects.
    """

    classes: int = 2
    class_answers: Sequence[ClassAnswer] = ()
    score_answers: Sequence[ScoreAnswer] = ()
    usual: float = 0.6
    fast: int = 0
    timed: int = 0
    elsewhere: float = 0.0


@dataclass(frozen=True, slots=True)
class ChanceTest:
    """The result: `log_ratio` above STOP says that the worker does not look at the images. It is the sum of the parts,
    of which `answers` has no limit."""

    answers: float
    times: float
    elsewhere: float
    # How many answers were compared, and the expected number of right ones among them: gold, and with others.
    enough: int = 16
    gold_seen: int = 0
    gold_right: float = 0.0
    compared: int = 0
    agreeing: float = 0.0
    fast: int = field(default=0)
    timed: int = field(default=0)

    @property
    def log_ratio(self) -> float:
        return self.answers + self.times + self.elsewhere

    @property
    def limit(self) -> float:
        return STOP if self.gold_seen + self.compared >= self.enough else STOP_EARLY

    @property
    def is_at_chance(self) -> bool:
        return self.log_ratio >= self.limit


def run_chance_test(evidence: Evidence) -> ChanceTest:
    """Weigh the evidence about one worker."""
    probabilities = class_probabilities(evidence.class_answers, classes=evidence.classes)
    gold = [p for p, each in zip(probabilities, evidence.class_answers, strict=True) if each.accepted is not None]
    others = [
        p for p, each in zip(probabilities, evidence.class_answers, strict=True) if each.accepted is None and each.votes
    ]
    gold += [each.score for each in evidence.score_answers if each.is_gold]
    usual = max(evidence.usual, 0.05)
    others += [min(1.0, each.score / usual) for each in evidence.score_answers if not each.is_gold]
    return ChanceTest(
        answers=_of_classes(evidence, probabilities) + _of_scores(evidence.score_answers, usual),
        times=_of_times(evidence.fast, evidence.timed),
        elsewhere=min(max(evidence.elsewhere, 0.0), MOST_OF_OTHER_PROJECTS),
        enough=_scale(evidence).enough,
        gold_seen=len(gold),
        gold_right=sum(gold),
        compared=len(others),
        agreeing=sum(others),
        fast=evidence.fast,
        timed=evidence.timed,
    )


def log_ratio_of_counts(correct: int, incorrect: int, *, classes: int) -> float:
    """Return the log ratio for numbers of answers of which no more is known."""
    lowest = _scale(Evidence(classes=classes)).lowest
    return correct * math.log(1 / classes / lowest) + incorrect * math.log((1 - 1 / classes) / (1 - lowest))


def class_probabilities(answers: Sequence[ClassAnswer], *, classes: int) -> list[float]:
    """Return for each answer the probability that it is right, by gold or by the others' answers; 0.5 by neither."""
    frequency = Counter(vote for each in answers for vote, _ in each.votes)
    return [_probability(each, classes, frequency) for each in answers]


def _probability(answer: ClassAnswer, classes: int, frequency: Counter[int | None]) -> float:
    if answer.accepted is not None:
        return float(answer.answer in answer.accepted)
    if not answer.votes:
        return 0.5
    total = frequency.total()
    options = {vote for vote, _ in answer.votes} | {answer.answer}
    weights = {option: _weight(option, answer.votes, classes) * (1 + frequency[option]) for option in options}
    # The classes that nobody named, with what remains of the frequencies.
    rest = max(classes - len(options), 0)
    remaining = total - sum(frequency[option] for option in options) + rest
    unnamed = math.prod((1 - _capped(trust)) / max(classes - 1, 1) for _, trust in answer.votes) * remaining
    return weights[answer.answer] / (sum(weights.values()) + unnamed)


def _weight(option: int | None, votes: Iterable[tuple[int | None, float]], classes: int) -> float:
    return math.prod(
        _capped(trust) if vote == option else (1 - _capped(trust)) / max(classes - 1, 1) for vote, trust in votes
    )


def _capped(trust: float) -> float:
    return min(MOST_TRUST, max(0.05, trust))


def _of_classes(evidence: Evidence, probabilities: Sequence[float]) -> float:
    """The logarithm of the ratio for class answers."""
    classes, scale = evidence.classes, _scale(evidence)
    known = [
        (each.answer, p)
        for each, p in zip(evidence.class_answers, probabilities, strict=True)
        if each.accepted is not None or each.votes
    ]
    if not known or classes < 2:
        return 0.0
    honest = max(
        sum(math.log(p * right + (1 - p) * (1 - right) / (classes - 1)) for _, p in known)
        for right in _honest_accuracies(scale.lowest if len(known) <= scale.few else scale.later)
    )
    counts = Counter(answer for answer, _ in known)
    uniform = -len(known) * math.log(classes)
    favourites = _favourites(tuple(sorted(counts.values())), classes)
    careless = max(uniform, favourites) + math.log1p(math.exp(-abs(uniform - favourites))) - math.log(2)
    return careless - honest


def _favourites(counts: tuple[int, ...], classes: int) -> float:
    """Log probability of answers with these counts under the Dirichlet(1/2) mixture of class frequencies."""
    total = sum(counts)
    return (
        math.lgamma(classes / 2)
        - math.lgamma(total + classes / 2)
        + sum(math.lgamma(count + 0.5) - math.lgamma(0.5) for count in counts)
    )


def _scale(evidence: Evidence) -> _Scale:
    if evidence.score_answers or evidence.classes > 3:
        return _MORE
    return _THREE_CLASSES if evidence.classes == 3 else _TWO_CLASSES


@cache
def _honest_accuracies(lowest: float) -> tuple[float, ...]:
    return tuple(lowest + (_HIGHEST_ACCURACY - lowest) * step / (_STEPS - 1) for step in range(_STEPS))


def _of_scores(answers: Sequence[ScoreAnswer], usual: float) -> float:
    agreeing = min(LOWEST_SCORE, LOWEST_SHARE_OF_USUAL * usual)
    return sum(_bet(each.score, LOWEST_SCORE if each.is_gold else agreeing, _CHANCE_SCORE) for each in answers)


def _of_times(fast: int, timed: int) -> float:
    """At most MOST_OF_TIMES, and never less than nothing: being slow excuses no wrong answers."""
    slow = timed - fast
    ratio = fast * _bet(1.0, _FAST_OF_HONEST, _FAST_OF_CARELESS) + slow * _bet(0.0, _FAST_OF_HONEST, _FAST_OF_CARELESS)
    return min(max(ratio, 0.0), MOST_OF_TIMES)


def _bet(value: float, honest: float, careless: float) -> float:
    """Log e-value of a value from 0 to 1 whose mean is `honest` or better, against `careless`: linear in the value, so
    its expectation is at most 1 whatever the distribution."""
    if not 0 < honest < 1 or careless == honest:
        return 0.0
    return math.log(value * careless / honest + (1 - value) * (1 - careless) / (1 - honest))
