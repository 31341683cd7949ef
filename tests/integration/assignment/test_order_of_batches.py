"""Batches are taken by priority, deadline, whether they are nearly done, and number; nobody starves."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from kernel.clock import utc_now
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand, release_hand
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import batches_of
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

NOON = utc_now() + timedelta(days=1)


@pytest.fixture
def project() -> Project:
    return factories.a_project(hand_size=1, gold_rate=0, answers_min=1)


def a_batch(project: Project, *, tasks: int = 4, taken: int = 0, **fields: Any) -> Batch:
    """An open batch of which `taken` tasks are answered."""
    batch = factories.a_batch(project, **fields)
    for number in range(tasks):
        task = factories.a_task(project, batch=batch, wanted=1)
        if number < taken:
            factories.an_answer(task, factories.a_worker("early"), factories.class_answer(1))
    return batch


def claimed(project: Project, name: str = "") -> int:
    """The number of the batch that a new worker gets an image of."""
    worker = factories.a_worker(name or f"w{Assignment.objects.count()}")
    if not project.standings.filter(worker=worker).exists():
        factories.admitted(project, worker)
    (lease,) = worker_actions.leases_of(worker_actions.take(worker, project))
    assert lease.task is not None
    return lease.task.batch.number


def order(project: Project) -> list[int]:
    """The batches in which all open slots are claimed, without repeats in a row."""
    numbers: list[int] = []
    while Batch.objects.filter(project=project, state="open", taken__lt=F("wanted")).exists():
        number = claimed(project)
        numbers += [number] if numbers[-1:] != [number] else []
    return numbers


def test_priority_comes_before_the_deadline_and_the_earliest_deadline_before_none(project: Project) -> None:
    a_batch(project)
    a_batch(project, deadline_at=NOON)
    a_batch(project, deadline_at=NOON - timedelta(hours=1))
    a_batch(project, priority=1)
    a_batch(project, priority=1, deadline_at=NOON + timedelta(days=9))
    assert order(project) == [5, 4, 3, 2, 1]
    assert [batch.number for batch in batches_of(project=project)] == [5, 4, 3, 2, 1]


def test_a_deadline_that_is_over_still_comes_first(project: Project) -> None:
    a_batch(project, deadline_at=NOON)
    a_batch(project, deadline_at=utc_now() - timedelta(days=1))
    assert order(project) == [2, 1]


def test_the_last_tasks_of_a_batch_come_before_a_fresh_one(project: Project) -> None:
    a_batch(project)
    a_batch(project, tasks=8, taken=6)
    a_batch(project, tasks=8, taken=5)
    assert order(project) == [2, 1, 3]


def test_not_before_another_priority_or_deadline(project: Project) -> None:
    a_batch(project, tasks=8, taken=7)
    a_batch(project, deadline_at=NOON)
    a_batch(project, tasks=8, taken=7, deadline_at=NOON + timedelta(hours=1))
    a_batch(project, priority=2)
    assert order(project) == [4, 2, 3, 1]


def test_a_task_that_comes_back_to_a_batch_that_is_nearly_done_is_next(project: Project) -> None:
    a_batch(project)
    a_batch(project, tasks=4, taken=3)
    worker = factories.a_worker("quits")
    factories.admitted(project, worker)
    hand = worker_actions.take(worker, project)
    assert claimed(project) == 1, "the last slot of batch 2 is taken"
    release_hand(worker=worker, hand_id=hand.public_id)
    assert claimed(project) == 2


def test_a_batch_waits_only_for_those_before_it_and_for_the_last_quarter_of_others(project: Project) -> None:
    """New batches keep being opened and answered, and images keep coming back, and yet the first one is served."""
    first = a_batch(project, tasks=8, wanted=0)
    for _ in range(3):
        a_batch(project, tasks=8, taken=6)
    served = []
    for _ in range(14):
        served.append(claimed(project))
        a_batch(project, tasks=8)
        if served[-1] == 2:  # somebody gives it back, once for each slot that it had left
            hand = Assignment.objects.latest("pk").hand
            if Assignment.objects.filter(task__batch__number=2, state="released").count() < 2:
                release_hand(worker=hand.worker, hand_id=hand.public_id)
    # 2 slots left in each of three batches, and two that came back: 8 claims before the first one's turn.
    assert served == [2, 2, 2, 2, 3, 3, 4, 4, *[1] * 6]
    first.refresh_from_db()
    assert first.taken == 6


def test_a_worker_who_had_everything_in_urgent_batches_gets_the_others(project: Project) -> None:
    a_batch(project, priority=5, deadline_at=NOON, tasks=2)
    Task.objects.update(wanted=9)
    Batch.objects.update(wanted=18)
    a_batch(project, tasks=2)
    numbers = []
    for _ in range(4):
        numbers.append(claimed(project, "wren"))
        hand = Assignment.objects.latest("pk").hand
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
    assert numbers == [1, 1, 2, 2]
    assert claim_hand(worker=factories.wren(), project=project) is None
