"""Another answer is requested while its expected gain justifies it, highest gain first."""

from typing import Any

import pytest

from projects.models import Project
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.flow.relabel import relabel
from tests.factories import (
    a_project,
    a_task,
    a_worker,
    an_answer,
    box_answer,
    class_answer,
    finch,
    some_evidence,
    wren,
)
from tests.worker_actions import leases_of

pytestmark = pytest.mark.django_db


def a_project_of_four(**policy: Any) -> Project:
    people = [wren(), finch(), a_worker("robin"), a_worker("tit")]
    return a_project(workers=people, **policy)


def test_the_label_of_boxes_stores_its_weakest_object_and_asks_for_another_answer() -> None:
    people = [wren(), finch(), a_worker("robin"), a_worker("tit")]
    project = a_project(tools=("box",), workers=people, answers_min=3, answers_max=4, confidence_target=0.9)
    task = a_task(project)
    both, one = (box_answer(*boxes) for boxes in (((1, 10, 10, 80, 60), (1, 300, 200, 60, 60)), ((1, 10, 10, 80, 60),)))
    for worker, body in zip(people, (both, one, one), strict=False):
        an_answer(task, worker, body)
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert weakest_object(task) < project.confidence_target
    assert Posterior.objects.get(task=task).confidence == pytest.approx(weakest_object(task), abs=1e-6)
    assert (task.state, task.wanted) == ("open", 4)

    an_answer(task, people[3], both)
    relabel(task_ids=[task.pk])
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert [each["released"] for each in label.evidence["objects"]] == [True, True]
    assert label.confidence == pytest.approx(weakest_object(task), abs=1e-6)


def weakest_object(task: Task) -> float:
    objects = Posterior.objects.get(task=task).body["objects"].values()
    return float(min(each["existence"] * max(each["class"].values()) for each in objects))


def test_the_task_with_the_highest_expected_gain_is_assigned_first() -> None:
    project = a_project(
        classes=("cat", "dog", "owl"),
        answers_min=2,
        answers_max=5,
        gold_rate=0,
        hand_size=1,
        confidence_target=0.95,
        workers=[wren(), finch(), a_worker("robin")],
    )
    agreed, split = a_task(project), a_task(project)
    for task, numbers in ((agreed, (1, 1)), (split, (1, 2))):
        for worker, number in zip((wren(), finch()), numbers, strict=True):
            an_answer(task, worker, class_answer(number))
    relabel(task_ids=[agreed.pk, split.pk])

    rows = dict(Task.objects.values_list("pk", "priority"))
    assert rows[split.pk] > rows[agreed.pk] > 0
    hand = claim_hand(worker=a_worker("robin"), project=project)
    assert hand is not None
    assert [row.task_id for row in leases_of(hand)] == [split.pk]


def test_a_task_with_raised_overlap_closes_when_its_workers_prove_reliable() -> None:
    project = a_project_of_four(answers_min=3, answers_max=5, confidence_target=0.9)
    task = a_task(project)
    for worker, number in ((wren(), 1), (finch(), 1), (a_worker("robin"), 2)):
        an_answer(task, worker, class_answer(number))
    relabel(task_ids=[task.pk])
    task.refresh_from_db()
    assert (task.state, task.wanted) == ("open", 4)

    for worker in (wren(), finch()):
        some_evidence(project, worker, correct=198)
    some_evidence(project, a_worker("robin"), incorrect=29)
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    task.batch.refresh_from_db()
    assert (task.state, task.wanted, task.taken, task.batch.wanted) == ("answered", 3, 3, 3)
    assert ConsensusLabel.objects.get(task=task).body == class_answer(1)


def test_a_live_lease_on_such_a_task_is_kept() -> None:
    project = a_project_of_four(answers_min=3, answers_max=5, confidence_target=0.9, gold_rate=0)
    task = a_task(project)
    for worker, number in ((wren(), 1), (finch(), 1), (a_worker("robin"), 2)):
        an_answer(task, worker, class_answer(number))
    relabel(task_ids=[task.pk])
    assert claim_hand(worker=a_worker("tit"), project=project) is not None

    for worker in (wren(), finch()):
        some_evidence(project, worker, correct=198)
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert (task.state, task.wanted, task.taken) == ("open", 4, 4)
