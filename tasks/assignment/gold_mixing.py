"""How much gold goes into a hand, and at which positions. Pure: no Django."""

import math
import random
from collections.abc import Sequence
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


def mix_in_gold(*, work: Sequence[Item], gold: Sequence[Item], rng: random.Random) -> list[Item]:
    """Return all items, with the work in its own order and the gold at random positions."""
    size = len(work) + len(gold)
    gold_positions = set(rng.sample(range(size), len(gold)))
    work_items, gold_items = iter(work), iter(gold)
    return [next(gold_items) if position in gold_positions else next(work_items) for position in range(size)]
