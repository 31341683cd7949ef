"""Answers that arrive after the lease has run out: nothing is lost, no slot is taken twice."""

import pytest

from kernel.models import Job
from tasks.assignment.models import Hand
from tasks.batching.models import Task
from tasks.flow.expiry import expire_leases
from tasks.pay.models import LedgerEntry
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

# Of every late answer: words that depend on the slot would tell gold from work.
PAID = "Saved. You are paid for it."


def a_set_of_one(wanted: int = 1) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren, factories.finch()], hand_size=1, gold_rate=0)
    factories.a_task(project, wanted=wanted)
    return worker_actions.take(wren, project)


def test_before_the_sweep_the_slot_is_still_held_and_the_answer_counts() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    submission = worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert (submission.late, submission.counts, submission.message) == (True, True, PAID)
    assert Task.objects.get().taken == 1
    assert expire_leases() == 0
    assert worker_actions.settle(hand).answers == 1
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_after_the_sweep_a_late_answer_reclaims_a_free_slot() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    assert expire_leases() == 1
    assert Task.objects.get().taken == 0
    submission = worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert (submission.late, submission.counts, submission.message) == (True, True, PAID)
    assert Task.objects.get().taken == 1
    assert worker_actions.run_late_jobs() == 1
    update_job = Job.objects.get(kind="consensus.update")
    assert update_job.args == {"task_ids": [Task.objects.get().pk]}
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_a_late_answer_without_a_free_slot_is_kept_and_paid_as_surplus() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    expire_leases()
    finchs_hand = worker_actions.take(factories.finch(), hand.project)
    submission = worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert (submission.late, submission.counts, submission.message) == (True, False, PAID)
    assert submission.assignment.counts is False
    worker_actions.answer_all(finchs_hand)
    worker_actions.settle(finchs_hand)
    worker_actions.run_late_jobs()
    assert LedgerEntry.objects.filter(kind="credit").count() == 2
    assert not Job.objects.filter(kind="consensus.update", args__task_ids=[]).exists()
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_the_credit_of_a_late_answer_is_posted_once_however_often_its_job_runs() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    expire_leases()
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    worker_actions.run_late_jobs()
    Job.objects.filter(kind="flow.settle_late_answer").update(state=Job.State.QUEUED)
    worker_actions.run_late_jobs()
    assert LedgerEntry.objects.filter(kind="credit").count() == 1
    worker_actions.assert_stream_matches_tables(hand.project)


def test_an_answer_between_the_sweep_and_the_settlement_is_paid_with_the_hand() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    Hand.objects.update(expires_at=hand.expires_at)  # only the leases have run out, not the hand
    expire_leases()
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert not Job.objects.exists()
    assert worker_actions.settle(hand).answers == 1
    worker_actions.assert_invariants(hand.project)


def test_a_surplus_is_paid_and_triggers_no_relabeling() -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    Hand.objects.update(expires_at=hand.expires_at)  # only the leases have run out, not the hand
    expire_leases()
    worker_actions.take(factories.finch(), hand.project)
    assert worker_actions.answer(worker_actions.leases_of(hand)[0]).message == PAID
    assert worker_actions.settle(hand).answers == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("change", [{"state": Task.State.APPROVED}, {"round": 2}])
def test_an_approved_task_or_another_round_makes_a_late_answer_surplus(change: dict[str, object]) -> None:
    hand = a_set_of_one()
    worker_actions.expire_hand(hand)
    expire_leases()
    Task.objects.update(**change)
    assert worker_actions.answer(worker_actions.leases_of(hand)[0]).message == PAID
    assert Task.objects.get().taken == 0
