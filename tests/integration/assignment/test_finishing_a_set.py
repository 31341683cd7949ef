"""A hand is settled by its worker, or by the sweep when its time is over."""

from decimal import Decimal
from typing import Any

import pytest

from kernel.errors import NotFound
from kernel.models import Event, Job
from tasks.assignment.models import Assignment, Hand
from tasks.flow.claiming import take_hand
from tasks.flow.jobs import expire_leases_job
from tasks.flow.lease_expiry import expire_leases
from tasks.flow.settlement import settle_hand
from tests import factories as cast
from tests import worker_actions as worklife

pytestmark = pytest.mark.django_db


def a_set_of(size: int, **policy: Any) -> Hand:
    wren = cast.wren()
    project = cast.a_project(workers=[wren], hand_size=size, gold_rate=0, **policy)
    cast.some_tasks(project, size, batches=2)
    return worklife.take(wren, project)


def test_settling_pays_the_answers_and_releases_the_rest() -> None:
    hand = a_set_of(4, price=Decimal("0.03"))
    for lease in worklife.leases_of(hand)[:3]:
        worklife.answer(lease)
    settled = worklife.settle(hand)
    assert (settled.answers, settled.earned, settled.hand.state) == (3, Decimal("0.09"), Hand.State.SETTLED)
    assert [lease.state for lease in worklife.leases_of(hand)] == ["submitted"] * 3 + ["released"]
    event = Event.objects.get(kind="hand.settled")
    assert event.delta == {"settled": 3, "paid_micros": 90_000, "gold_seen": 0, "gold_correct": 0}
    assert event.data == {"worker": str(hand.worker.public_id)}
    worklife.assert_invariants(hand.project)
    worklife.assert_stream_tells_the_tables(hand.project)


def test_settling_twice_returns_the_same_result_and_pays_once() -> None:
    hand = a_set_of(2)
    worklife.answer_all(hand)
    assert worklife.settle(hand) == worklife.settle(hand)
    assert Job.objects.filter(kind="consensus.update").count() == 1
    worklife.assert_invariants(hand.project)


def test_settling_requests_labels_of_exactly_the_answered_images() -> None:
    hand = a_set_of(3)
    answered = worklife.leases_of(hand)[:2]
    for lease in answered:
        worklife.answer(lease)
    worklife.settle(hand)
    job = Job.objects.get(kind="consensus.update")
    assert (job.project_id, job.args) == (hand.project_id, {"task_ids": sorted(row.task_id or 0 for row in answered)})


def test_a_worker_cannot_settle_another_workers_hand() -> None:
    hand = a_set_of(1)
    with pytest.raises(NotFound):
        settle_hand(worker=cast.finch(), hand_id=hand.public_id)


def test_the_sweep_ends_expired_leases_and_pays_the_answers() -> None:
    hand = a_set_of(4)
    worklife.answer(worklife.leases_of(hand)[0])
    worklife.run_out(hand)
    assert expire_leases() == 3
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert [lease.state for lease in worklife.leases_of(hand)] == ["submitted"] + ["expired"] * 3
    assert expire_leases() == 0
    worklife.assert_invariants(hand.project)
    worklife.assert_stream_tells_the_tables(hand.project)


def test_the_sweep_leaves_live_hands_alone() -> None:
    hand = a_set_of(2)
    worklife.answer_all(hand)
    expire_leases_job()
    hand.refresh_from_db()
    assert hand.state == Hand.State.LIVE


def test_gold_expires_like_work() -> None:
    wren = cast.wren()
    project = cast.a_project(workers=[wren], hand_size=2, gold_rate=0.5)
    cast.some_tasks(project, 2)
    cast.a_gold(project)
    hand = worklife.take(wren, project)
    worklife.run_out(hand)
    assert expire_leases() == 2
    assert set(Assignment.objects.values_list("state", "counts")) == {("expired", False)}
    worklife.assert_invariants(project)
    worklife.assert_stream_tells_the_tables(project)


def test_claiming_the_next_hand_settles_an_expired_one() -> None:
    wren = cast.wren()
    project = cast.a_project(workers=[wren], hand_size=2, gold_rate=0)
    cast.some_tasks(project, 4)
    old = worklife.take(wren, project)
    answered, unanswered = worklife.leases_of(old)
    worklife.answer(answered)
    assert take_hand(worker=wren, project=project) == old
    worklife.run_out(old)
    new = take_hand(worker=wren, project=project)
    assert new is not None
    assert new != old
    old.refresh_from_db()
    assert old.state == Hand.State.SETTLED
    unanswered.refresh_from_db()
    assert unanswered.state == Assignment.State.EXPIRED, "an answer in flight is still accepted"
    assert worklife.answer(unanswered).late
    worklife.run_late_jobs()
    worklife.assert_invariants(project)
    worklife.assert_stream_tells_the_tables(project)
