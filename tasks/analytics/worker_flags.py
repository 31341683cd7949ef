"""Which workers a manager should look at: from counts to flags. Pure: no Django.

Each signal compares one worker's counts with a limit that honest workers stay clear of. A worker is flagged once the
99% interval of a signal (Clopper and Pearson 1934) is wholly beyond its limit, so a few unlucky answers flag nobody.
Limits that depend on the task, such as how often workers agree, follow from the other workers of the same project.

False alarms and detection are simulated in `tests/unit/test_worker_flags.py`; decision 22 has the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from statistics import median
from typing import TypedDict

from scipy.special import betaincinv

#: Probability of each side that the interval leaves out.
_TAIL = 0.005
#: The limit of gold, and of rejected and of repeated answers: more often wrong than right.
HALF = 0.5
#: A worker agrees with labels, or is right, beyond chance less than half as often as the others.
ABOVE_CHANCE = 0.5
#: Whatever the others reach, an accuracy of this much is accepted.
ACCEPTED = 0.6
#: Most answers take less than this share of the time of the fastest quarter of the other workers.
TIME_OF_OTHERS = 1 / 3
#: Answers that a time needs, and answers that another worker needs to be compared with.
MIN_TIMED, MIN_COMPARED = 20, 5
#: The shortest run of one answer that is a signal, and the probability of a run in an honest worker's answers.
MIN_STREAK, STREAK_ALARM = 8, 0.001
#: Other workers that a limit needs: between two who disagree nobody can tell who is wrong.
MIN_OTHERS = 2


class Signal(StrEnum):
    """In the order in which evidence is listed."""

    GOLD = "gold"
    AGREEMENT = "agreement"
    ACCURACY = "accuracy"
    OBJECTS_FOUND = "objects_found"
    REPEATS = "repeats"
    STREAK = "streak"
    REJECTED = "rejected"
    TIME = "time"
    RETURNS = "returns"
    SAME_MISTAKES = "same_mistakes"
    SAME_GEOMETRY = "same_geometry"
    SAME_TIMES = "same_times"
    SAME_DEVICE = "same_device"
    SAME_NETWORK = "same_network"


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """The counts of one worker.

    `gold_correct` of `gold_seen`: check images answered right. `equal` of `compared`: newest answers that equal the
    agreed label; `chance` is the share expected if the same answers had been given to other images. `repeats` of
    `otherwise`: among the compared answers whose label differs from the worker's most frequent answer, those that give
    it all the same. `streak`: the longest run of one answer among the compared ones, which is `streak_share` of the
    labels. `rejected` of `judged`: reviewed labels equal to the worker's answer, and those that were rejected.
    `accuracy`, `detection`: estimates of the consensus model from `answers` answers, None before its first fit. `fast`:
    the time in seconds within which 80% of the newest `timed` answers were given; `seconds`: their median. `returns`:
    images returned within a day; a worker with more than `returns_limit` is paused.
    """

    gold_correct: int = 0
    gold_seen: int = 0
    equal: int = 0
    compared: int = 0
    chance: float = 0.0
    repeats: int = 0
    otherwise: int = 0
    streak: int = 0
    streak_share: float = 1.0
    rejected: int = 0
    judged: int = 0
    accuracy: float | None = None
    detection: float | None = None
    answers: int = 0
    fast: float | None = None
    seconds: float | None = None
    timed: int = 0
    returns: int = 0
    returns_limit: int = 0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all workers of a project have in common: the model's pooled estimates, and the number of classes."""

    classes: int = 0
    accuracy: float | None = None
    detection: float | None = None


class FlagFigures(TypedDict):
    """A `Flag` as JSON, its figures to four decimals. `worker`: the public id of the other, for signals of a pair."""

    signal: str
    value: float
    limit: float
    of: int
    count: int | None
    low: float | None
    high: float | None
    decisive: bool
    strength: float
    worker: str | None


@dataclass(frozen=True, slots=True)
class Flag:
    """One signal about a worker: the value, 0 to 1 (seconds for `time`, images for `returns`), its 99% interval if it
    is a share, and the limit that it is beyond. count, of: what it was counted from.

    worker: whom the answers or the device are shared with. decisive: whether the signal flags the worker by itself;
    the others only support one that does. strength: how far it is beyond the limit, 0 to 1.
    """

    signal: Signal
    value: float
    limit: float
    of: int
    count: int | None = None
    low: float | None = None
    high: float | None = None
    decisive: bool = True
    strength: float = 0.0
    worker: str | None = None

    def to_json(self) -> FlagFigures:
        return {
            "signal": str(self.signal),
            "value": round(self.value, 4),
            "limit": round(self.limit, 4),
            "of": self.of,
            "count": self.count,
            "low": None if self.low is None else round(self.low, 4),
            "high": None if self.high is None else round(self.high, 4),
            "decisive": self.decisive,
            "strength": round(self.strength, 4),
            "worker": self.worker,
        }


def flag_workers(
    workers: Mapping[str, WorkerCounts], crowd: Crowd, shared: Mapping[str, Sequence[Flag]] | None = None
) -> dict[str, list[Flag]]:
    """Return {worker: flags} of those who need a look, worst first. `shared`: flags of what two workers have in common
    (`worker_pairs`, and accounts that are used from one device)."""
    shared = shared or {}
    flags = {
        name: [*_flags(counts, _others(workers, name), crowd), *shared.get(name, ())]
        for name, counts in workers.items()
    }
    flagged = {name: each for name, each in flags.items() if any(flag.decisive for flag in each)}
    return dict(sorted(flagged.items(), key=lambda item: (-sum(flag.strength for flag in item[1]), item[0])))


def chance_agreement(pairs: Sequence[tuple[str, str]]) -> float:
    """Return the agreement by chance of (answer, label) pairs, as in Cohen's kappa (1960)."""
    answers, labels = (Counter(column) for column in zip(*pairs, strict=True))
    return sum(count * labels[answer] for answer, count in answers.items()) / len(pairs) ** 2


def count_repeats(pairs: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Count, in (answer, label) pairs, the labels that are not the most frequent answer, and its repeats there."""
    most_frequent = Counter(answer for answer, _ in pairs).most_common(1)[0][0]
    otherwise = [answer for answer, label in pairs if label != most_frequent]
    return otherwise.count(most_frequent), len(otherwise)


def longest_streak(pairs: Sequence[tuple[str, str]]) -> tuple[int, float]:
    """Return the length of the longest run of one answer in (answer, label) pairs, and that answer's share of the
    labels, to which one label that nobody gave is added."""
    best, answer = max(((len(list(run)), answer) for answer, run in groupby(pairs, key=itemgetter(0))), default=(0, ""))
    return best, (sum(label == answer for _, label in pairs) + 0.5) / (len(pairs) + 1)


def interval(count: float, of: int) -> tuple[float, float]:
    """The 99% interval of a share; (0, 1) of nothing. The count may be an expected number."""
    if of <= 0:
        return 0.0, 1.0
    low = float(betaincinv(count, of - count + 1, _TAIL)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - _TAIL)) if count < of else 1.0
    return low, high


def _others(workers: Mapping[str, WorkerCounts], name: str) -> list[WorkerCounts]:
    return [counts for other, counts in workers.items() if other != name]


def _flags(worker: WorkerCounts, others: Iterable[WorkerCounts], crowd: Crowd) -> list[Flag]:
    others = list(others)
    agreements = [each.equal / each.compared for each in others if each.compared >= MIN_COMPARED]
    times = [each.seconds for each in others if each.seconds is not None and each.timed >= MIN_TIMED]
    found: list[Flag | None] = [_too_low(Signal.GOLD, worker.gold_correct, worker.gold_seen, HALF)]
    if len(agreements) >= MIN_OTHERS:
        limit = _halfway(worker.chance, median(agreements))
        found.append(_too_low(Signal.AGREEMENT, worker.equal, worker.compared, limit))
        found.append(_too_high(Signal.REPEATS, worker.repeats, worker.otherwise, HALF))
    if worker.accuracy is not None and crowd.accuracy is not None and crowd.classes > 1:
        limit = _halfway(1 / crowd.classes, crowd.accuracy)
        found.append(_estimate(Signal.ACCURACY, worker.accuracy, worker.answers, limit))
    if worker.detection is not None and crowd.detection is not None:
        limit = _halfway(0.0, crowd.detection)
        found.append(_estimate(Signal.OBJECTS_FOUND, worker.detection, worker.answers, limit))
    found.append(_streak(worker))
    found.append(_too_high(Signal.REJECTED, worker.rejected, worker.judged, HALF))
    if worker.fast is not None and worker.timed >= MIN_TIMED and len(times) >= MIN_OTHERS:
        found.append(_too_fast(worker.fast, worker.timed, TIME_OF_OTHERS * sorted(times)[len(times) // 4]))
    if worker.returns > worker.returns_limit > 0:
        found.append(Flag(Signal.RETURNS, float(worker.returns), float(worker.returns_limit), worker.returns))
    return sorted((flag for flag in found if flag), key=lambda flag: list(Signal).index(flag.signal))


def _halfway(chance: float, usual: float) -> float:
    return min(ACCEPTED, chance + ABOVE_CHANCE * max(usual - chance, 0.0))


def _too_low(signal: Signal, count: int, of: int, limit: float) -> Flag | None:
    if not of or count / of >= limit:
        return None
    low, high = interval(count, of)
    strength = max(0.0, (limit - high) / limit)
    return Flag(signal, count / of, limit, of, count, low, high, decisive=high < limit, strength=strength)


def _too_high(signal: Signal, count: int, of: int, limit: float) -> Flag | None:
    if not of or count / of <= limit:
        return None
    low, high = interval(count, of)
    strength = max(0.0, (low - limit) / (1 - limit))
    return Flag(signal, count / of, limit, of, count, low, high, decisive=low > limit, strength=strength)


def _estimate(signal: Signal, value: float, of: int, limit: float) -> Flag | None:
    if not of or value >= limit:
        return None
    low, high = interval(value * of, of)
    strength = max(0.0, (limit - high) / limit)
    return Flag(signal, value, limit, of, None, low, high, decisive=high < limit, strength=strength)


def _streak(worker: WorkerCounts) -> Flag | None:
    """A run that a shuffled set would hardly have: at most once in `1 / STREAK_ALARM` workers (the union bound)."""
    if worker.streak < MIN_STREAK or worker.compared * worker.streak_share**worker.streak > STREAK_ALARM:
        return None
    return Flag(Signal.STREAK, worker.streak_share, 1.0, worker.compared, worker.streak, strength=0.5)


def _too_fast(seconds: float, of: int, limit: float) -> Flag | None:
    if seconds >= limit:
        return None
    # Speed alone says less than wrong answers do, so it comes after them.
    return Flag(Signal.TIME, seconds, limit, of, strength=0.25 * (1 - seconds / limit))
