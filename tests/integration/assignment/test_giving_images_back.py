"""A worker skips an image or releases the whole hand."""

import pytest

from kernel.errors import NotFound
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import AnsweredAlready, release_hand, skip_assignment
from tasks.batching.models import Batch
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_set_of(size: int) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=size, gold_rate=0)
    factories.some_tasks(project, size, wanted=1)
    return worker_actions.take(wren, project)


def test_a_skipped_image_becomes_open_to_another_worker() -> None:
    hand = a_set_of(1)
    lease = worker_actions.leases_of(hand)[0]
    before = Batch.objects.get().generation
    assert skip_assignment(worker=hand.worker, assignment_id=lease.public_id).state == Assignment.State.SKIPPED
    assert Batch.objects.get().generation == before + 1
    finch = factories.finch()
    factories.admitted(hand.project, finch)
    assert [row.task_id for row in worker_actions.leases_of(worker_actions.take(finch, hand.project))] == [
        lease.task_id
    ]
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_skipping_twice_frees_one_slot() -> None:
    hand = a_set_of(2)
    lease = worker_actions.leases_of(hand)[0]
    for _ in range(2):
        skip_assignment(worker=hand.worker, assignment_id=lease.public_id)
    assert Batch.objects.get().taken == 1
    worker_actions.assert_stream_matches_tables(hand.project)


def test_an_answered_image_cannot_be_skipped() -> None:
    hand = a_set_of(1)
    lease = worker_actions.leases_of(hand)[0]
    worker_actions.answer(lease)
    with pytest.raises(AnsweredAlready):
        skip_assignment(worker=hand.worker, assignment_id=lease.public_id)


def test_a_worker_cannot_skip_or_release_for_another() -> None:
    hand = a_set_of(1)
    finch = factories.finch()
    with pytest.raises(NotFound):
        skip_assignment(worker=finch, assignment_id=worker_actions.leases_of(hand)[0].public_id)
    with pytest.raises(NotFound):
        release_hand(worker=finch, hand_id=hand.public_id)


def test_a_released_hand_without_answers_is_settled() -> None:
    hand = a_set_of(3)
    assert release_hand(worker=hand.worker, hand_id=hand.public_id).state == Hand.State.SETTLED
    assert {lease.state for lease in worker_actions.leases_of(hand)} == {Assignment.State.RELEASED}
    assert Batch.objects.get().taken == 0
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_a_released_hand_with_answers_stays_live_until_settled() -> None:
    hand = a_set_of(3)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert release_hand(worker=hand.worker, hand_id=hand.public_id).state == Hand.State.LIVE
    assert worker_actions.settle(hand).answers == 1
    worker_actions.assert_invariants(hand.project)
