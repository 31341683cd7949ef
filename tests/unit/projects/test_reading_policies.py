"""Policies are parsed within their ranges, and refused with a message otherwise."""

from decimal import Decimal
from typing import Any

import pytest

from projects.errors import PolicyRefused
from projects.policies import read_policy

PRESENT = {
    "answers_min": 3,
    "answers_max": 5,
    "split_train": 0.8,
    "split_val": 0.1,
    "set_minutes": 0,
    "lease_seconds": 1800,
    "price": Decimal("0.02"),
    "budget": None,
    "pay_by": "answer",
    "hourly_floor": None,
    "paid_seconds": 60,
    "paid_objects": 50,
    "seconds_per_answer": 10,
    "appeal_days": 0,
    "send_back_days": 0,
}


def read(**changes: Any) -> dict[str, Any]:
    return read_policy(changes, current=PRESENT.__getitem__)


def test_values_are_converted_to_their_types() -> None:
    values = read(answers_min="2", gold_rate="0.25", price="0.05", currency="eur", lease_seconds=600)
    assert values == {
        "answers_min": 2,
        "gold_rate": 0.25,
        "price": Decimal("0.050000"),
        "currency": "EUR",
        "lease_seconds": 600,
    }


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PolicyRefused, match=r"no policy 'overlap'. Choose from answers_min"):
        read(overlap=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("answers_min", 0),
        ("answers_min", 2.5),
        ("answers_min", True),
        ("answers_min", None),
        ("answers_max", 51),
        ("gold_rate", 0.6),
        ("gold_rate", "much"),
        ("gold_rate", float("nan")),
        ("confidence_target", float("inf")),
        ("lease_seconds", 5),
        ("hand_size", 101),
        ("batch_size", 10**30),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(PolicyRefused):
        read(**{name: value})


@pytest.mark.parametrize("amount", ["-0.01", "0.0000001", "1000.01", "1e40", "two", 0.02, None, [], "NaN"])
def test_money_is_an_exact_amount_in_range(amount: Any) -> None:
    with pytest.raises(PolicyRefused, match="The price must be an amount"):
        read(price=amount)


@pytest.mark.parametrize("currency", ["€", "EURO", "12$", "", 5])
def test_a_currency_has_three_letters(currency: Any) -> None:
    with pytest.raises(PolicyRefused, match="three-letter code"):
        read(currency=currency)


def test_answers_max_cannot_be_below_answers_min_even_if_only_one_changes() -> None:
    with pytest.raises(PolicyRefused, match="cannot be below"):
        read(answers_max=2)
    with pytest.raises(PolicyRefused, match="cannot be below"):
        read(answers_min=6, answers_max=5)
    assert read(answers_min=6, answers_max=7) == {"answers_min": 6, "answers_max": 7}


def test_answers_max_follows_answers_min_if_it_is_not_given() -> None:
    assert read(answers_min=6) == {"answers_min": 6, "answers_max": 6}
    assert read(answers_min=4) == {"answers_min": 4}
    assert read(answers_min=1) == {"answers_min": 1, "answers_max": 1}


def test_training_and_validation_shares_cannot_exceed_one() -> None:
    with pytest.raises(PolicyRefused, match="add up to more than 1"):
        read(split_val=0.3)
    assert read(split_val=0.2) == {"split_val": 0.2}


def test_fixed_means_the_same_number_for_every_image() -> None:
    assert read(answers_mode="fixed") == {"answers_max": 3}
    assert read(answers_mode="fixed", answers_min=4) == {"answers_min": 4, "answers_max": 4}
    assert read(answers_mode="fixed", answers_min=4, answers_max=4) == {"answers_min": 4, "answers_max": 4}
    with pytest.raises(PolicyRefused, match=r"Fixed means .* the minimum is 3 and the maximum 7"):
        read(answers_mode="fixed", answers_max=7)


def test_dynamic_needs_a_maximum_above_the_minimum() -> None:
    assert read(answers_mode="dynamic") == {}
    assert read(answers_mode="dynamic", answers_min=1) == {"answers_min": 1}
    for contradiction in ({"answers_min": 5}, {"answers_max": 3}, {"answers_min": 2, "answers_max": 2}):
        with pytest.raises(PolicyRefused, match="the maximum must be above the minimum"):
            read(answers_mode="dynamic", **contradiction)


@pytest.mark.parametrize("mode", ["", "both", None, 3, []])
def test_there_are_two_modes(mode: Any) -> None:
    with pytest.raises(PolicyRefused, match="fixed or dynamic"):
        read(answers_mode=mode)


def test_a_budget_is_an_exact_amount_or_none() -> None:
    assert read(budget="250.5") == {"budget": Decimal("250.500000")}
    assert read(budget=None) == {"budget": None}


@pytest.mark.parametrize("amount", ["-1", "0.0000001", "10000000.01", "much", 250.5, "", [], True, "NaN"])
def test_other_budgets_are_refused(amount: Any) -> None:
    with pytest.raises(PolicyRefused, match="budget must be an amount from 0 to 10,000,000"):
        read(budget=amount)


def test_a_budget_covers_an_answer_at_least() -> None:
    with pytest.raises(PolicyRefused, match="does not cover a single answer"):
        read(budget="0.01")
    with pytest.raises(PolicyRefused, match="does not cover a single answer"):
        read(budget="0.04", price="0.05")
    assert read(budget="0", price="0") == {"budget": Decimal(0), "price": Decimal(0)}


@pytest.mark.parametrize("changes", [{"set_minutes": 31}, {"set_minutes": 10, "lease_seconds": 599}])
def test_a_set_must_be_possible_within_its_time(changes: dict[str, int]) -> None:
    assert read(set_minutes=30) == {"set_minutes": 30}
    with pytest.raises(PolicyRefused, match="Lower the minutes or raise the time"):
        read(**changes)
