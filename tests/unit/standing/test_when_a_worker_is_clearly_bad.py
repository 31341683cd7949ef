"""When a worker's gold answers show guessing."""

import pytest

from tasks.standing.trust import is_clearly_bad, probability_worse_than, trust


def bad(*, right: int, wrong: int) -> bool:
    return is_clearly_bad(correct=right, incorrect=wrong)


def test_the_posterior_is_a_beta_distribution() -> None:
    # P(Beta(2, 5) < 1/2) = P(Binomial(6, 1/2) >= 2) = 57/64
    assert probability_worse_than(0.5, correct=0, incorrect=4) == pytest.approx(57 / 64)
    assert trust(correct=0, incorrect=0) == pytest.approx(2 / 3)
    assert trust(correct=2, incorrect=1) == pytest.approx(4 / 6)


@pytest.mark.parametrize(("right", "wrong"), [(0, 4), (1, 5), (0, 9), (3, 12)])
def test_mostly_wrong_is_clearly_bad(right: int, wrong: int) -> None:
    assert bad(right=right, wrong=wrong)


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (0, 3), (1, 3), (2, 3), (6, 6), (40, 10)])
def test_too_few_or_not_bad_enough_is_not_clearly_bad(right: int, wrong: int) -> None:
    assert not bad(right=right, wrong=wrong)
