"""Answers concurrent with a second answer, the sweep, or the settlement of their set."""

import threading
from functools import partial

import pytest
from django.db import transaction
from django.db.models import F

from kernel.clock import ClockTimestamp
from kernel.events import record_event
from tasks.annotation.errors import AnswersFinal
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import AnsweredAlready, claim_hand, release_hand, skip_assignment
from tasks.assignment.slots import close_leases
from tasks.batching.models import Batch, Task
from tasks.flow.expiry import expire_leases
from tasks.gold.models import GoldResult
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)


def a_set_of(size: int, name: str = "Strays") -> Hand:
    wren = factories.wren()
    project = factories.a_project(name, workers=[wren], hand_size=size, gold_rate=0)
    factories.some_tasks(project, size)
    return worker_actions.take(wren, project)


def assert_the_books_balance(hand: Hand) -> None:
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_the_same_answer_sent_twice_concurrently_is_kept_once() -> None:
    hand = a_set_of(6)
    for lease in worker_actions.leases_of(hand):
        first, second = together(*[partial(worker_actions.answer, lease)] * 2)
        assert first.annotation == second.annotation
    assert Annotation.objects.count() == 6
    assert_the_books_balance(hand)


def test_two_concurrent_answers_make_two_revisions_and_one_is_current() -> None:
    hand = a_set_of(6)
    for lease in worker_actions.leases_of(hand):
        together(partial(worker_actions.answer, lease, 1), partial(worker_actions.answer, lease, 2))
        rows = Annotation.objects.filter(assignment=lease).order_by("revision").values_list("revision", "is_current")
        assert list(rows) == [(1, False), (2, True)]
    assert_the_books_balance(hand)


def test_an_answer_concurrent_with_the_sweep_is_kept_and_counts() -> None:
    for number in range(6):
        hand = a_set_of(3, f"Sweep {number}")
        worker_actions.expire_hand(hand)
        leases = worker_actions.leases_of(hand)
        *submissions, _ = together(*[partial(worker_actions.answer, lease) for lease in leases], expire_leases)
        assert [(one.late, one.counts) for one in submissions] == [(True, True)] * 3
        worker_actions.run_late_jobs()
        expire_leases()
        assert LedgerEntry.objects.filter(project=hand.project).count() == 3
        assert_the_books_balance(hand)


def test_the_sweep_skips_a_lease_with_a_concurrent_answer() -> None:
    hand = a_set_of(2)
    worker_actions.expire_hand(hand)
    first, second = worker_actions.leases_of(hand)
    with transaction.atomic():
        worker_actions.answer(first)
        assert BackgroundCall(expire_leases).wait_for_result() == 1
    states = dict(Assignment.objects.values_list("pk", "state"))
    assert states == {first.pk: "submitted", second.pk: "expired"}
    expire_leases()
    assert_the_books_balance(hand)


def test_a_late_answer_that_waited_for_the_sweep_does_not_hold_its_row_while_it_waits_for_the_batch() -> None:
    """The holder of the batch may need the row next: settling the set does, and so does a reviewer's rejection."""
    hand = a_set_of(1)
    lease = worker_actions.leases_of(hand)[0]
    batch_locked, row_checked = threading.Event(), threading.Event()

    def free_the_slot_slowly() -> None:
        with transaction.atomic():
            Batch.objects.update(taken=F("taken") - 1)
            Task.objects.update(taken=F("taken") - 1)
            batch_locked.set()
            row_checked.wait(20)

    freeing = BackgroundCall(free_the_slot_slowly)
    assert batch_locked.wait(10)
    try:
        with transaction.atomic():
            Assignment.objects.update(state=Assignment.State.EXPIRED, counts=False, closed_at=ClockTimestamp())
            answering = BackgroundCall(partial(worker_actions.answer, lease))
            answering.wait_until_blocked()
        answering.wait_until_blocked(by=freeing)
        with transaction.atomic():
            Assignment.objects.select_for_update(nowait=True).get()
    finally:
        row_checked.set()
    freeing.wait_for_result()
    submission = answering.wait_for_result()
    assert (submission.late, submission.counts) == (True, True)
    worker_actions.assert_invariants(hand.project)


def test_skipping_and_the_sweep_free_one_slot_between_them() -> None:
    for number in range(6):
        hand = a_set_of(1, f"Skip {number}")
        worker_actions.expire_hand(hand)
        lease = worker_actions.leases_of(hand)[0]
        together(
            partial(skip_assignment, worker=lease.hand.worker, assignment_id=lease.public_id),
            expire_leases,
        )
        assert Batch.objects.get(project=hand.project).taken == 0
        assert_the_books_balance(hand)


def test_concurrent_skip_and_answer_leave_one_of_the_two() -> None:
    for number in range(6):
        hand = a_set_of(1, f"Either {number}")
        lease = worker_actions.leases_of(hand)[0]
        skipped, _ = together(
            partial(skip_assignment, worker=lease.hand.worker, assignment_id=lease.public_id),
            partial(worker_actions.answer, lease),
        )
        lease.refresh_from_db()
        assert isinstance(skipped, AnsweredAlready) is (lease.state == Assignment.State.SUBMITTED)
        assert_the_books_balance(hand)


def test_concurrent_sweeps_do_the_work_of_one() -> None:
    hand = a_set_of(8)
    worker_actions.expire_hand(hand)
    assert sum(together(expire_leases, expire_leases, expire_leases)) == 8
    assert_the_books_balance(hand)


def test_settling_twice_concurrently_pays_each_answer_once() -> None:
    for number in range(4):
        hand = a_set_of(5, f"Twice {number}")
        worker_actions.answer_all(hand)
        first, second, _ = together(
            partial(worker_actions.settle, hand), partial(worker_actions.settle, hand), expire_leases
        )
        assert first == second
        assert first.answers == 5
        assert LedgerEntry.objects.filter(hand=hand).count() == 5
        assert_the_books_balance(hand)


def test_concurrent_release_and_settlement_end_the_set_once() -> None:
    for number in range(4):
        hand = a_set_of(3, f"Back {number}")
        worker_actions.answer(worker_actions.leases_of(hand)[0])
        together(
            partial(release_hand, worker=hand.worker, hand_id=hand.public_id),
            partial(worker_actions.settle, hand),
        )
        assert Batch.objects.get(project=hand.project).taken == 1
        assert_the_books_balance(hand)


def test_a_set_released_while_a_late_answer_arrives_is_still_paid_for_it() -> None:
    hand = a_set_of(1)
    worker_actions.expire_hand(hand)
    lease = worker_actions.leases_of(hand)[0]
    with transaction.atomic():
        close_leases(assignment_ids=[lease.pk], state=Assignment.State.EXPIRED)
        record_event(project_id=hand.project_id, kind="assignment.expired", leased=-1, expired=1)
    with transaction.atomic():
        assert worker_actions.answer(lease).late
        giving_back = BackgroundCall(partial(release_hand, worker=hand.worker, hand_id=hand.public_id))
        giving_back.wait_until_blocked()
    assert giving_back.wait_for_result().state == Hand.State.LIVE
    assert worker_actions.settle(hand).answers == 1
    assert_the_books_balance(hand)


def test_a_change_concurrent_with_settlement_is_included_or_refused() -> None:
    """The answer that gold was compared with is the one that is kept."""
    wren = factories.wren()
    for number in range(6):
        project = factories.a_project(f"Change {number}", workers=[wren], hand_size=2, gold_rate=0.5)
        factories.a_task(project)
        factories.a_gold(project)
        hand = worker_actions.take(wren, project)
        worker_actions.answer_all(hand, 1)
        lease = Assignment.objects.get(hand=hand, gold__isnull=False)
        submission, settled = together(partial(worker_actions.answer, lease, 2), partial(worker_actions.settle, hand))
        assert settled.answers == 2
        changed = not isinstance(submission, AnsweredAlready | AnswersFinal)
        current = Annotation.objects.get(assignment=lease, is_current=True)
        assert current.body["image"]["class"] == (2 if changed else 1)
        assert GoldResult.objects.get(assignment=lease).correct is not changed
        assert_the_books_balance(hand)


def test_a_late_answer_to_gold_is_compared_once_whichever_settlement_sees_it() -> None:
    """The late answer, the settlement of the next set and two sweeps run at once."""
    wren = factories.wren()
    for number in range(6):
        project = factories.a_project(f"Late {number}", workers=[wren], hand_size=2, gold_rate=0.5)
        factories.some_tasks(project, 4)
        for _ in range(4):
            factories.a_gold(project)
        hand = worker_actions.take(wren, project)
        worker_actions.expire_hand(hand)
        expire_leases()
        late = Assignment.objects.get(hand=hand, gold__isnull=False)
        # A set of other images: this one does not come back.
        Assignment.objects.filter(hand=hand).update(returned=False)
        following = worker_actions.take(wren, project)
        worker_actions.answer_all(following)
        answered, settled, *_ = together(
            partial(worker_actions.answer, late, 2), partial(worker_actions.settle, following), expire_leases
        )
        assert (answered.late, settled.answers) == (True, 2)
        worker_actions.run_late_jobs()
        together(expire_leases, expire_leases, expire_leases)
        last = worker_actions.take(wren, project)
        together(partial(worker_actions.settle, last), expire_leases)
        assert [result.correct for result in GoldResult.objects.filter(assignment=late)] == [False]
        assert factories.gold_seen(wren, project) == (2, 1)
        assert_the_books_balance(hand)


def test_an_answer_and_the_next_claim_of_the_same_image_leave_one_lease() -> None:
    """A late answer either comes first, or is the answer to the new lease."""
    wren = factories.wren()
    for number in range(8):
        hand = a_set_of(3, f"Again {number}")
        worker_actions.expire_hand(hand)
        expire_leases()
        lease = worker_actions.leases_of(hand)[0]
        submission, claimed = together(
            partial(worker_actions.answer, lease), partial(claim_hand, worker=wren, project=hand.project)
        )
        assert claimed.size == (2 if submission.late else 3)
        worker_actions.run_late_jobs()
        assert_the_books_balance(hand)
        worker_actions.settle(claimed)
        assert LedgerEntry.objects.filter(assignment=lease).count() == 1
        assert_the_books_balance(hand)


def test_two_workers_who_take_back_images_of_the_same_batches_do_not_deadlock() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=6, gold_rate=0, answers_min=2)
    factories.some_tasks(project, 6, batches=3)
    for _ in range(6):
        hands = together(*[partial(claim_hand, worker=worker, project=project) for worker in (wren, finch)])
        assert {type(hand) for hand in hands} == {Hand}, hands
        together(*[partial(release_hand, worker=hand.worker, hand_id=hand.public_id) for hand in hands])
        assert_the_books_balance(hands[0])
        Standing.objects.update(returns=0)
