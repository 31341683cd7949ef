"""Gold that good workers fail is contested, with a stated error rate for gold whose answer is right."""

import random

import pytest
from scipy.stats import binom

from tasks.gold.contested import ERROR_RATE, Witness, chance, is_contested


def good(*, failed: bool, others: int = 20, correct: int = 19) -> Witness:
    return Witness(failed, others, correct)


def test_the_chance_is_that_of_the_binomial_distribution_if_all_fail_equally_often() -> None:
    assert chance([0.2] * 7, 3) == pytest.approx(binom.sf(2, 7, 0.2))
    assert chance([0.1, 0.3], 2) == pytest.approx(0.03)
    assert chance([], 0) == 1


def test_two_good_workers_who_fail_contest_it_and_one_does_not() -> None:
    assert is_contested([good(failed=True), good(failed=True)])
    assert not is_contested([good(failed=True)])
    assert not is_contested([good(failed=True), *[good(failed=False)] * 2])
    assert is_contested([*[good(failed=True)] * 3, good(failed=False)])


def test_workers_without_a_good_record_of_their_own_say_nothing() -> None:
    newcomer, guesser = Witness(True, 4, 4), Witness(True, 40, 20)
    assert not is_contested([newcomer] * 9)
    assert not is_contested([guesser] * 9)


@pytest.mark.parametrize("accuracy", [0.82, 0.9, 0.97])
def test_right_gold_is_contested_at_most_as_often_as_stated(accuracy: float) -> None:
    rng = random.Random(3)
    times, contested = 4_000, 0
    for _ in range(times):
        witnesses = []
        for _ in range(rng.choice([3, 5, 10])):
            others = rng.choice([5, 10, 30])
            correct = sum(rng.random() < accuracy for _ in range(others))
            witnesses.append(Witness(rng.random() >= accuracy, others, correct))
        contested += is_contested(witnesses)
    assert contested / times <= 1.5 * ERROR_RATE
