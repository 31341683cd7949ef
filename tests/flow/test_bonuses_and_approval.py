"""Bonuses of managers, and pay that waits some days until it is approved by itself."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.clock import database_now
from projects.models import Project
from tasks.assignment.budget import committed
from tasks.pay.bonuses import give_bonus
from tasks.pay.errors import BonusBeyondBudget, BonusGiven, BonusRefused, NothingToPay
from tasks.pay.models import LedgerEntry
from tasks.pay.payouts import run_payouts
from tasks.pay.selectors import balance
from tasks.pay.statements import Period, line_state, statement_of, sums_by_project, sums_by_worker
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_project(**policy: Any) -> Project:
    return factories.a_project(workers=[factories.wren()], gold_rate=0, price=Decimal("0.05"), hand_size=2, **policy)


def bonus(project: Project, amount: object = "5.00", *, reason: str = "Careful work.", key: str = "a") -> LedgerEntry:
    return give_bonus(
        project=project, worker=factories.wren(), by=factories.ada(), amount=amount, reason=reason, key=key
    )


def test_a_bonus_is_given_once_for_its_key_and_is_approved_at_once() -> None:
    project = a_project(approval_days=7)
    entry = bonus(project)
    assert bonus(project) == entry
    assert bonus(project, key="b") != entry
    assert balance(worker=factories.wren())[0].approved == Decimal(10)
    assert committed(project=project) == Decimal(10)
    line, _ = statement_of(worker=factories.wren())
    assert (line["kind"], line["reason"], line_state(line)) == ("bonus", "Careful work.", "approved")
    with pytest.raises(BonusGiven):
        bonus(project, "6.00")
    worker_actions.assert_invariants(project)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "1000.01", "NaN", "1e9", "", 1.5, None, True])
def test_a_bonus_is_an_exact_amount_in_range(amount: object) -> None:
    with pytest.raises(BonusRefused):
        bonus(a_project(), amount)


def test_a_bonus_needs_a_reason_and_another_person() -> None:
    project = a_project()
    for reason in ("", "  ", "x" * 301, "a\0b"):
        with pytest.raises(BonusRefused):
            bonus(project, reason=reason)
    with pytest.raises(BonusRefused, match="to yourself"):
        give_bonus(project=project, worker=factories.ada(), by=factories.ada(), amount="1", reason="Mine.", key="a")


def test_a_bonus_stays_within_the_budget() -> None:
    project = a_project(budget=Decimal(6))
    bonus(project)
    with pytest.raises(BonusBeyondBudget):
        bonus(project, "1.01", key="b")
    bonus(project, "1.00", key="c")


def test_pay_waits_for_the_days_of_the_policy_and_is_then_approved_by_itself() -> None:
    project = a_project(approval_days=3)
    factories.some_tasks(project, 2)
    hand = worker_actions.take(factories.wren(), project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    (before,) = balance(worker=factories.wren())
    assert (before.waiting, before.approved) == (Decimal("0.10"), Decimal(0))
    (line,) = statement_of(worker=factories.wren())
    assert line_state(line) == "waiting"
    assert timedelta(days=2.9) < line["approved"] - database_now() < timedelta(days=3)
    ((_, sums),) = sums_by_project(worker=factories.wren())
    assert (sums.waiting, sums.unpaid, sums.next_approval) == (Decimal("0.10"), Decimal("0.10"), line["approved"])
    with pytest.raises(NothingToPay):
        run_payouts(organisation=project.organisation, by=factories.ada())


def test_pay_is_approved_without_anybody_doing_anything() -> None:
    project, wren = a_project(), factories.wren()
    for days, cause in ((-1, "over"), (1, "to come")):
        LedgerEntry.objects.create(
            project=project,
            worker=wren,
            kind="correction",
            cause=cause,
            amount=Decimal(1),
            currency="USD",
            approved_at=database_now() + timedelta(days=days),
        )
    (now,) = balance(worker=wren)
    assert (now.waiting, now.approved) == (Decimal(1), Decimal(1))
    assert sorted(map(line_state, statement_of(worker=wren))) == ["approved", "waiting"]


def test_sums_are_of_a_period_and_add_up_to_the_balance() -> None:
    project, wren, start = a_project(), factories.wren(), database_now()
    factories.some_tasks(project, 2)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    bonus(project)
    run_payouts(organisation=project.organisation, by=factories.ada())
    sums = sums_by_worker(organisation=project.organisation, workers=[wren])[wren.pk]
    (each,) = sums
    assert (each.answers, each.pay, each.bonuses) == (2, Decimal("0.10"), Decimal("5"))
    assert (each.earned, each.paid, each.unpaid) == (Decimal("5.10"), Decimal("5.10"), Decimal(0))
    assert [line_state(line) for line in statement_of(worker=wren)] == ["paid"] * 3
    for period in (Period(until=start), Period(since=database_now())):
        assert sums_by_worker(organisation=project.organisation, workers=[wren], period=period) == {wren.pk: []}
        assert sums_by_project(worker=wren, period=period) == []
