"""A worker claims a hand."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kernel.clock import database_now
from projects.models import Project
from tasks.assignment.models import Assignment, BatchCursor, Hand
from tasks.assignment.selectors import live_hand, shown_hand
from tasks.assignment.services import ProjectNotOpen, WorkerNotAdmitted, WorkerPaused, claim_hand
from tasks.batching.models import Batch, Task
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def test_a_hand_has_the_projects_size_and_lease_time() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=4, gold_rate=0, lease_seconds=600)
    factories.some_tasks(project, 9)
    hand = worker_actions.take(wren, project)
    leases = worker_actions.leases_of(hand)
    assert hand.size == len(leases) == 4
    assert [lease.position for lease in leases] == [1, 2, 3, 4]
    assert {lease.expires_at for lease in leases} == {hand.expires_at}
    remaining = hand.expires_at - database_now()
    assert timedelta(seconds=590) < remaining <= timedelta(seconds=600)
    assert Hand.objects.get(pk=hand.pk).public_id == hand.public_id
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_an_assignment_pins_schema_instructions_rendition_and_price() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0, price=Decimal("0.035"))
    task = factories.a_task(project, image=factories.an_image(project, width=800, height=600))
    hand = worker_actions.take(wren, project)
    Project.objects.filter(pk=project.pk).update(price=Decimal("9"))
    lease = worker_actions.leases_of(hand)[0]
    assert (lease.task_id, lease.round, lease.width, lease.height) == (task.pk, 1, 800, 600)
    assert lease.price == Decimal("0.035")
    assert (lease.schema_id, lease.instructions_id) == (project.schema_id, project.instructions_id)
    assert lease.rendition_id == task.image.rendition_id


def test_a_worker_with_a_live_hand_gets_the_same_hand_again() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 5)
    hand = worker_actions.take(wren, project)
    assert worker_actions.take(wren, project) == hand == live_hand(worker=wren, project=project)
    assert Assignment.objects.count() == 2


def test_the_batch_with_the_highest_priority_comes_first_then_the_lowest_number() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=1, gold_rate=0)
    first, second, urgent = (factories.a_batch(project, priority=priority) for priority in (0, 0, 5))
    tasks = [factories.a_task(project, batch=batch) for batch in (second, first, urgent)]
    for expected in (tasks[2], tasks[1], tasks[0]):
        hand = worker_actions.take(wren, project)
        assert [lease.task_id for lease in worker_actions.leases_of(hand)] == [expected.pk]
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)


@pytest.mark.parametrize("state", [Batch.State.DRAFT, Batch.State.PAUSED, Batch.State.APPROVED])
def test_only_open_batches_can_be_claimed(state: str) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0)
    factories.a_task(project, batch=factories.a_batch(project, state=state))
    assert claim_hand(worker=wren, project=project) is None


def test_a_worker_never_gets_an_image_twice_and_learns_when_nothing_is_left() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0)
    factories.some_tasks(project, 5, batches=2)
    received: list[int | None] = []
    while (hand := claim_hand(worker=wren, project=project)) is not None:
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
        received += [lease.task_id for lease in worker_actions.leases_of(hand)]
    assert len(received) == len(set(received)) == 5
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()
    worker_actions.assert_invariants(project)


def test_an_exhausted_batch_is_skipped_until_a_slot_reopens() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], hand_size=10, gold_rate=0)
    task = factories.a_task(project, wanted=1)
    other = factories.a_task(project, wanted=2)
    finchs_hand = worker_actions.take(finch, project)
    wrens_hand = worker_actions.take(wren, project)
    assert [lease.task_id for lease in worker_actions.leases_of(wrens_hand)] == [other.pk]
    assert BatchCursor.objects.get(worker=wren).generation == Batch.objects.get().generation
    worker_actions.answer_all(wrens_hand)
    worker_actions.settle(wrens_hand)
    worker_actions.settle(finchs_hand)  # finch releases both tasks
    again = worker_actions.take(wren, project)
    assert [lease.task_id for lease in worker_actions.leases_of(again)] == [task.pk]


def test_a_new_round_lets_the_same_worker_have_the_image_again() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=10, gold_rate=0)
    task = factories.a_task(project, wanted=1)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    Assignment.objects.filter(task=task).update(counts=False)
    Task.objects.filter(pk=task.pk).update(round=2, taken=0)
    Batch.objects.update(taken=0, generation=1)
    assert worker_actions.leases_of(worker_actions.take(wren, project))[0].round == 2


def test_a_worker_without_access_learns_why() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(gold_rate=0)
    factories.admitted(project, finch, state="paused")
    factories.a_task(project)
    with pytest.raises(WorkerNotAdmitted):
        claim_hand(worker=wren, project=project)
    with pytest.raises(WorkerPaused):
        claim_hand(worker=finch, project=project)


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_a_project_that_is_not_open_cannot_be_claimed(state: str) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], gold_rate=0, state=state)
    factories.a_task(project)
    with pytest.raises(ProjectNotOpen):
        claim_hand(worker=wren, project=project)


def test_a_hand_lists_its_assignments_in_order_with_current_answers() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=3, gold_rate=0)
    factories.some_tasks(project, 3)
    hand = worker_actions.take(wren, project)
    second = worker_actions.leases_of(hand)[1]
    worker_actions.answer(second, 1)
    worker_actions.answer(second, 2)
    answers = [item.answer for item in shown_hand(hand).assignments]
    assert answers == [None, factories.class_answer(2), None]
