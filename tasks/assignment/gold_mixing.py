"""How much gold goes into a hand, and at which positions. Pure: no Django."""

import math
import random
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def draw_gold_count(*, expected: float, rng: random.Random) -> int:
    """Round `expected` (0 or more) stochastically, keeping the mean: 1.3 gives 1 in 70% of draws and 2 otherwise."""
    # Rates such as 0.1 are not exact in binary; without this rounding 10 x 0.1 could occasionally give 0.
    exact = round(expected, 9)
    floor = math.floor(exact)
    return floor + (rng.random() < exact - floor)


def draw_gold_count_for(*, work: int, rate: float, rng: random.Random) -> int:
    """Return how much gold to add to `work` tasks so that gold is `rate` (0 to below 1) of the total."""
    return draw_gold_count(expected=work * rate / (1 - rate), rng=rng)


def mix_in_gold(
    *,
    work: Sequence[Item],
    gold: Sequence[Item],
    rng: random.Random,
    group_of: Callable[[Item], Hashable | None] = lambda item: None,
) -> list[Item]:
    """Return all items in random order, those of a group side by side in the given order; None is no group.

    Work in any order of its own would show where the gold was put in.
    """
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate([*work, *gold]):
        group = group_of(item)
        groups.setdefault(("alone", number) if group is None else ("group", group), []).append(item)
    shuffled = list(groups.values())
    rng.shuffle(shuffled)
    return [item for group in shuffled for item in group]
