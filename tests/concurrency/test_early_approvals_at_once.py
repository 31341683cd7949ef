"""Managers who approve pay early at the same moment, while it reaches its date, is paid out, and sets are settled."""

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db.models import Sum

from kernel.clock import database_now
from tasks.batching.models import Batch
from tasks.flow.settlement import settle_hand
from tasks.pay.early_approval import approve_early
from tasks.pay.errors import NothingToApprove, NothingToPay
from tasks.pay.models import EarlyApproval, EarlyApprovalItem, LedgerEntry, Payout
from tasks.pay.payouts import run_payouts
from tasks.pay.selectors import balance
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_tabs_of_each_kind_approve_each_entry_once() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0, hand_size=5, price=Decimal("0.05"), approval_days=7)
    factories.some_tasks(project, 5)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    approve = partial(approve_early, project=project, by=factories.ada())
    results = together(*[partial(approve, worker=wren)] * 4, *[partial(approve, batch=Batch.objects.get())] * 4)
    assert len([each for each in results if isinstance(each, EarlyApproval)]) == 1, results
    assert len([each for each in results if isinstance(each, NothingToApprove)]) == 7, results
    assert EarlyApprovalItem.objects.count() == 5


def test_pay_that_reaches_its_date_meanwhile_is_approved_and_paid_once() -> None:
    """There is no job that approves: entries are approved by their time. These reach it while managers decide."""
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0)
    start = database_now()
    for number in range(40):
        LedgerEntry.objects.create(
            project=project,
            worker=wren,
            kind="correction",
            cause=str(number),
            amount=Decimal("0.50"),
            currency="USD",
            approved_at=start + timedelta(milliseconds=25 * number),
        )
    approve = partial(approve_early, project=project, by=factories.ada(), worker=wren)
    pay = partial(run_payouts, organisation=project.organisation, by=factories.ada())
    results = together(*[approve] * 4, *[pay] * 4)
    allowed = (NothingToApprove, NothingToPay)
    assert not [each for each in results if isinstance(each, Exception) and not isinstance(each, allowed)], results
    if LedgerEntry.objects.filter(kind="correction", paid_item__isnull=True).exists():
        pay()
    assert Payout.objects.aggregate(sum=Sum("amount"))["sum"] == 20
    (row,) = balance(worker=wren)
    assert (row.waiting, row.approved, row.paid) == (Decimal(0), Decimal(0), Decimal(20))
    approved = EarlyApproval.objects.aggregate(sum=Sum("amount", default=Decimal(0)))["sum"]
    assert approved == EarlyApprovalItem.objects.aggregate(sum=Sum("entry__amount", default=Decimal(0)))["sum"]


def test_sets_that_are_settled_meanwhile_wait_or_are_approved_whole() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(4)]
    project = factories.a_project(workers=crowd, gold_rate=0, hand_size=4, price=Decimal("0.05"), approval_days=7)
    factories.some_tasks(project, 4, wanted=4)
    hands = [worker_actions.take(worker, project) for worker in crowd]
    for hand in hands:
        worker_actions.answer_all(hand)
    approve = partial(approve_early, project=project, by=factories.ada(), batch=Batch.objects.get())
    settles = [partial(settle_hand, worker=hand.worker, hand_id=hand.public_id) for hand in hands]
    results = together(*settles, *[approve] * 4)
    refused = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, NothingToApprove) for each in refused), refused
    for hand in hands:
        entries = LedgerEntry.objects.filter(hand=hand)
        assert entries.filter(early_item__isnull=False).count() in (0, entries.count()) == (0, 4)
    worker_actions.assert_invariants(project)
