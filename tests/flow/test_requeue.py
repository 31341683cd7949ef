"""A small team that skipped images is not stuck: the manager sees them and requeues them."""

import pytest
from django.test import Client
from django.urls import reverse

from tasks.analytics.project_progress import Need, project_progress
from tasks.assignment.selectors import StuckTasks, stuck_tasks
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.flow.requeue import requeue_unanswered
from tests.factories import a_project, a_task, a_user, ada, finch, wren
from tests.worker_actions import answer, leases_of, settle, take

pytestmark = pytest.mark.django_db


def test_images_skipped_by_the_only_worker_are_counted_and_requeued() -> None:
    project = a_project(workers=[wren()], answers_min=1, answers_max=1, gold_rate=0)
    tasks = [a_task(project, wanted=1) for _ in range(3)]
    hand = take(wren(), project)
    answered, *skipped = leases_of(hand)
    answer(answered)
    for lease in skipped:
        skip_assignment(worker=wren(), assignment_id=lease.public_id)
    settle(hand)
    assert claim_hand(worker=wren(), project=project) is None
    assert stuck_tasks(project=project) == StuckTasks(without_answer=2, with_answers=0)

    assert requeue_unanswered(batch=tasks[0].batch) == 2

    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)
    again = leases_of(take(wren(), project))
    assert [lease.round for lease in again] == [2, 2]
    assert [answer(lease).counts for lease in again] == [True, True]
    assert Task.objects.filter(taken=1).count() == 3


def test_requeued_images_get_a_round_that_nobody_had() -> None:
    project = a_project(workers=[wren()], answers_min=1, answers_max=1, gold_rate=0)
    task = a_task(project, wanted=1)
    for number in (2, 3, 4):
        hand = take(wren(), project)
        skip_assignment(worker=wren(), assignment_id=leases_of(hand)[0].public_id)
        settle(hand)
        # As after the undo of a change of classes, which puts an earlier round back.
        Task.objects.filter(pk=task.pk).update(round=1)
        assert requeue_unanswered(batch=task.batch) == 1
        assert Task.objects.get(pk=task.pk).round == number


def test_images_of_a_set_that_someone_still_has_are_not_stuck() -> None:
    project = a_project(workers=[wren()], answers_min=2, answers_max=2, gold_rate=0)
    a_task(project, wanted=2)
    a_task(project, wanted=2)
    hand = take(wren(), project)
    answered, skipped = leases_of(hand)
    answer(answered)
    skip_assignment(worker=wren(), assignment_id=skipped.public_id)

    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)
    assert project_progress(project=project).need is None
    settle(hand)
    assert stuck_tasks(project=project) == StuckTasks(without_answer=1, with_answers=1)
    assert project_progress(project=project).need is Need.REQUEUE_TASKS


def test_released_images_are_not_stuck_because_they_come_back_to_their_worker() -> None:
    project = a_project(workers=[wren()], answers_min=1, answers_max=1, gold_rate=0)
    task = a_task(project, wanted=1)
    release_hand(worker=wren(), hand_id=take(wren(), project).public_id)

    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)
    assert requeue_unanswered(batch=task.batch) == 0
    assert [lease.task_id for lease in leases_of(take(wren(), project))] == [task.pk]


def test_images_that_another_worker_can_take_stay_in_their_round() -> None:
    project = a_project(workers=[wren(), finch()], answers_min=1, answers_max=1, gold_rate=0)
    task = a_task(project, wanted=1)
    skip_assignment(worker=wren(), assignment_id=leases_of(take(wren(), project))[0].public_id)

    assert requeue_unanswered(batch=task.batch) == 0
    assert take(finch(), project).size == 1


def test_stuck_images_with_answers_are_counted_separately() -> None:
    project = a_project(workers=[wren()], answers_min=2, answers_max=2, gold_rate=0)
    task = a_task(project, wanted=2)
    hand = take(wren(), project)
    answer(leases_of(hand)[0])
    settle(hand)

    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=1)
    assert requeue_unanswered(batch=task.batch) == 0


def test_a_project_without_workers_has_no_stuck_images() -> None:
    project = a_project(answers_min=1, answers_max=1)
    a_task(project, wanted=1)

    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)
    assert Batch.objects.get(project=project).generation == 0


def test_a_manager_requeues_stuck_images_from_the_console(client: Client) -> None:
    project = a_project(workers=[wren()], answers_min=2, answers_max=2, gold_rate=0)
    answered, given_back = a_task(project, wanted=2), a_task(project, wanted=2)
    hand = take(wren(), project)
    for lease in leases_of(hand):
        if lease.task_id == answered.pk:
            answer(lease)
        else:
            skip_assignment(worker=wren(), assignment_id=lease.public_id)
    settle(hand)
    ada()
    client.force_login(a_user("ada"), backend="allauth.account.auth_backends.AuthenticationBackend")
    console = reverse("workers_ui:project", args=[project.public_id])
    assert "2 images need a new worker" in client.get(console).content.decode()

    client.post(reverse("workers_ui:batches-go-on", args=[project.public_id]))

    answered.refresh_from_db()
    given_back.refresh_from_db()
    assert (answered.state, answered.wanted) == ("answered", 1)
    assert (given_back.state, given_back.round) == ("open", 2)
    assert "need a new worker" not in client.get(console).content.decode()
