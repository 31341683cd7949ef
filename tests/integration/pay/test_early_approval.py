"""A manager approves pay before its date: of a worker, or of the sets of a batch."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Actor
from kernel.clock import database_now
from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch
from tasks.pay.early_approval import approve_early, waiting_pay
from tasks.pay.errors import ApprovalRefused, NothingToApprove, NothingToPay
from tasks.pay.models import EarlyApproval, EarlyApprovalItem, LedgerEntry
from tasks.pay.payouts import payable, run_payouts
from tasks.pay.selectors import balance
from tasks.pay.statements import line_state, statement_of, sums_by_project
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_project(*, batches: int = 1, **policy: Any) -> Project:
    values = {"gold_rate": 0, "hand_size": 3, "price": Decimal("0.05"), "approval_days": 7, **policy}
    project = factories.a_project(workers=[factories.wren(), factories.finch()], **values)
    factories.some_tasks(project, 3 * batches, wanted=2, batches=batches)
    return project


def work(project: Project, worker: Actor) -> None:
    hand = worker_actions.take(worker, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)


def approve(project: Project, **whose: Any) -> EarlyApproval:
    return approve_early(project=project, by=factories.ada(), **whose)


ZERO = Decimal(0)


def sums(worker: Actor) -> tuple[Decimal, Decimal]:
    (row,) = balance(worker=worker)
    return row.waiting, row.approved


def test_what_waits_of_a_worker_is_approved_and_can_be_paid() -> None:
    project, wren, finch = a_project(), factories.wren(), factories.finch()
    work(project, wren)
    work(project, finch)
    assert payable(organisation=project.organisation) == []
    shown = waiting_pay(project=project, worker=wren)
    assert (shown.answers, shown.amount) == (3, Decimal("0.15"))
    approval = approve(project, worker=wren, until=shown.until)
    assert (approval.answers, approval.amount, approval.worker) == (3, Decimal("0.15"), wren)
    assert sums(wren) == (ZERO, Decimal("0.15"))
    assert sums(finch) == (Decimal("0.15"), ZERO)
    ((_, mine),) = sums_by_project(worker=wren)
    assert (mine.waiting, mine.waiting_answers) == (ZERO, 0)
    assert mine.next_approval is None
    (line,) = statement_of(worker=wren)
    assert (line_state(line), line["approved"]) == ("approved", approval.created_at)
    (total,) = payable(organisation=project.organisation)
    assert (total.workers, total.amount) == (1, Decimal("0.15"))
    run_payouts(organisation=project.organisation, by=factories.ada())
    (row,) = balance(worker=wren)
    assert (row.approved, row.paid) == (ZERO, Decimal("0.15"))
    worker_actions.assert_invariants(project)


def test_a_second_time_there_is_nothing_to_approve() -> None:
    project, wren = a_project(), factories.wren()
    work(project, wren)
    approve(project, worker=wren)
    with pytest.raises(NothingToApprove):
        approve(project, worker=wren)
    assert EarlyApproval.objects.count() == 1


def test_what_reached_its_date_or_came_after_the_page_is_left_out() -> None:
    project, wren = a_project(batches=2), factories.wren()
    work(project, wren)
    LedgerEntry.objects.create(
        project=project, worker=wren, kind="bonus", cause="a", reason="Fine.", amount=1, currency="USD"
    )
    seen = database_now()
    work(project, wren)
    approval = approve(project, worker=wren, until=seen)
    assert approval.answers == 3
    assert sums(wren) == (Decimal("0.15"), Decimal("1.15"))


def test_a_payout_until_a_time_before_the_approval_leaves_it() -> None:
    project, wren = a_project(), factories.wren()
    work(project, wren)
    before = database_now()
    approve(project, worker=wren)
    with pytest.raises(NothingToPay):
        run_payouts(organisation=project.organisation, by=factories.ada(), until=before)


def test_top_ups_of_a_set_are_approved_with_it() -> None:
    project, wren = a_project(hourly_floor=Decimal(360), paid_seconds=60), factories.wren()
    hand = worker_actions.take(wren, project)
    Assignment.objects.update(leased_at=database_now() - timedelta(minutes=10))
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    kinds = set(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds == {"credit", "top_up"}
    approval = approve(project, batch=Batch.objects.get())
    assert approval.amount == sums(wren)[1]
    assert sums(wren)[0] == 0


def test_a_batch_approves_its_sets_whole_with_their_check_images() -> None:
    """A set of which some answers waited longer would tell the worker which are check images."""
    project, wren = a_project(batches=2, gold_rate=0.5, hand_size=8), factories.wren()
    for _ in range(6):
        factories.a_gold(project)
    work(project, wren)
    entries = LedgerEntry.objects.filter(worker=wren)
    assert entries.filter(assignment__gold__isnull=False).exists()
    approve(project, batch=Batch.objects.order_by("number")[0])
    assert EarlyApprovalItem.objects.count() == entries.count()
    (line,) = statement_of(worker=wren)
    assert line_state(line) == "approved"


def test_a_set_of_a_check_image_alone_goes_with_the_batch_it_stands_in() -> None:
    project, wren = a_project(batches=2), factories.wren()
    first, second = Batch.objects.order_by("number")
    gold = factories.a_gold(project, views_wanted=3, site=first.tasks.all()[0])
    hand = worker_actions.take(wren, project)
    # As if the rest of the set had been given back.
    lease = worker_actions.leases_of(hand)[0]
    lease.task, lease.gold, lease.counts = None, gold, False
    lease.save()
    worker_actions.answer(lease)
    worker_actions.settle(hand)
    with pytest.raises(NothingToApprove):
        approve(project, batch=second)
    assert approve(project, batch=first).answers == 1


def test_other_batches_wait() -> None:
    project, wren = a_project(batches=2), factories.wren()
    work(project, wren)
    work(project, wren)
    first, second = Batch.objects.order_by("number")
    assert approve(project, batch=first).batch_number == first.number
    assert sums(wren) == (Decimal("0.15"), Decimal("0.15"))
    approve(project, batch=second)
    assert sums(wren) == (ZERO, Decimal("0.30"))


def test_exactly_one_of_worker_and_batch_is_named_and_no_time_to_come() -> None:
    project, wren = a_project(), factories.wren()
    work(project, wren)
    later = database_now() + timedelta(hours=1)
    refused: list[dict[str, Any]] = [
        {},
        {"worker": wren, "batch": Batch.objects.get()},
        {"worker": wren, "until": later},
    ]
    for whose in refused:
        with pytest.raises(ApprovalRefused):
            approve(project, **whose)
    assert not EarlyApproval.objects.exists()


def test_it_is_on_the_record_and_cannot_be_changed() -> None:
    project, wren = a_project(), factories.wren()
    work(project, wren)
    approval = approve(project, worker=wren)
    event = Event.objects.get(kind="pay.approved")
    assert event.data == {
        "by": str(factories.ada().public_id),
        "worker": str(wren.public_id),
        "answers": 3,
        "amount": "0.150000",
    }
    for rows in (EarlyApproval.objects.filter(pk=approval.pk), EarlyApprovalItem.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.delete()
