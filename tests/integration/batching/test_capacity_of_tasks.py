"""Opening and closing slots updates the batch's counters, its generation and the live stream."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import F

from kernel.errors import TransitionRefused
from kernel.events import number_events, stream_snapshot
from kernel.models import Event
from tasks.batching.errors import PriorityRefused
from tasks.batching.models import Batch, Task
from tasks.batching.services import (
    change_wanted,
    close_slots,
    open_all_batches,
    open_batch,
    pause_batch,
    refresh_statistics,
    set_priority,
)
from tests.concurrency_helpers import together
from tests.factories import a_batch, a_project, a_task, some_tasks
from tests.worker_actions import raise_wanted

pytestmark = pytest.mark.django_db


def take(task: Task, slots: int) -> None:
    Batch.objects.filter(pk=task.batch_id).update(taken=F("taken") + slots)
    Task.objects.filter(pk=task.pk).update(taken=F("taken") + slots)


def test_raising_updates_task_batch_generation_and_stream_together() -> None:
    first, _ = some_tasks(a_project(answers_min=3), 2)
    raise_wanted(first, to=5)
    first.refresh_from_db()
    assert (first.wanted, first.batch.wanted, first.batch.generation) == (5, 8, 1)
    number_events(project_id=first.project_id)
    assert stream_snapshot(project_id=first.project_id).totals == {"places": 2}


def test_the_number_that_a_task_has_already_changes_nothing() -> None:
    task = a_task(a_project(answers_min=3))
    change_wanted(task=task, to=3, priority=7)
    task.refresh_from_db()
    assert (task.wanted, task.priority, task.batch.generation) == (3, 0, 0)
    assert not Event.objects.exists()


def test_raising_sets_the_priority_and_closing_keeps_it() -> None:
    task = a_task(a_project(answers_min=3))
    change_wanted(task=task, to=4, priority=7)
    task.refresh_from_db()
    change_wanted(task=task, to=2)
    task.refresh_from_db()
    assert (task.wanted, task.priority, task.batch.wanted, task.batch.generation) == (2, 7, 2, 1)


def test_closing_keeps_the_taken_slots() -> None:
    task = a_task(a_project(answers_min=3))
    take(task, 1)
    assert close_slots(task=task) == 2
    assert close_slots(task=task) == 0
    task.refresh_from_db()
    assert (task.wanted, task.taken, task.batch.wanted, task.batch.taken) == (1, 1, 1, 1)
    number_events(project_id=task.project_id)
    assert stream_snapshot(project_id=task.project_id).totals == {"places": -2}


@pytest.mark.django_db(transaction=True)
def test_concurrent_raising_and_closing_keep_the_sums() -> None:
    tasks = some_tasks(a_project(answers_min=3), 4)
    calls: list[Callable[[], object]] = [partial(raise_wanted, task, to=5) for task in tasks * 2]
    calls += [partial(close_slots, task=task) for task in tasks[:2]]
    results = together(*calls)
    assert not [result for result in results if isinstance(result, Exception)]
    assert Batch.objects.get().wanted == sum(Task.objects.values_list("wanted", flat=True))


def test_batches_open_pause_and_open_again() -> None:
    batch = a_batch(a_project(), state="draft")
    opened = open_batch(batch=batch)
    assert (opened.state, opened.opened_at is not None) == ("open", True)
    assert pause_batch(batch=batch).state == "paused"
    with pytest.raises(TransitionRefused, match="Batch 1 is paused"):
        pause_batch(batch=batch)
    assert open_batch(batch=batch).state == "open"
    with pytest.raises(TransitionRefused, match="Batch 1 is open"):
        open_batch(batch=batch)


def test_opening_all_leaves_paused_ones_paused() -> None:
    project = a_project()
    for state in ("draft", "paused", "draft", "open"):
        a_batch(project, state=state)
    assert open_all_batches(project=project) == 2
    assert list(Batch.objects.order_by("number").values_list("state", flat=True)) == ["open", "paused", "open", "open"]
    opened = [event["data"]["batch"] for event in number_events(project_id=project.pk)]
    assert opened == [str(Batch.objects.get(number=number).public_id) for number in (1, 3)]


def test_a_priority_is_a_whole_number_in_range() -> None:
    batch = a_batch(a_project())
    assert set_priority(batch=batch, priority=7).priority == 7
    for wrong in (1001, -1001, True, 1.5):
        with pytest.raises(PriorityRefused):
            set_priority(batch=batch, priority=wrong)  # type: ignore[arg-type]


def test_statistics_can_be_refreshed_inside_a_transaction() -> None:
    refresh_statistics()
