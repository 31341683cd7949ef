"""Renewing and extending a set, concurrent with its end, with its settlement, and with itself."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from kernel.clock import ClockTimestamp, database_now
from tasks.annotation.acknowledged import SentAnswer, submit_together
from tasks.assignment.errors import SetOver
from tasks.assignment.leases import extend_hand
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import release_hand, skip_assignment
from tasks.flow.claim_next_hand import claim
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = 1000
SIZE = 4


def a_hand(name: str = "Strays", *, ends_in: float = 100) -> Hand:
    wren = factories.wren()
    project = factories.a_project(name, workers=[wren], hand_size=SIZE, gold_rate=0, lease_seconds=LEASE)
    factories.some_tasks(project, 2 * SIZE)
    hand = worker_actions.take(wren, project)
    Hand.objects.filter(pk=hand.pk).update(expires_at=ClockTimestamp() + timedelta(seconds=ends_in))
    hand.refresh_from_db()
    Assignment.objects.filter(hand=hand).update(expires_at=hand.expires_at)
    return hand


def extend(hand: Hand) -> Hand:
    return extend_hand(worker=factories.wren(), hand_id=hand.public_id)


def answer_together(hand: Hand) -> object:
    answers = [
        SentAnswer(row.public_id, f"k{row.position}", factories.class_answer(1), 2.0, {"n": row.position})
        for row in worker_actions.leases_of(hand)
    ]
    return submit_together(worker=factories.wren(), hand_id=hand.public_id, answers=answers)


def left(hand: Hand) -> float:
    hand.refresh_from_db()
    return (hand.expires_at - database_now()).total_seconds()


def wait_until_over(hand: Hand) -> None:
    while database_now() <= hand.expires_at:
        time.sleep(0.02)


def assert_live(hand: Hand, *, answered: int = 0) -> None:
    assert left(hand) == pytest.approx(LEASE, abs=10)
    assert hand.state == Hand.State.LIVE
    states = [row.state for row in worker_actions.leases_of(hand)]
    assert states == ["submitted"] * answered + ["leased"] * (SIZE - answered)
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_a_sweep_that_saw_the_old_end_leaves_a_renewed_set_alone() -> None:
    hand = a_hand(ends_in=0.4)
    with transaction.atomic():
        worker_actions.answer(worker_actions.leases_of(hand)[0])
        wait_until_over(hand)
        sweep = BackgroundCall(expire_leases)
        assert sweep.wait_for_result() == 0, "it waits for no answer"
    assert_live(hand, answered=1)


def test_a_claim_that_saw_the_old_end_returns_the_extended_set() -> None:
    hand = a_hand(ends_in=0.4)
    with transaction.atomic():
        extend(hand)
        wait_until_over(hand)
        claimed = BackgroundCall(lambda: claim(worker=factories.wren(), project=hand.project))
        claimed.wait_until_blocked()
    result = claimed.wait_for_result()
    assert (result.hand.pk, result.fresh) == (hand.pk, False)
    assert_live(hand)


def test_an_extension_that_waited_past_the_end_is_refused() -> None:
    hand = a_hand(ends_in=0.4)
    with transaction.atomic():
        Hand.objects.select_for_update(no_key=True).get(pk=hand.pk)
        extending = BackgroundCall(lambda: extend(hand))
        extending.wait_until_blocked()
        wait_until_over(hand)
    assert isinstance(extending.wait_for_result(), SetOver)
    assert expire_leases() == SIZE


def test_an_extension_concurrent_with_the_settlement_finds_the_set_over() -> None:
    hand = a_hand()
    with transaction.atomic():
        worker_actions.settle(hand)
        extending = BackgroundCall(lambda: extend(hand))
        extending.wait_until_blocked()
    assert isinstance(extending.wait_for_result(), SetOver)
    worker_actions.assert_invariants(hand.project)


def test_a_settlement_concurrent_with_an_extension_settles() -> None:
    hand = a_hand()
    with transaction.atomic():
        extend(hand)
        settling = BackgroundCall(lambda: worker_actions.settle(hand))
        settling.wait_until_blocked()
    assert settling.wait_for_result().answers == 0
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert not Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).exists()


def test_an_answer_does_not_wait_for_whoever_holds_the_set() -> None:
    """It holds its assignment, which comes after the set in the lock order: waiting could deadlock."""
    hand = a_hand()
    first, second, *_ = worker_actions.leases_of(hand)
    with transaction.atomic():
        Hand.objects.select_for_update(no_key=True).get(pk=hand.pk)
        answering = BackgroundCall(lambda: worker_actions.answer(first))
        assert answering.wait_for_result().ends == hand.expires_at
    assert worker_actions.answer(second).ends > hand.expires_at
    assert_live(hand, answered=2)


def test_two_tabs_that_ask_for_more_time_get_it_once() -> None:
    hand = a_hand()
    ends = [each.expires_at for each in together(*[partial(extend, hand)] * 2)]
    assert max(ends) - min(ends) < timedelta(seconds=5)
    assert_live(hand)


def test_answers_extensions_skips_and_settlements_at_once_never_deadlock() -> None:
    for number in range(8):
        hand = a_hand(f"Project {number}", ends_in=100 if number % 2 else 0.05)
        *rest, last = worker_actions.leases_of(hand)
        calls = [
            *(partial(worker_actions.answer, lease) for lease in rest),
            partial(extend, hand),
            partial(answer_together, hand),
            partial(skip_assignment, worker=hand.worker, assignment_id=last.public_id),
            expire_leases,
            partial(release_hand, worker=hand.worker, hand_id=hand.public_id)
            if number % 4 == 3
            else partial(worker_actions.settle, hand),
        ]
        results = together(*calls)
        errors = [each for each in results if isinstance(each, Exception)]
        assert all(type(each).__module__.startswith(("tasks.", "kernel.")) for each in errors), errors
        worker_actions.run_late_jobs()
        worker_actions.assert_invariants(hand.project)
        worker_actions.assert_stream_matches_tables(hand.project)
