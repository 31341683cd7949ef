"""How much gold goes into a hand, and where."""

import random
from collections import Counter

import pytest

from tasks.assignment.gold_mixing import mix_in_gold, site_share


def a_hand(*, images: int, sites: float, rng: random.Random) -> int:
    """How much gold a hand has that walks along tasks of which a share has gold in front of it, as a claim does."""
    left, gold = images, 0
    for number in range(images):
        if rng.random() < sites and not (number == 0 and rng.random() < 0.5):
            gold, left = gold + 1, left - 1
        if not left:
            break
        left -= 1
        if not left:
            break
    return gold


@pytest.mark.parametrize("images", [1, 2, 5, 10, 37])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5])
def test_the_share_of_sites_gives_the_expected_gold_in_hands_of_any_size(images: int, share: float) -> None:
    rng = random.Random(7)
    sites = site_share(images=images, gold=images * share)
    times = 200_000 // images
    mean = sum(a_hand(images=images, sites=sites, rng=rng) for _ in range(times)) / times
    assert mean / images == pytest.approx(share, abs=0.006)


def test_no_gold_is_expected_without_a_rate() -> None:
    assert site_share(images=10, gold=0) == 0
    assert site_share(images=0, gold=0) == 0


def test_the_first_images_of_a_large_hand_have_their_part_of_the_gold() -> None:
    rng = random.Random(5)
    times, in_first, positions = 4_000, 0, Counter[int]()
    for _ in range(times):
        order = mix_in_gold(work=["w"] * 88, gold=["G"] * 12, rng=rng, first=10, first_gold=3 / 12)
        assert Counter(order) == {"w": 88, "G": 12}
        in_first += order[:10].count("G")
        positions.update(number for number, item in enumerate(order[:10]) if item == "G")
    assert in_first / times == pytest.approx(3, abs=0.1)
    assert all(1_000 < positions[number] < 1_400 for number in range(10)), "at any of the first positions"


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
