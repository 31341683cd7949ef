"""Payout runs and bonuses of several managers at once, while sets are settled: everything is paid once."""

from decimal import Decimal
from functools import partial

import pytest
from django.db.models import Sum

from tasks.flow.settlement import settle_hand
from tasks.pay.bonuses import give_bonus
from tasks.pay.errors import NothingToPay
from tasks.pay.models import LedgerEntry, Payout, PayoutItem, PayoutRun
from tasks.pay.payouts import run_payouts
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_managers_at_once_pay_each_entry_once() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(5)]
    project = factories.a_project(workers=crowd, gold_rate=0)
    for number, worker in enumerate(crowd * 4):
        LedgerEntry.objects.create(
            project=project,
            worker=worker,
            kind="correction",
            cause=str(number),
            amount=Decimal("1.005"),
            currency="USD",
        )
    call = partial(run_payouts, organisation=project.organisation, by=factories.ada())
    results = together(*[call] * 8)
    runs = [each for each in results if isinstance(each, PayoutRun)]
    assert len(runs) == 1
    assert all(isinstance(each, PayoutRun | NothingToPay) for each in results), results
    assert PayoutItem.objects.count() == 20
    assert Payout.objects.aggregate(sum=Sum("amount"))["sum"] == Decimal("20.10")
    worker_actions.assert_totals_match_the_ledger(project)


def test_runs_while_sets_are_settled_lose_nothing_and_pay_nothing_twice() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(6)]
    project = factories.a_project(workers=crowd, gold_rate=0, hand_size=5, price=Decimal("0.07"))
    factories.some_tasks(project, 10, wanted=3)
    hands = [worker_actions.take(worker, project) for worker in crowd]
    for hand in hands:
        worker_actions.answer_all(hand)
    settles = [partial(settle_hand, worker=hand.worker, hand_id=hand.public_id) for hand in hands]
    pays = [partial(run_payouts, organisation=project.organisation, by=factories.ada())] * 4
    results = together(*settles, *pays)
    assert not [each for each in results if isinstance(each, Exception) and not isinstance(each, NothingToPay)], results
    if LedgerEntry.objects.filter(kind="credit", paid_item__isnull=True).exists():
        run_payouts(organisation=project.organisation, by=factories.ada())
    credits = LedgerEntry.objects.filter(kind="credit")
    # Now and then the last worker has had one of the images that are left.
    assert 25 <= credits.count() <= 30
    earned = credits.aggregate(sum=Sum("amount"))["sum"]
    assert Payout.objects.aggregate(sum=Sum("amount"))["sum"] == earned == credits.count() * Decimal("0.07")
    worker_actions.assert_invariants(project)


def test_a_bonus_that_is_sent_eight_times_is_one() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0, budget=Decimal(12))
    by = factories.ada()
    give = partial(give_bonus, project=project, worker=wren, by=by, amount="5.00", reason="Careful work.")
    results = together(*[partial(give, key="a")] * 4, *[partial(give, key="b")] * 4, *[partial(give, key="c")] * 4)
    entries = {each.pk for each in results if isinstance(each, LedgerEntry)}
    # The budget covers two of the three.
    assert len(entries) == LedgerEntry.objects.count() == 2
    worker_actions.assert_invariants(project)
