"""The totals of the ledger equal its sums after concurrent work, payouts, and while old entries are being summed."""

import importlib
import random
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, transaction

from projects.models import Project
from tasks.flow.expiry import expire_leases
from tasks.pay.models import LedgerEntry, LedgerTotal
from tasks.standing.models import Standing
from tests import factories, random_walk, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)

migration = importlib.import_module("tasks.migrations.0015_fill_ledger_totals")


def pay_out(project: Project, workers: list[int]) -> None:
    """Pay several workers in one statement, in any order."""
    LedgerEntry.objects.bulk_create(
        LedgerEntry(project=project, worker_id=worker, kind="payout", amount=Decimal("-0.01"), currency="USD")
        for worker in workers
    )


def fill() -> None:
    """Sum the ledger as the migration does in an installation that is running."""
    with connection.schema_editor() as editor:
        migration.fill(None, editor)


def test_totals_are_exact_after_random_concurrent_work_and_payouts() -> None:
    project = random_walk.a_busy_project(6, tasks=40, batches=4)
    standings = Standing.objects.filter(project=project).select_related("worker").order_by("pk")
    walks = [random_walk.RandomWalk(project, row.worker, 70 + number) for number, row in enumerate(standings)]
    workers, order = [row.worker_id for row in standings], random.Random(7)

    def wander(walk: random_walk.RandomWalk) -> None:
        for _ in range(50):
            walk.step()

    def pay_all() -> None:
        for _ in range(20):
            pay_out(project, order.sample(workers, len(workers)))

    results = together(*[partial(wander, walk) for walk in walks], pay_all, pay_all)

    assert results == [None] * len(results)
    expire_leases()
    worker_actions.run_late_jobs()
    worker_actions.assert_invariants(project)
    assert LedgerTotal.objects.filter(project=project, answers__gt=0, paid=Decimal("0.40")).exists()


def test_old_entries_are_summed_while_new_ones_arrive() -> None:
    project, wren = factories.a_project(workers=[factories.wren()]), factories.wren()
    for task in factories.some_tasks(project, 3):
        factories.a_credit(factories.an_answer(task, wren, factories.class_answer(1)))
    LedgerTotal.objects.all().delete()  # as before the migration

    results = together(*[fill] * 2, *[partial(pay_out, project, [wren.pk]) for _ in range(6)])

    assert results == [None] * len(results)
    worker_actions.assert_totals_match_the_ledger(project)


def test_a_payment_that_commits_during_the_summing_is_counted_once() -> None:
    project, wren = factories.a_project(workers=[factories.wren()]), factories.wren()
    factories.a_credit(factories.an_answer(factories.a_task(project), wren, factories.class_answer(1)))

    with transaction.atomic():
        pay_out(project, [wren.pk])
        summing = BackgroundCall(fill)
        summing.wait_until_blocked()
    assert summing.wait_for_result() is None

    worker_actions.assert_totals_match_the_ledger(project)
    assert LedgerTotal.objects.get().paid == Decimal("0.01")
