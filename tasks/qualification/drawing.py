"""Which images of a pool an exam or a round of practice has. Pure: no Django.

An exam is drawn evenly over the classes, first what the worker has not had in an earlier attempt, at random among
equals: two workers, and two attempts, have different images. Practice is drawn by the worker's own confusions.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PoolImage:
    """An image that can be drawn, with the numbers of the classes in its first accepted answer."""

    id: int
    classes: frozenset[int]


@dataclass(frozen=True, slots=True)
class PracticeAnswer:
    """An earlier answer: the classes that are right, and those that were given."""

    accepted: frozenset[int]
    given: frozenset[int]
    correct: bool


@dataclass(slots=True)
class Confusions:
    """How often answers that involve a class were wrong. One image of each class and one mistake are assumed before,
    so that a class that was never practiced is neither known nor unknown."""

    seen: Counter[int] = field(default_factory=Counter)
    wrong: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, answers: Iterable[PracticeAnswer]) -> Confusions:
        found = cls()
        for answer in answers:
            # Cat taken for dog: both are to be practiced. With the right classes, their objects were drawn wrongly.
            involved = answer.accepted | answer.given
            found.seen.update(involved)
            if not answer.correct:
                found.wrong.update((answer.accepted ^ answer.given) or involved)
        return found

    def rate(self, number: int) -> float:
        return (self.wrong[number] + 1) / (self.seen[number] + 2)

    def of_image(self, image: PoolImage) -> float:
        """The probability that the worker is wrong about the image's most confused class, 0 to 1."""
        return max((self.rate(number) for number in image.classes), default=0.5)


#: How strongly confusions count: an image of a class that is wrong twice as often is drawn eight times as often.
SHARPNESS = 3
#: How much less often an image comes for each time that the worker has had it.
AGAIN = 0.3


def draw_practice(
    pool: Sequence[PoolImage], *, count: int, had: Mapping[int, int], confusions: Confusions, rng: random.Random
) -> list[int]:
    """Return the ids of up to `count` images, in random order. had: {image id: how often the worker has had it}.

    Weighted sampling without replacement (Efraimidis and Spirakis 2006).
    """
    weights = {each.id: confusions.of_image(each) ** SHARPNESS * AGAIN ** had.get(each.id, 0) for each in pool}
    keys = {pk: rng.random() ** (1 / weight) if weight > 1e-12 else 0.0 for pk, weight in weights.items()}
    chosen = sorted(keys, key=lambda pk: keys[pk], reverse=True)[:count]
    rng.shuffle(chosen)
    return chosen


def draw_exam(pool: Sequence[PoolImage], *, count: int, had: Collection[int], rng: random.Random) -> list[int]:
    """Return the ids of `count` images, or all if there are fewer, in random order, evenly over the classes.

    Of a class, images that the worker has `had` come only after the others.
    """
    groups: dict[tuple[int, ...], list[PoolImage]] = defaultdict(list)
    for each in rng.sample(pool, len(pool)):
        groups[tuple(sorted(each.classes))].append(each)
    turns = [
        (number, rng.random(), each.id)
        for group in groups.values()
        for number, each in enumerate(sorted(group, key=lambda one: one.id in had))
    ]
    chosen = [pk for *_, pk in sorted(turns)[:count]]
    rng.shuffle(chosen)
    return chosen
