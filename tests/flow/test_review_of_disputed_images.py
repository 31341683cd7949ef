"""Images with conflicting answers get another answer or, without a remaining worker, a reviewer."""

import pytest

from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.relabel import relabel
from tests.factories import a_project, a_task, a_worker, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db


def a_disputed_task(project: Project) -> Task:
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    an_answer(task, finch(), class_answer(2))
    return task


def test_a_disagreement_requests_one_more_answer() -> None:
    project = a_project(answers_min=2, answers_max=3, workers=[wren(), finch(), a_worker("robin")])
    task = a_disputed_task(project)
    generation = task.batch.generation

    assert relabel(task_ids=[task.pk]) == 0

    task.refresh_from_db()
    task.batch.refresh_from_db()
    assert (task.state, task.wanted, task.taken) == ("open", 3, 2)
    assert (task.batch.wanted, task.batch.generation) == (3, generation + 1)
    assert Event.objects.get(kind="places.changed").delta == {"places": 1}


def test_running_it_twice_raises_the_overlap_once() -> None:
    project = a_project(answers_min=2, answers_max=5, workers=[wren(), finch(), a_worker("robin")])
    task = a_disputed_task(project)

    relabel(task_ids=[task.pk])
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert task.wanted == 3


def test_the_third_answer_decides_and_the_maximum_is_respected() -> None:
    project = a_project(answers_min=2, answers_max=3, workers=[wren(), finch(), a_worker("robin"), a_worker("tit")])
    task = a_disputed_task(project)
    relabel(task_ids=[task.pk])
    an_answer(task, a_worker("robin"), class_answer(2))

    assert relabel(task_ids=[task.pk]) == 1

    task.refresh_from_db()
    assert (task.state, task.wanted) == ("answered", 3)
    assert ConsensusLabel.objects.get(task=task).body == class_answer(2)


def test_without_a_remaining_worker_the_image_is_answered_with_its_current_answers() -> None:
    project = a_project(answers_min=2, answers_max=3, workers=[wren(), finch()])
    task = a_disputed_task(project)

    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert (task.state, task.wanted) == ("answered", 2)
    assert ConsensusLabel.objects.get(task=task).confidence == 0.5


def test_a_manager_can_close_tasks_with_their_current_answers() -> None:
    project = a_project(answers_min=2, answers_max=3, workers=[wren(), finch(), a_worker("robin")])
    disputed, untouched = a_disputed_task(project), a_task(project)
    in_work = a_task(project)
    an_answer(in_work, wren(), class_answer(1), settled=False)
    relabel(task_ids=[disputed.pk])

    assert close_with_current_answers(batch=disputed.batch) == 1

    states = dict(Task.objects.values_list("pk", "state"))
    assert states == {disputed.pk: "answered", untouched.pk: "open", in_work.pk: "open"}
