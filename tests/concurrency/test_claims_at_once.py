"""Concurrent claims on the same rows."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from kernel.clock import ClockTimestamp
from kernel.constraints import violated_constraint
from projects.models import Project
from tasks.assignment import claiming
from tasks.assignment.models import ONE_ASSIGNMENT, ONE_LIVE_HAND, Assignment, BatchCursor, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import BATCH_SLOTS, TASK_SLOTS, Batch, Task
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions
from tests.api.people import member, with_key
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_tabs_get_the_same_set() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=5, gold_rate=0)
    factories.some_tasks(project, 20)
    for _ in range(5):
        first, second = together(*[lambda: claim_hand(worker=wren, project=project)] * 2)
        assert first == second
        assert Hand.objects.filter(state=Hand.State.LIVE).count() == 1
        worker_actions.settle(first)
        Assignment.objects.all().delete()
        BatchCursor.objects.all().delete()


def test_of_two_tabs_that_claim_at_once_one_is_told_that_the_set_is_new() -> None:
    project = factories.a_project(hand_size=2, gold_rate=0, workers=[member("worker")])
    task = factories.a_task(project)
    url = f"/api/v1/projects/{project.public_id}/hands/"
    with transaction.atomic():
        # Both tabs have found no live set; the first waits for the batch, the second for the first.
        Batch.objects.select_for_update(no_key=True).get(pk=task.batch_id)
        first = BackgroundCall(lambda: with_key(member("worker")).post(url))
        first.wait_until_blocked()
        second = BackgroundCall(lambda: with_key(member("worker")).post(url))
        second.wait_until_blocked(by=first)
    responses = [first.wait_for_result(), second.wait_for_result()]
    assert [response.status_code for response in responses] == [201, 200]
    assert responses[0].json() == responses[1].json()


def test_a_claim_takes_another_batch_when_the_first_is_locked() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0)
    first, second = factories.some_tasks(project, 2, batches=2)
    with transaction.atomic():
        Batch.objects.select_for_update(no_key=True).get(pk=first.batch_id)
        hand = BackgroundCall(lambda: claim_hand(worker=wren, project=project)).wait_for_result()
    assert worker_actions.leases_of(hand)[0].task_id == second.pk


def test_a_claim_waits_when_every_batch_is_locked_instead_of_reporting_no_work() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0)
    factories.some_tasks(project, 2, batches=2)
    with transaction.atomic():
        list(Batch.objects.select_for_update(no_key=True))
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
    assert isinstance(claim.wait_for_result(), Hand)


def test_a_claim_that_waits_holds_no_other_batch() -> None:
    """Two claims that each held a batch and waited for the other's would deadlock."""
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=1, gold_rate=0)
    exhausted, open_ = factories.some_tasks(project, 2, batches=2, wanted=2)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    with transaction.atomic():
        Batch.objects.select_for_update(no_key=True).get(pk=open_.batch_id)
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
        # wren has exhausted the first batch, and the claim recorded that; its lock must be free again.
        Batch.objects.select_for_update(no_key=True, nowait=True).get(pk=exhausted.batch_id)
    assert worker_actions.leases_of(claim.wait_for_result())[0].task_id == open_.pk
    assert BatchCursor.objects.get(worker=wren).batch_id == exhausted.batch_id


def test_a_slot_that_reopens_between_a_claims_snapshot_and_its_lock_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exhaustion is recorded for the generation in which the tasks were read, so the batch is tried again."""
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=1, gold_rate=0)
    tasks = factories.some_tasks(project, 2, wanted=1)
    finch_hand = worker_actions.take(finch, project)
    Project.objects.filter(pk=project.pk).update(hand_size=2)
    # The gap between a statement's snapshot and its lock is short; waiting for the lock widens it.
    waiting = claiming.CLAIM_FROM_BATCH.replace("SKIP LOCKED", "")
    monkeypatch.setattr(claiming, "CLAIM_FROM_BATCH", waiting)
    with transaction.atomic():
        worker_actions.settle(finch_hand)
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
    assert {lease.task_id for lease in worker_actions.leases_of(claim.wait_for_result())} == {task.pk for task in tasks}


def test_slots_that_are_taken_between_a_claims_snapshot_and_its_lock_do_not_end_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A claim that chose tasks which another one has just taken chooses again among the rest."""
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=5, gold_rate=0)
    factories.some_tasks(project, 20, wanted=2)
    waiting = claiming.CLAIM_FROM_BATCH.replace("SKIP LOCKED", "")
    monkeypatch.setattr(claiming, "CLAIM_FROM_BATCH", waiting)
    with transaction.atomic():
        Project.objects.filter(pk=project.pk).update(hand_size=15)
        hand = worker_actions.take(finch, project)
        Task.objects.filter(assignments__hand=hand).update(taken=2)
        Project.objects.filter(pk=project.pk).update(hand_size=5)
        claim = BackgroundCall(lambda: claim_hand(worker=wren, project=project))
        claim.wait_until_blocked()
    assert len({lease.task_id for lease in worker_actions.leases_of(claim.wait_for_result())}) == 5


def test_a_claim_and_a_late_answer_do_not_both_get_the_last_slot() -> None:
    wren, finch = factories.wren(), factories.finch()
    for round_number in range(6):
        project = factories.a_project(f"Last place {round_number}", workers=[wren, finch], hand_size=1, gold_rate=0)
        factories.a_task(project, wanted=1)
        hand = worker_actions.take(wren, project)
        worker_actions.expire_hand(hand)
        expire_leases()
        lease = worker_actions.leases_of(hand)[0]
        submission, claimed = together(
            partial(worker_actions.answer, lease),
            partial(claim_hand, worker=finch, project=project),
        )
        assert submission.counts is (claimed is None)
        worker_actions.run_late_jobs()
        worker_actions.assert_invariants(project)
        worker_actions.assert_stream_matches_tables(project)


def test_the_database_itself_forbids_what_the_code_avoids() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0)
    task = factories.a_task(project, wanted=1)
    hand = worker_actions.take(wren, project)
    lease = worker_actions.leases_of(hand)[0]
    lease.pk, lease.public_id = None, task.public_id
    forbidden: dict[str, Callable[[], object]] = {
        ONE_ASSIGNMENT: lease.save,
        TASK_SLOTS: lambda: Task.objects.update(taken=2),
        BATCH_SLOTS: lambda: Batch.objects.update(taken=2),
        ONE_LIVE_HAND: lambda: Hand.objects.create(
            project=project, worker=wren, created_at=ClockTimestamp(), expires_at=ClockTimestamp()
        ),
    }
    for name, act in forbidden.items():
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            act()
        assert violated_constraint(refused.value) == name
