"""The share of gold: three of a newcomer's first ten images, then by what the worker's answers to gold show."""

import pytest

from tasks.gold.share import first_share, gold_share


def share(correct: int, incorrect: int = 0, *, rate: float = 0.1, watched: bool = False) -> float:
    return gold_share(seen=correct + incorrect, correct=correct, gold_rate=rate, watched=watched)


def test_it_decays_with_correct_answers_to_the_rate_and_below() -> None:
    shares = [share(correct) for correct in range(3, 200)]
    assert shares == sorted(shares, reverse=True)
    assert 0.1 < shares[0] < 0.13, "after the first three it is near the rate already"
    assert share(10) < 0.1
    assert 0.05 < share(200) < 0.06, "half of the rate at least: never zero"


def test_what_is_not_settled_yet_is_expected_correct() -> None:
    assert share(0) == pytest.approx(share(3), abs=0.01)


def test_wrong_answers_raise_it_up_to_that_of_a_newcomer() -> None:
    shares = [share(4, wrong) for wrong in range(20)]
    assert shares == sorted(shares)
    assert share(0, 4) == pytest.approx(0.3)
    assert share(10, 10) > 0.2, "who may be guessing between two classes"
    assert share(45, 5) < 0.1, "honest mistakes do not count for long"


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.5])
def test_every_rate_but_zero_gives_some_gold_to_everybody(rate: float) -> None:
    assert 0 < share(10_000, rate=rate) < rate
    assert share(0, 50, rate=rate) == pytest.approx(first_share(rate)) == pytest.approx(max(0.3, rate))


def test_no_rate_is_no_gold() -> None:
    assert share(0, rate=0) == share(0, 9, rate=0) == share(0, rate=0, watched=True) == first_share(0) == 0


def test_who_is_watched_gets_as_much_as_a_newcomer() -> None:
    assert share(500, watched=True) == pytest.approx(0.3)
