"""Money is waiting, approved or paid, and the ledger is immutable."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Actor
from kernel.constraints import violated_constraint
from projects.models import Project
from tasks.flow.expiry import expire_leases
from tasks.pay.models import CORRECTION_HAS_CAUSE, ONE_CORRECTION, LedgerEntry
from tasks.pay.selectors import Balance, balance, ledger_of
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def usd(waiting: str = "0", approved: str = "0", paid: str = "0") -> Balance:
    return Balance("USD", waiting=Decimal(waiting), approved=Decimal(approved), paid=Decimal(paid))


def a_correction(project: Project, worker: Actor, amount: str, *, cause: str) -> LedgerEntry:
    return LedgerEntry.objects.create(
        project=project, worker=worker, kind="correction", amount=Decimal(amount), currency="USD", cause=cause
    )


def test_an_answer_is_waiting_until_its_hand_is_settled_and_then_approved() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=3, gold_rate=0, price=Decimal("0.05"))
    factories.some_tasks(project, 3)
    assert balance(worker=wren) == []
    hand = worker_actions.take(wren, project)
    for lease in worker_actions.leases_of(hand)[:2]:
        worker_actions.answer(lease)
    assert balance(worker=wren) == [usd(waiting="0.10")]
    settled = worker_actions.settle(hand)
    assert (settled.answers, settled.earned, settled.currency) == (2, Decimal("0.10"), "USD")
    assert balance(worker=wren, project=project) == [usd(approved="0.10")]


def test_gold_is_paid_like_work() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=4, gold_rate=0.5, price=Decimal("0.05"))
    factories.some_tasks(project, 2)
    factories.a_gold(project)
    factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    assert worker_actions.settle(hand).earned == Decimal("0.20")


def test_a_late_answer_is_waiting_until_its_credit_is_posted() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0, price=Decimal("0.05"))
    factories.a_task(project)
    hand = worker_actions.take(wren, project)
    worker_actions.expire_hand(hand)
    expire_leases()
    worker_actions.answer_all(hand)
    assert balance(worker=wren) == [usd(waiting="0.05")]
    worker_actions.run_late_jobs()
    assert balance(worker=wren) == [usd(approved="0.05")]


def test_a_correction_is_a_new_entry_and_recorded_once_per_cause() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    entry = a_correction(project, wren, "-0.02", cause="recount of set 7")
    for cause, constraint in (("recount of set 7", ONE_CORRECTION), ("", CORRECTION_HAS_CAUSE)):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            a_correction(project, wren, "-0.02", cause=cause)
        assert violated_constraint(refused.value) == constraint
    assert list(ledger_of(worker=wren)) == [entry]
    assert balance(worker=wren) == [usd(approved="-0.02")]


def test_a_payout_moves_money_from_approved_to_paid() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren])
    a_correction(project, wren, "5", cause="welcome")
    LedgerEntry.objects.create(project=project, worker=wren, kind="payout", amount=Decimal(-3), currency="USD")
    assert balance(worker=wren) == [usd(approved="2", paid="3")]


def test_entries_are_never_changed_or_deleted() -> None:
    wren = factories.wren()
    entry = a_correction(factories.a_project(), wren, "1", cause="c")
    update, delete = LedgerEntry.objects.update, LedgerEntry.objects.filter(pk=entry.pk).delete
    for change in (lambda: update(amount=9), delete):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            change()
        assert violated_constraint(refused.value) == "tasks_ledgerentry_append_only"
