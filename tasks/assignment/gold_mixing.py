"""How many check images go into a hand, and where. Pure: no Django."""

import math
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def gold_count(*, expected: float, rng: random.Random) -> int:
    """A whole number whose mean is `expected` (0 or more): 1.3 gives 1 in seven of ten draws, else 2."""
    # Rates such as 0.1 are not exact in binary; without the rounding 10 x 0.1 could now and then give none.
    exact = round(expected, 9)
    whole = math.floor(exact)
    return whole + (rng.random() < exact - whole)


def gold_beside(*, work: int, rate: float, rng: random.Random) -> int:
    """How many go beside `work` tasks so that gold is `rate` (0 to below 1) of the whole."""
    return gold_count(expected=work * rate / (1 - rate), rng=rng)


def mixed(*, work: Sequence[Item], gold: Sequence[Item], rng: random.Random) -> list[Item]:
    """All items, the work in its own order, the gold at random positions."""
    size = len(work) + len(gold)
    gold_at = set(rng.sample(range(size), len(gold)))
    rest, checks = iter(work), iter(gold)
    return [next(checks) if position in gold_at else next(rest) for position in range(size)]
