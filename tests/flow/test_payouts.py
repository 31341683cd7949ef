"""Payout runs: what was approved until a date is paid, each entry once, and the file of a run never changes."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Actor, Organisation, User
from kernel.clock import database_now
from kernel.constraints import violated_constraint
from kernel.errors import NotFound
from projects.models import Project
from tasks.pay.errors import NothingToPay, PayoutRefused
from tasks.pay.models import LedgerEntry, Payout, PayoutItem, PayoutRun
from tasks.pay.payouts import payable, payout_file, run_for, run_payouts, totals_of
from tasks.pay.selectors import balance
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_project(name: str = "Strays", **policy: Any) -> Project:
    return factories.a_project(name, workers=[factories.wren(), factories.finch()], gold_rate=0, **policy)


def earn(project: Project, worker: Actor, amount: str, *, approved: Any = None) -> LedgerEntry:
    """An entry of the ledger that earns this."""
    return LedgerEntry.objects.create(
        project=project,
        worker=worker,
        kind="correction",
        cause=f"earned {LedgerEntry.objects.count()}",
        amount=Decimal(amount),
        currency=project.currency,
        approved_at=approved,
    )


def pay(**options: Any) -> PayoutRun:
    return run_payouts(organisation=factories.an_organisation(), by=factories.ada(), **options)


def paid(run: PayoutRun) -> dict[str, Decimal]:
    return {str(row.worker.user): row.amount for row in Payout.objects.filter(run=run)}


def table(run: PayoutRun) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(payout_file(run=run)).decode())))


def test_what_is_approved_is_paid_over_all_projects_and_then_nothing_is_left() -> None:
    strays, streets = a_project("Strays"), a_project("Streets")
    wren, finch = factories.wren(), factories.finch()
    for project, worker, amount in ((strays, wren, "2"), (streets, wren, "1.50"), (strays, finch, "0.25")):
        earn(project, worker, amount)
    (total,) = payable(organisation=factories.an_organisation())
    assert (total.currency, total.workers, total.amount) == ("USD", 2, Decimal("3.75"))
    run = pay()
    assert paid(run) == {"Wren": Decimal("3.50"), "Finch": Decimal("0.25")}
    assert totals_of(runs=[run])[run.pk] == [total]
    (after,) = balance(worker=wren)
    assert (after.approved, after.paid) == (Decimal(0), Decimal("3.50"))
    assert balance(worker=wren, project=streets)[0].paid == Decimal("1.50")
    assert payable(organisation=factories.an_organisation()) == []
    with pytest.raises(NothingToPay):
        pay()
    assert PayoutRun.objects.count() == 1
    worker_actions.assert_totals_match_the_ledger(strays)


def test_pay_that_waits_or_was_approved_later_stays_for_a_later_run() -> None:
    project, wren, now = a_project(), factories.wren(), database_now()
    earn(project, wren, "1", approved=now - timedelta(days=2))
    earn(project, wren, "2", approved=now - timedelta(hours=1))
    earn(project, wren, "4", approved=now + timedelta(days=3))
    assert [each.amount for each in payable(organisation=factories.an_organisation())] == [Decimal(3)]
    first = pay(until=now - timedelta(days=1))
    assert paid(first) == {"Wren": Decimal(1)}
    assert paid(pay()) == {"Wren": Decimal(2)}
    (left,) = balance(worker=wren)
    assert (left.waiting, left.approved, left.paid) == (Decimal(4), Decimal(0), Decimal(3))


def test_less_than_a_cent_is_carried_over_and_no_money_is_lost() -> None:
    project, wren = a_project(), factories.wren()
    earned = Decimal(0)
    for amount in ("0.016", "0.0055", "0.003", "0.123456"):
        earn(project, wren, amount)
        earned += Decimal(amount)
        totals = payable(organisation=factories.an_organisation())
        if not totals:
            with pytest.raises(NothingToPay):
                pay()
            continue
        (total,) = totals
        assert paid(pay()) == {"Wren": total.amount}
        assert payable(organisation=factories.an_organisation()) == []
    sums = [(row.amount, row.carried) for row in Payout.objects.order_by("pk")]
    assert all(amount == amount.quantize(Decimal("0.01")) for amount, _ in sums)
    assert sum(amount for amount, _ in sums) + sums[-1][1] == earned == Decimal("0.147956")
    assert balance(worker=wren)[0].approved == sums[-1][1]
    assert [row.amount for row in LedgerEntry.objects.filter(kind="payout").order_by("pk")] == [
        -amount for amount, _ in sums
    ]


def test_yen_are_paid_whole() -> None:
    project, wren = a_project(currency="JPY"), factories.wren()
    earn(project, wren, "10.75")
    pay()
    (row,) = Payout.objects.all()
    assert (row.amount, row.carried) == (Decimal(10), Decimal("0.75"))


def test_what_was_taken_back_is_deducted_even_if_that_was_after_the_date() -> None:
    project, wren, finch = a_project(), factories.wren(), factories.finch()
    earn(project, wren, "5")
    earn(project, finch, "1")
    until = database_now()
    earn(project, wren, "-2")
    earn(project, finch, "-3")
    assert paid(pay(until=until)) == {"Wren": Decimal(3)}
    earn(project, finch, "2.50")
    assert paid(pay()) == {"Finch": Decimal("0.50")}


def test_a_time_that_is_still_to_come_is_refused() -> None:
    earn(a_project(), factories.wren(), "5")
    with pytest.raises(PayoutRefused):
        pay(until=database_now() + timedelta(minutes=1))
    assert not PayoutRun.objects.exists()


def test_other_organizations_are_paid_by_their_own_runs() -> None:
    earn(a_project(), factories.wren(), "5")
    other = Organisation.objects.create(name="Rookery")
    assert payable(organisation=other) == []
    run = pay()
    with pytest.raises(NotFound):
        run_for(organisation=other, public_id=run.public_id)


def test_the_database_refuses_to_pay_an_entry_twice_and_to_change_a_payout() -> None:
    entry = earn(a_project(), factories.wren(), "5")
    pay()
    payout = Payout.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutItem.objects.create(entry=entry, payout=payout)
    for change in (lambda: Payout.objects.update(amount=9), PayoutItem.objects.all().delete):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            change()
        assert violated_constraint(refused.value).endswith("_append_only")


def test_the_file_of_a_run_is_the_same_bytes_after_names_have_changed() -> None:
    project, wren = a_project(), factories.wren()
    earn(project, wren, "5")
    run = pay()
    before = b"".join(payout_file(run=run))
    User.objects.filter(actor=wren).update(name="Someone else", email="other@example.org")
    earn(project, wren, "7")
    pay()
    assert b"".join(payout_file(run=run)) == before
    head, line = table(run)
    assert dict(zip(head, line, strict=True)) | {"payout": "", "worker": "", "approved_until": ""} == {
        "payout": "",
        "worker": "",
        "name": "Wren",
        "email": "wren@example.org",
        "amount": "5",
        "currency": "USD",
        "entries": "1",
        "approved_until": "",
    }


@pytest.mark.parametrize("name", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "＝1"])
def test_a_name_is_not_run_as_a_formula(name: str) -> None:
    User.objects.filter(actor=factories.wren()).update(name=name)
    earn(a_project(), factories.wren(), "5")
    (line,) = table(pay())[1:]
    assert line[2] in (f"'{name}", name) and (line[2].startswith("'") or name in ("+1", "-2"))


def test_a_file_is_written_in_chunks() -> None:
    project = a_project()
    for number in range(1100):
        worker = Actor.objects.create(kind=Actor.Kind.PERSON)
        earn(project, worker, f"{number + 1}")
    run = pay()
    chunks = list(payout_file(run=run))
    assert len(chunks) == 3
    assert len(table(run)) == 1101
