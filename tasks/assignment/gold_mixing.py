"""How much gold a hand has, and at which positions. Pure: no Django.

Gold is at a random share of the tasks, in front of them, so that two workers who get the same tasks get the same gold:
see docs/decisions/0031-gold-stands-among-the-work.md.
"""

import random
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import TypeVar

Item = TypeVar("Item")


def site_share(*, images: int, gold: float) -> float:
    """Return at which share of the tasks gold has to be so that a hand of `images` has `gold` of them on average.

    A hand ends with gold, without the task behind it, if that is the last of its images; gold in front of its first
    task is left out every other time.
    """
    return _site_share(images, round(gold, 3)) if gold > 0 and images else 0.0


@lru_cache(maxsize=4096)
def _site_share(images: int, gold: float) -> float:
    low, high = 0.0, 1.0
    if _expected(images, high) <= gold:
        return high
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if _expected(images, middle) < gold else (low, middle)
    return high


def _expected(images: int, sites: float) -> float:
    """Return how much gold a hand has on average if it is in front of this share of the tasks."""
    # By the number of images that are left: with n left, gold takes one of them, and the task behind it the next.
    later = [0.0, sites]
    for left in range(2, images + 1):
        later.append(sites * (1 + later[left - 2]) + (1 - sites) * later[left - 1])
    behind = later[images - 2] if images > 1 else 0.0
    return sites / 2 * (1 + behind) + (1 - sites / 2) * later[images - 1]


def mix_in_gold(
    *,
    work: Sequence[Item],
    gold: Sequence[Item],
    rng: random.Random,
    group_of: Callable[[Item], Hashable | None] = lambda item: None,
    first: int = 0,
    first_gold: float = 0.0,
) -> list[Item]:
    """Return all items in random order, those of a group side by side in the given order; None is no group.

    Work in any order of its own would show where the gold was put in. `first_gold` of the gold, from 0 to 1, is among
    the `first` items on average; it has no effect on groups, which have no place of their own.
    """
    if 0 < first < len(work) + len(gold) and all(group_of(item) is None for item in [*work, *gold]):
        return _mix_with_first(work=work, gold=gold, rng=rng, first=first, first_gold=first_gold)
    groups: dict[Hashable, list[Item]] = {}
    for number, item in enumerate([*work, *gold]):
        group = group_of(item)
        groups.setdefault(("alone", number) if group is None else ("group", group), []).append(item)
    shuffled = list(groups.values())
    rng.shuffle(shuffled)
    return [item for group in shuffled for item in group]


def _mix_with_first(
    *, work: Sequence[Item], gold: Sequence[Item], rng: random.Random, first: int, first_gold: float
) -> list[Item]:
    works, golds = rng.sample(work, len(work)), rng.sample(gold, len(gold))
    wanted = sum(rng.random() < first_gold for _ in golds)
    count = max(min(wanted, first), first - len(works))
    head = golds[:count] + works[: first - count]
    tail = golds[count:] + works[first - count :]
    rng.shuffle(head)
    rng.shuffle(tail)
    return head + tail
