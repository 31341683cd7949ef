"""How much gold goes into a hand, and where."""

import random
from collections import Counter

import pytest

from tasks.assignment.gold_mixing import draw_gold_count, draw_gold_count_for, mix_in_gold


def test_a_whole_expected_count_is_exact() -> None:
    rng = random.Random(7)
    assert {draw_gold_count(expected=10 * 0.1, rng=rng) for _ in range(200)} == {1}


@pytest.mark.parametrize("rate", [0.02, 0.07, 0.13, 0.29])
def test_a_fractional_expected_count_is_met_on_average(rate: float) -> None:
    rng = random.Random(7)
    counts = Counter(draw_gold_count(expected=10 * rate, rng=rng) for _ in range(20_000))
    assert len(counts) == 2
    assert sum(count * times for count, times in counts.items()) / 20_000 == pytest.approx(10 * rate, abs=0.02)


def test_gold_added_to_work_is_the_rate_of_the_total() -> None:
    assert draw_gold_count_for(work=9, rate=0.1, rng=random.Random(1)) == 1
    assert draw_gold_count_for(work=5, rate=0.5, rng=random.Random(1)) == 5
    assert draw_gold_count_for(work=5, rate=0, rng=random.Random(1)) == 0


def test_every_order_of_work_and_gold_is_equally_likely() -> None:
    rng = random.Random(3)
    orders = Counter("".join(mix_in_gold(work=["a", "b", "c"], gold=["G"], rng=rng)) for _ in range(24_000))
    assert len(orders) == 24
    assert all(850 < count < 1_150 for count in orders.values())


def test_groups_stay_together_in_order_and_are_shuffled_as_wholes() -> None:
    rng = random.Random(3)
    orders = Counter(
        "".join(mix_in_gold(work="aabc", gold="G", rng=rng, group_of=lambda item: item if item == "a" else None))
        for _ in range(24_000)
    )
    assert len(orders) == 24
    assert all("aa" in order and 850 < count < 1_150 for order, count in orders.items())
    numbered = mix_in_gold(work=["a1", "a2", "b1", "a3"], gold=[], rng=rng, group_of=lambda item: item[0])
    assert [item for item in numbered if item[0] == "a"] == ["a1", "a2", "a3"]
    assert "a1 a2 a3" in " ".join(numbered)
