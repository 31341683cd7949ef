"""Approving a batch also approves its unreviewed labels, and marks them as approved by policy."""

import pytest

from kernel.models import Event
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.review.errors import BatchUnanswered
from tasks.review.models import Review
from tasks.review.services import approve_batch, approve_label
from tests.factories import a_project, ada, an_answer, class_answer, finch, some_tasks, wren

pytestmark = pytest.mark.django_db


def test_unreviewed_labels_are_approved_by_policy() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    tasks = some_tasks(project, 3)
    for task in tasks:
        an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    seen = ConsensusLabel.objects.get(task=tasks[0])
    approve_label(reviewer=ada(), task=tasks[0], label_hash=seen.content_hash)

    assert approve_batch(reviewer=ada(), batch=tasks[0].batch) == 2

    by_policy = dict(Review.objects.values_list("task_id", "by_policy"))
    assert by_policy == {tasks[0].pk: False, tasks[1].pk: True, tasks[2].pk: True}
    tasks[0].batch.refresh_from_db()
    assert tasks[0].batch.state == "approved" and tasks[0].batch.approved_at is not None
    assert sum(event.delta["approved"] for event in Event.objects.filter(kind="label.approved")) == 3


def test_approving_a_batch_twice_has_no_further_effect() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    [task] = some_tasks(project, 1)
    an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk])

    assert [approve_batch(reviewer=ada(), batch=task.batch) for _ in range(2)] == [1, 0]
    assert Event.objects.filter(kind="batch.approved").count() == 1


def test_a_batch_with_unanswered_images_is_refused_and_reports_their_number() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    tasks = some_tasks(project, 3)
    an_answer(tasks[0], wren(), class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])

    with pytest.raises(BatchUnanswered, match="2 images of this batch have no agreed label yet"):
        approve_batch(reviewer=ada(), batch=tasks[0].batch)
    assert not Review.objects.exists()


def test_an_approved_batch_closes_open_slots_and_keeps_live_leases() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])
    tasks = some_tasks(project, 2)
    for task in tasks:
        an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    Task.objects.update(wanted=3)
    Batch.objects.update(wanted=6)
    an_answer(tasks[0], finch(), class_answer(1), settled=False)

    approve_batch(reviewer=ada(), batch=tasks[0].batch)

    tasks[0].batch.refresh_from_db()
    assert (tasks[0].batch.wanted, tasks[0].batch.taken) == (3, 3)
    assert list(Task.objects.order_by("pk").values_list("wanted", "taken")) == [(2, 2), (1, 1)]
    assert [event.delta for event in Event.objects.filter(kind="places.changed")] == [{"places": -3}]
