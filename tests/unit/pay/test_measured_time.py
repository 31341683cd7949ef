"""The time of answers that is paid: as the device says, at most what the terms pay, and never a moment twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.pay_terms import ANSWER, HOUR, OBJECT, PayTerms
from tasks.pay.measured_time import Interval, MeasuredAnswer, PaidTime, measure

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
BY_HOUR = PayTerms(HOUR, Decimal(12), paid_seconds=60)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_answer(number: int, arrived: float, seconds: float | None, *, leased: float = 0) -> MeasuredAnswer:
    return MeasuredAnswer(number, at(leased), at(arrived), seconds, 0)


def paid(*answers: MeasuredAnswer, taken: list[Interval] | None = None) -> PaidTime:
    return measure(answers, terms=BY_HOUR, expected_seconds=10, taken=taken or [])


def seconds(result: PaidTime) -> list[float]:
    return [float(each) for _, each in sorted(result.seconds.items())]


def test_an_honest_worker_is_paid_what_the_device_measured() -> None:
    result = paid(an_answer(1, 20, 18.5), an_answer(2, 40, 19.5), an_answer(3, 70, 30))
    assert seconds(result) == [18.5, 19.5, 30]


def test_idling_is_paid_up_to_the_most_of_one_answer() -> None:
    assert seconds(paid(an_answer(1, 3600, 3600))) == [60]


def test_a_clock_that_runs_fast_is_paid_the_time_that_has_passed() -> None:
    result = paid(an_answer(1, 5, 60), an_answer(2, 10, 60), an_answer(3, 15, 60))
    assert seconds(result) == [5, 5, 5]


def test_answers_that_were_written_offline_arrive_together_and_are_paid_in_full() -> None:
    result = paid(*(an_answer(number, 600, 50) for number in range(1, 11)))
    assert seconds(result) == [50] * 10


def test_a_second_tab_adds_nothing_while_the_first_is_worked_in() -> None:
    first = paid(*(an_answer(number, 30 * number, 30) for number in range(1, 11)))
    assert sum(first.seconds.values()) == 300
    second = paid(*(an_answer(number, 30 * number, 30) for number in range(1, 11)), taken=[*first.intervals])
    assert sum(second.seconds.values()) == 0


def test_work_in_turns_in_two_tabs_is_paid_whichever_set_is_settled_first() -> None:
    left = [an_answer(number, 60 * number, 30) for number in range(1, 6)]
    right = [an_answer(number, 60 * number + 30, 30) for number in range(1, 6)]
    for one, other in ((left, right), (right, left)):
        before = paid(*one)
        after = paid(*other, taken=[*before.intervals])
        assert sum(before.seconds.values()) == sum(after.seconds.values()) == 150


def test_an_answer_without_a_time_counts_like_the_expected_one() -> None:
    assert seconds(paid(an_answer(1, 100, None))) == [10]


def test_time_before_the_lease_is_not_paid() -> None:
    assert seconds(paid(an_answer(1, 100, 60, leased=80))) == [20]


answers = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500), st.none() | st.floats(0, 1e5)), min_size=1, max_size=20
)


@given(answers, st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 30)), max_size=8))
def test_paid_time_never_overlaps_and_lies_between_lease_and_arrival(sent: list[Any], before: list[Any]) -> None:
    taken: list[Interval] = []
    for start, length in sorted(before):
        if not taken or at(start) > taken[-1].end:
            taken.append(Interval(at(start), at(start + length)))
    given_answers = [
        an_answer(number, leased + took, claimed, leased=leased) for number, (leased, took, claimed) in enumerate(sent)
    ]
    result = paid(*given_answers, taken=taken)
    together = sorted([*taken, *result.intervals])
    assert all(one.end <= other.start for one, other in pairwise(together))
    length = sum((each.end - each.start for each in result.intervals), timedelta())
    assert Decimal(length // timedelta(microseconds=1)) / 1_000_000 == sum(result.seconds.values())
    for answer in given_answers:
        most = 10 if answer.seconds is None else answer.seconds
        assert 0 <= result.seconds[answer.assignment_id] <= Decimal(min(60, most)) + Decimal("0.000001")
    assert min((each.start for each in result.intervals), default=START) >= START


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        (PayTerms(ANSWER, Decimal("0.05")), "0.05"),
        (PayTerms(OBJECT, Decimal("0.01"), paid_objects=30), "0.3"),
        (PayTerms(HOUR, Decimal(12), paid_seconds=90), "0.3"),
        (PayTerms(ANSWER, Decimal("0.05"), Decimal(12), paid_seconds=60), "0.2"),
        (PayTerms(HOUR, Decimal(10), paid_seconds=1), "0.002778"),
    ],
)
def test_a_claim_sets_aside_the_most_that_an_answer_can_pay(terms: PayTerms, most: str) -> None:
    assert terms.most_per_answer == Decimal(most)


terms_of_any_kind = st.builds(
    PayTerms,
    pay_by=st.sampled_from([ANSWER, OBJECT]),
    rate=st.decimals(0, 10, places=6),
    hourly_floor=st.none() | st.decimals(0, 100, places=6),
    paid_seconds=st.integers(1, 7200),
    paid_objects=st.integers(1, 1000),
) | st.builds(PayTerms, pay_by=st.just(HOUR), rate=st.decimals(0, 100, places=6), paid_seconds=st.integers(1, 7200))


@given(terms_of_any_kind, st.lists(st.tuples(st.decimals(0, 10_000, places=6), st.integers(0, 2000)), max_size=30))
def test_a_set_with_its_top_up_never_pays_more_than_was_set_aside(terms: PayTerms, sent: list[Any]) -> None:
    measured = [(min(time, Decimal(terms.paid_seconds)), objects) for time, objects in sent]
    earned = sum((terms.amount(time, objects) for time, objects in measured), Decimal(0))
    time = sum((each for each, _ in measured), Decimal(0)) if terms.pays_time else Decimal(0)
    assert earned + terms.top_up(time, earned) <= len(sent) * terms.most_per_answer
    if terms.hourly_floor is not None:
        least = terms.hourly_floor * time / 3600
        assert earned + terms.top_up(time, earned) >= least - Decimal("0.000001")
    assert PayTerms.from_json(terms.to_json()) == terms
