"""Pay by the hour and by the object, the floor of an hour, and what the budget sets aside for them."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.constraints import violated_constraint
from projects.errors import PolicyRefused
from projects.models import Project
from projects.services import with_policy
from tasks.annotation.services import submit_answer
from tasks.assignment.budget import committed
from tasks.assignment.errors import NoMoneyLeft
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.flow.expiry import expire_leases
from tasks.flow.policy_change import change_project_policy
from tasks.flow.repair import start_repair
from tasks.pay.models import TIME_ONCE, LedgerEntry, WorkedTime
from tasks.pay.selectors import balance
from tasks.pay.statements import waiting_sets
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

BY_HOUR: dict[str, Any] = {"pay_by": "hour", "price": Decimal(36), "paid_seconds": 60, "gold_rate": 0}


def a_project(name: str = "Strays", *, tasks: int = 5, **policy: Any) -> Project:
    project = factories.a_project(name, workers=[factories.wren()], **{"hand_size": 5, **policy})
    factories.some_tasks(project, tasks)
    return project


def take(project: Project, *, minutes: float = 30, worker: Actor | None = None) -> Hand:
    """Claim a set that was leased some time ago."""
    hand = worker_actions.take(worker or factories.wren(), project)
    since = ClockTimestamp() - timedelta(minutes=minutes)
    Assignment.objects.filter(hand=hand).update(leased_at=since)
    return hand


def answer(lease: Assignment, seconds: float | None, body: dict[str, Any] | None = None) -> None:
    assert lease.worker is not None
    raw = body or factories.class_answer(1)
    submit_answer(worker=lease.worker, assignment_id=lease.public_id, raw=raw, raw_sha256="0" * 64, seconds=seconds)


def answer_each(hand: Hand, seconds: Sequence[float | None]) -> None:
    for lease, time in zip(worker_actions.leases_of(hand), seconds, strict=False):
        answer(lease, time)


def test_an_hour_of_measured_work_pays_the_price_and_idling_does_not() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project)
    assert committed(project=project) == 5 * Decimal("0.60")
    answer_each(hand, [10, 20.5, 3600, None])
    (waiting,) = waiting_sets(worker=factories.wren())
    assert waiting.is_estimate
    assert waiting.amount == Decimal("1.005")
    settled = worker_actions.settle(hand)
    # 10 s, 20.5 s, the most of 60 s, and the expected 10 s without a measured time; 1 cent a second.
    assert settled.earned == waiting.amount
    assert settled.seconds == Decimal("100.5")
    assert sorted(LedgerEntry.objects.values_list("amount", flat=True)) == [
        Decimal(each) for each in ("0.1", "0.1", "0.205", "0.6")
    ]
    assert committed(project=project) == settled.earned
    assert balance(worker=factories.wren())[0].approved == settled.earned
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
    assert worker_actions.settle(hand) == settled


def test_check_images_are_paid_by_time_exactly_as_work() -> None:
    project = a_project(tasks=2, **BY_HOUR | {"gold_rate": 0.5, "hand_size": 4})
    factories.a_gold(project)
    factories.a_gold(project)
    hand = take(project)
    answer_each(hand, [20, 20, 20, 20])
    assert worker_actions.settle(hand).earned == Decimal("0.80")
    for of_gold in (True, False):
        paid = LedgerEntry.objects.filter(assignment__gold__isnull=not of_gold).values_list("amount", "seconds")
        assert list(paid) == [(Decimal("0.2"), Decimal(20))] * 2


def test_two_tabs_of_two_projects_at_once_are_paid_for_the_time_of_one() -> None:
    projects = [a_project(name, tasks=30, **BY_HOUR | {"hand_size": 30}) for name in ("Strays", "Streets")]
    hands = [take(project, minutes=15) for project in projects]
    for hand in hands:
        answer_each(hand, [60] * 30)
    earned = [worker_actions.settle(hand).seconds for hand in hands]
    # Both sets say half an hour, but only a quarter has passed.
    assert earned[0] == pytest.approx(15 * 60, abs=5)
    assert sum(earned) == pytest.approx(15 * 60, abs=5)
    for project in projects:
        worker_actions.assert_invariants(project)


def test_the_database_refuses_a_moment_that_is_paid_twice() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project)
    answer_each(hand, [10])
    worker_actions.settle(hand)
    (row,) = WorkedTime.objects.all()
    row.pk = None
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save(force_insert=True)
    assert violated_constraint(refused.value) == TIME_ONCE


def test_a_clock_that_lies_is_paid_the_time_that_has_passed() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project, minutes=0)
    answer_each(hand, [60, 60, 60, 60, 60])
    assert worker_actions.settle(hand).seconds < 5


def test_a_changed_answer_is_paid_once_with_all_of_its_time() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project)
    lease = worker_actions.leases_of(hand)[0]
    answer(lease, 10)
    answer(lease, 10)  # the same again, as from a phone that missed our response
    answer(lease, 15, factories.class_answer(2))
    assert worker_actions.settle(hand).seconds == 25


def test_a_late_answer_is_paid_by_its_time_and_topped_up_once() -> None:
    project = a_project(hourly_floor=Decimal(36), price=Decimal("0.01"), paid_seconds=60, gold_rate=0)
    hand = take(project)
    on_time, late = worker_actions.leases_of(hand)[:2]
    answer(on_time, 30)
    worker_actions.expire_hand(hand)
    expire_leases()
    assert balance(worker=factories.wren())[0].approved == Decimal("0.30")
    answer(late, 40)
    assert balance(worker=factories.wren())[0].waiting > 0
    assert worker_actions.run_late_jobs() == 1
    assert balance(worker=factories.wren())[0].approved == Decimal("0.70")
    tops = LedgerEntry.objects.filter(kind="top_up").order_by("pk").values_list("amount", flat=True)
    assert list(tops) == [Decimal("0.29"), Decimal("0.39")]
    assert committed(project=project) == Decimal("0.70")
    worker_actions.assert_invariants(project)


def test_a_set_above_the_floor_is_not_topped_up() -> None:
    project = a_project(hourly_floor=Decimal(36), price=Decimal("0.50"), paid_seconds=60, gold_rate=0)
    hand = take(project)
    assert committed(project=project) == 5 * Decimal("0.60")
    answer_each(hand, [5, 5])
    settled = worker_actions.settle(hand)
    assert (settled.earned, settled.top_up) == (Decimal("1.00"), Decimal(0))
    assert committed(project=project) == Decimal("1.00")


def test_objects_are_paid_up_to_the_most_of_one_answer() -> None:
    project = a_project(tools=["box"], pay_by="object", price=Decimal("0.03"), paid_objects=2, gold_rate=0)
    hand = take(project)
    leases = worker_actions.leases_of(hand)
    for lease, count in zip(leases, (0, 1, 5), strict=False):
        boxes = [(1, 10.0 * number, 10.0, 5.0, 10.0) for number in range(count)]
        answer(lease, 5, factories.box_answer(*boxes))
    assert worker_actions.settle(hand).earned == Decimal("0.09")
    assert not WorkedTime.objects.exists()
    worker_actions.assert_invariants(project)


def test_claims_stop_before_hours_and_top_ups_can_overspend_the_budget() -> None:
    project = a_project(tasks=20, budget=Decimal("2.00"), **BY_HOUR)
    hand = take(project)
    # Each answer may pay 0.60, so three fit.
    assert hand.size == 3
    finch = factories.finch()
    factories.admitted(project, finch)
    with pytest.raises(NoMoneyLeft):
        claim_hand(worker=finch, project=project)
    answer_each(hand, [60, 10, 10])
    worker_actions.settle(hand)
    # 0.80 were earned; what was set aside beyond it is free again.
    assert worker_actions.take(finch, project).size == 2
    worker_actions.assert_invariants(project)


def test_terms_are_those_of_the_claim() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project)
    change_project_policy(project=project, changes={"pay_by": "answer", "price": "0.01"})
    answer_each(hand, [30])
    assert worker_actions.settle(hand).earned == Decimal("0.30")
    worker_actions.assert_invariants(project)


def test_what_void_answers_earned_by_time_is_taken_back_with_their_top_up() -> None:
    project = a_project(hourly_floor=Decimal(36), price=Decimal("0.01"), paid_seconds=60, gold_rate=0, hand_size=2)
    first = take(project)
    answer_each(first, [30, 30])
    worker_actions.settle(first)
    second = take(project, minutes=20)
    answer_each(second, [20])
    wren, ada = factories.wren(), factories.ada()
    repair = start_repair(project=project, worker=wren, by=ada, reason="A bot.", pay="take_back")
    # The second set is not settled, so its top-up, which depends on what is still to come, stays.
    assert repair.amount == Decimal("0.61")


def test_of_a_late_answer_that_is_not_paid_yet_a_repair_takes_back_what_it_will_earn() -> None:
    project = a_project(**BY_HOUR)
    hand = take(project)
    on_time, late = worker_actions.leases_of(hand)[:2]
    answer(on_time, 30)
    worker_actions.expire_hand(hand)
    expire_leases()
    answer(late, 20)
    wren, ada = factories.wren(), factories.ada()
    repair = start_repair(project=project, worker=wren, by=ada, reason="A bot.", pay="take_back")
    assert repair.amount == Decimal("0.50")
    worker_actions.run_late_jobs()
    (after,) = balance(worker=wren)
    assert after.approved == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pay_by": "hour", "hourly_floor": "10"}, "Leave out the least pay of an hour"),
        ({"pay_by": "hour", "paid_seconds": 9}, "expected to take 10 seconds"),
        ({"pay_by": "week"}, "answer or object or hour"),
        ({"pay_by": "object"}, "draw no objects"),
        ({"hourly_floor": 1.5}, "sent as text"),
        ({"pay_by": "hour", "price": "36", "budget": "0.50"}, "does not cover a single answer"),
    ],
)
def test_terms_that_make_no_sense_are_refused_with_what_to_do(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyRefused) as error:
        with_policy(project=a_project(gold_rate=0), changes=changes)
    assert words in error.value.detail
