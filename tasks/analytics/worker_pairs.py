"""Which two workers answer alike more often than independent people do: from counts to pairs. Pure: no Django.

Of each pair it is counted how often both are wrong in the same way, draw an object with the very same coordinates, or
take the same time to a tenth of a second, of the images on which that could have been. People who work independently do
so too: images are misleading, cameras do not move. How often is the share of all other pairs of the project, and a
pair is named only if a binomial of that share reaches its count with a probability below `FALSE_ALARM` divided by the
number of pairs and signals (Bonferroni). So with however many pairs, the probability to name any of them by accident is
at most `FALSE_ALARM` each time somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import betainc

#: The probability that any pair of a project's independent workers is named.
FALSE_ALARM = 0.01
#: Of so few images, nothing follows however alike the answers are.
MIN_HITS = 4


class Likeness(StrEnum):
    """Of what two workers' answers are alike. The values are signals of `worker_flags`."""

    SAME_MISTAKES = "same_mistakes"
    SAME_GEOMETRY = "same_geometry"
    SAME_TIMES = "same_times"


#: At least so often independent workers are taken to be alike: of few pairs the share may be 0.
_AT_LEAST = {Likeness.SAME_MISTAKES: 0.25, Likeness.SAME_GEOMETRY: 0.01, Likeness.SAME_TIMES: 0.03}


@dataclass(frozen=True, slots=True)
class PairCount:
    """`hits` of the `of` images on which two workers could have been alike."""

    hits: int
    of: int


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two workers who are more alike than chance allows. usual: the share of the other pairs."""

    workers: tuple[str, str]
    likeness: Likeness
    hits: int
    of: int
    usual: float
    probability: float


def alike_pairs(counts: Mapping[tuple[str, str], Mapping[Likeness, PairCount]], *, classes: int = 0) -> list[AlikePair]:
    """Return the pairs that are alike beyond chance, the least probable first.

    classes: the number of classes, by which two wrong answers may be equal by chance; 0 if there is none.
    """
    tests = sum(count.of > 0 for pair in counts.values() for count in pair.values())
    found = []
    for likeness in Likeness:
        hits = sum(pair[likeness].hits for pair in counts.values() if likeness in pair)
        total = sum(pair[likeness].of for pair in counts.values() if likeness in pair)
        lowest = _AT_LEAST[likeness]
        if likeness == Likeness.SAME_MISTAKES and classes > 1:
            lowest = max(lowest, 1 / (classes - 1))
        for workers, pair in counts.items():
            count = pair.get(likeness, PairCount(0, 0))
            if count.hits < MIN_HITS:
                continue
            others = total - count.of
            usual = min(1.0, max(lowest, (hits - count.hits) / others if others else 0.0))
            probability = _at_least(count.hits, count.of, usual)
            if probability < FALSE_ALARM / tests:
                found.append(AlikePair(workers, likeness, count.hits, count.of, usual, probability))
    return sorted(found, key=lambda each: each.probability)


def _at_least(hits: int, of: int, share: float) -> float:
    """The probability of `hits` or more of a binomial."""
    return 1.0 if share >= 1 else float(betainc(hits, of - hits + 1, share))
