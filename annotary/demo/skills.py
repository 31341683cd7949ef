"""How well simulated people label, and how many of each kind are in a crowd. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """Probabilities per image or object; `jitter` is the standard deviation of drawing, as a share of the size."""

    kind: str
    wrong_class: float
    missed: float
    false_objects: float
    jitter: float
    skips: float = 0.01
    thinks_again: float = 0.04
    guesses: bool = False


CAREFUL = Skill("careful", wrong_class=0.02, missed=0.02, false_objects=0.01, jitter=0.02)
AVERAGE = Skill("average", wrong_class=0.07, missed=0.06, false_objects=0.05, jitter=0.05)
CARELESS = Skill("careless", wrong_class=0.2, missed=0.15, false_objects=0.15, jitter=0.1)
# Spammers do not look: their answers have nothing to do with the image.
SPAMMER = Skill("spammer", wrong_class=1, missed=1, false_objects=1, jitter=1, skips=0, thinks_again=0, guesses=True)

SKILLS: Mapping[str, Skill] = {each.kind: each for each in (CAREFUL, AVERAGE, CARELESS, SPAMMER)}
SHARES: Mapping[str, float] = {"careful": 0.3, "average": 0.4, "careless": 0.2, "spammer": 0.1}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the crowd. `name` is unique in it and, with the seed, determines this person's mistakes."""

    name: str
    skill: Skill


def crowd_of(size: int) -> list[Member]:
    """Return `size` people in the shares above, rounded by largest remainder; two or more include a spammer."""
    exact = {kind: share * size for kind, share in SHARES.items()}
    counts = {kind: int(number) for kind, number in exact.items()}
    by_remainder = sorted(exact, key=lambda kind: counts[kind] - exact[kind])
    for kind in by_remainder[: size - sum(counts.values())]:
        counts[kind] += 1
    if size >= 2 and counts["spammer"] == 0:
        counts[max(counts, key=lambda kind: counts[kind])] -= 1
        counts["spammer"] = 1
    return [Member(f"{kind}-{number}", SKILLS[kind]) for kind in SHARES for number in range(1, counts[kind] + 1)]
