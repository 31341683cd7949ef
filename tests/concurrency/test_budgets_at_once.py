"""However many claim at once, a budget is not overspent, and it is used up; claims far from its end do not wait."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from kernel.locks import lock_money
from projects.models import Project
from tasks.assignment.budget import committed
from tasks.assignment.errors import NoMoneyLeft
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand, release_hand
from tasks.flow.expiry import expire_leases
from tasks.flow.policy_change import change_project_policy
from tasks.pay.models import LedgerEntry
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = Decimal("0.02")


def a_project(budget: Decimal, *, workers: int = 16, tasks: int = 40, **policy: Any) -> tuple[Project, list[Any]]:
    crowd = [factories.a_worker(f"bird{number}") for number in range(workers)]
    values: dict[str, Any] = {"gold_rate": 0, "hand_size": 5, "answers_min": 3, "answers_max": 3, **policy}
    project = factories.a_project(price=PRICE, budget=budget, workers=crowd, **values)
    factories.some_tasks(project, tasks, batches=4)
    return project, crowd


def spend(project: Project, amount: Decimal, cause: str) -> None:
    LedgerEntry.objects.create(
        project=project,
        worker=factories.a_worker("bird0"),
        kind="correction",
        cause=cause,
        amount=amount,
        currency=project.currency,
    )


def enough() -> Decimal:
    """What must be left for claims not to wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        return int(cursor.fetchone()[0]) * 100 * PRICE


def claims(project: Project, crowd: list[Any]) -> list[Any]:
    return together(*[lambda worker=worker: claim_hand(worker=worker, project=project) for worker in crowd])


@pytest.mark.parametrize("images", [1, 23, 79, 80])
def test_sixteen_claims_use_up_exactly_the_budget(images: int) -> None:
    project, crowd = a_project(images * PRICE)
    results = claims(project, crowd)
    assert all(isinstance(each, NoMoneyLeft) for each in results if isinstance(each, Exception)), results
    assert Assignment.objects.count() == images
    assert committed(project=project) == images * PRICE
    worker_actions.assert_invariants(project)


def test_sixteen_claims_with_gold_and_in_two_tabs_use_up_exactly_the_budget() -> None:
    project, crowd = a_project(33 * PRICE, workers=8, gold_rate=0.3)
    for _ in range(20):
        factories.a_gold(project)
    claims(project, [*crowd, *crowd])
    assert committed(project=project) == 33 * PRICE
    worker_actions.assert_invariants(project)


def test_sixteen_claims_that_begin_far_from_the_end_of_the_budget_do_not_pass_it() -> None:
    """They share the money at first, and take it alone when less is left than all in flight could take."""
    project, crowd = a_project(enough() + 12 * PRICE)
    results = claims(project, crowd)
    assert not [each for each in results if isinstance(each, Exception)]
    spend(project, enough() - 80 * PRICE, "bonus")
    for worker in crowd:
        release_hand(worker=worker, hand_id=worker.hands.get(state="live").public_id)
    spend(project, 45 * PRICE, "another bonus")
    claims(project, crowd)
    # Of what was left for 92 images, the second bonus took 45.
    assert Assignment.objects.filter(state="leased").count() == 47
    assert committed(project=project) == project.budget


def test_far_from_the_end_claims_do_not_wait_for_each_other() -> None:
    project, (wren, finch, *_) = a_project(enough() * 2)
    with transaction.atomic():
        worker_actions.take(wren, project)
        other = BackgroundCall(lambda: claim_hand(worker=finch, project=project))
        assert other.wait_for_result() is not None


def test_near_the_end_a_claim_waits_for_those_in_flight() -> None:
    """Finch's claim would not see wren's, which began when there was more money."""
    project, (wren, finch, *_) = a_project(enough() + 100 * PRICE)
    with transaction.atomic():
        worker_actions.take(wren, project)
        bonus = BackgroundCall(lambda: spend(project, enough() + 93 * PRICE, "bonus"))
        assert bonus.wait_for_result() is None
        other = BackgroundCall(lambda: claim_hand(worker=finch, project=project))
        other.wait_until_blocked()
    hand = other.wait_for_result()
    assert len(worker_actions.leases_of(hand)) == 2
    assert committed(project=project) == project.budget


def test_a_claim_that_waited_for_another_price_pays_and_counts_the_new_one() -> None:
    project, (wren, *_) = a_project(10 * PRICE)
    with transaction.atomic():
        change_project_policy(project=project, changes={"price": "0.10"})
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
    leases = worker_actions.leases_of(claim.wait_for_result())
    assert [lease.price for lease in leases] == [Decimal("0.10")] * 2


def test_a_smaller_budget_sees_every_claim_that_came_before_it() -> None:
    project, (wren, *_) = a_project(enough() * 2)
    with transaction.atomic():
        worker_actions.take(wren, project)
        change = BackgroundCall(lambda: change_project_policy(project=project, changes={"budget": "0.08"}))
        change.wait_until_blocked()
    assert "0.1 USD are already paid or promised" in change.wait_for_result().detail


def test_the_budget_holds_while_a_crowd_claims_answers_returns_and_expires_and_managers_change_it() -> None:
    project, crowd = a_project(30 * PRICE, workers=12)

    def work(worker: Any, number: int) -> None:
        for turn in range(3):
            try:
                hand = worker_actions.take(worker, project)
            except (NoMoneyLeft, AssertionError):
                continue
            for lease in worker_actions.leases_of(hand)[: number % 5 + 1]:
                worker_actions.answer(lease)
            if (number + turn) % 2:
                release_hand(worker=worker, hand_id=hand.public_id)
            worker_actions.settle(hand)

    def manage() -> None:
        for images in (40, 60, 80):
            change_project_policy(project=project, changes={"budget": str(images * PRICE)})

    def sweep() -> None:
        for _ in range(5):
            expire_leases()

    calls = [lambda worker=worker, n=n: work(worker, n) for n, worker in enumerate(crowd)]
    results = together(*calls, manage, manage, sweep, sweep)
    unexpected = [each for each in results if isinstance(each, Exception) and "already paid" not in str(each)]
    assert not unexpected, unexpected
    assert committed(project=project) <= 80 * PRICE
    worker_actions.assert_invariants(project)


def test_the_lock_alone_waits_for_claims_that_share_it() -> None:
    project, (wren, *_) = a_project(enough() * 2)
    with transaction.atomic():
        lock_money(project_id=project.pk)
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
    assert claim.wait_for_result() is not None
