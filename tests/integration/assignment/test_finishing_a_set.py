"""A hand is settled by its worker, or by the sweep when its time is over."""

from decimal import Decimal
from typing import Any

import pytest

from kernel.errors import NotFound
from kernel.models import Event, Job
from tasks.assignment.models import Assignment, Hand
from tasks.flow.claim_next_hand import claim_next_hand
from tasks.flow.expiry import expire_leases
from tasks.flow.jobs import expire_leases_job
from tasks.flow.settlement import settle_hand
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_set_of(size: int, **policy: Any) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=size, gold_rate=0, **policy)
    factories.some_tasks(project, size, batches=2)
    return worker_actions.take(wren, project)


def test_settling_pays_the_answers_and_releases_the_rest() -> None:
    hand = a_set_of(4, price=Decimal("0.03"))
    for lease in worker_actions.leases_of(hand)[:3]:
        worker_actions.answer(lease)
    settled = worker_actions.settle(hand)
    assert (settled.answers, settled.earned, settled.hand.state) == (3, Decimal("0.09"), Hand.State.SETTLED)
    assert [lease.state for lease in worker_actions.leases_of(hand)] == ["submitted"] * 3 + ["released"]
    event = Event.objects.get(kind="hand.settled")
    assert event.delta == {"settled": 3, "paid_micros": 90_000, "gold_seen": 0, "gold_correct": 0}
    assert event.data == {"worker": str(hand.worker.public_id)}
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_settling_twice_returns_the_same_result_and_pays_once() -> None:
    hand = a_set_of(2)
    worker_actions.answer_all(hand)
    assert worker_actions.settle(hand) == worker_actions.settle(hand)
    assert Job.objects.filter(kind="consensus.update").count() == 1
    worker_actions.assert_invariants(hand.project)


def test_settling_requests_labels_of_exactly_the_answered_images() -> None:
    hand = a_set_of(3)
    answered = worker_actions.leases_of(hand)[:2]
    for lease in answered:
        worker_actions.answer(lease)
    worker_actions.settle(hand)
    job = Job.objects.get(kind="consensus.update")
    assert (job.project_id, job.args) == (hand.project_id, {"task_ids": sorted(row.task_id or 0 for row in answered)})


def test_a_worker_cannot_settle_another_workers_hand() -> None:
    hand = a_set_of(1)
    with pytest.raises(NotFound):
        settle_hand(worker=factories.finch(), hand_id=hand.public_id)


def test_the_sweep_ends_expired_leases_and_pays_the_answers() -> None:
    hand = a_set_of(4)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    worker_actions.expire_hand(hand)
    assert expire_leases() == 3
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert [lease.state for lease in worker_actions.leases_of(hand)] == ["submitted"] + ["expired"] * 3
    assert expire_leases() == 0
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_the_sweep_leaves_live_hands_alone() -> None:
    hand = a_set_of(2)
    worker_actions.answer_all(hand)
    expire_leases_job()
    hand.refresh_from_db()
    assert hand.state == Hand.State.LIVE


def test_gold_expires_like_work() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0.5)
    factories.some_tasks(project, 2)
    factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    worker_actions.expire_hand(hand)
    assert expire_leases() == 2
    assert set(Assignment.objects.values_list("state", "counts")) == {("expired", False)}
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_claiming_the_next_hand_settles_an_expired_one() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 4)
    old = worker_actions.take(wren, project)
    answered, unanswered = worker_actions.leases_of(old)
    worker_actions.answer(answered)
    assert claim_next_hand(worker=wren, project=project) == old
    worker_actions.expire_hand(old)
    new = claim_next_hand(worker=wren, project=project)
    assert new is not None
    assert new != old
    old.refresh_from_db()
    assert old.state == Hand.State.SETTLED
    unanswered.refresh_from_db()
    assert (unanswered.state, unanswered.hand) == (Assignment.State.LEASED, new), "it comes back first"
    assert not worker_actions.answer(unanswered).late, "an answer in flight is accepted as one to the new lease"
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
