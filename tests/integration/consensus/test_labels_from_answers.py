"""Settled answers are aggregated into a label with its evidence."""

from math import log

import pytest

from kernel.models import Event
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.services import update_labels
from tests.factories import a_project, a_task, a_worker, admitted, an_answer, box_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db


def label_of(task: Task) -> ConsensusLabel:
    return ConsensusLabel.objects.get(task=task, is_current=True)


def test_three_answers_give_a_label_with_its_evidence() -> None:
    project = a_project(answers_min=3, answers_max=3, workers=[wren(), finch(), a_worker("robin")])
    task = a_task(project)
    answers = [an_answer(task, wren(), class_answer(1)), an_answer(task, finch(), class_answer(1))]
    answers.append(an_answer(task, a_worker("robin"), class_answer(2)))

    assert update_labels(task_ids=[task.pk]) == 1

    label = label_of(task)
    assert label.body == class_answer(1)
    assert (label.version, label.method) == (1, "blend")
    # Unknown workers are assumed right in 8 of 10 cases, but with correlated errors.
    assert 2 / 3 < label.confidence < 0.8
    assert label.evidence["class"]["votes"] == {"1": 2, "2": 1}
    assert {row["annotation"] for row in label.evidence["answers"]} == {str(row.public_id) for row in answers}
    assert {row["worker"] for row in label.evidence["answers"]} == {str(row.actor.public_id) for row in answers}
    task.refresh_from_db()
    assert task.state == "answered"
    assert [event.delta for event in Event.objects.filter(kind="task.answered")] == [{"answered": 1}]


def test_boxes_carry_votes_and_existence() -> None:
    project = a_project(tools=("box",), answers_min=3, answers_max=3, workers=[wren(), finch(), a_worker("robin")])
    task = a_task(project)
    an_answer(task, wren(), box_answer((1, 10, 10, 100, 80)))
    an_answer(task, finch(), box_answer((1, 12, 10, 100, 82), (2, 300, 300, 40, 40)))
    an_answer(task, a_worker("robin"), box_answer((1, 10, 12, 98, 80)))

    update_labels(task_ids=[task.pk])

    label = label_of(task)
    all_drew, one_drew = sorted(label.evidence["objects"], key=lambda item: -item["votes"])
    assert (all_drew["votes"], all_drew["seen"], all_drew["released"]) == (3, 3, True)
    assert all_drew["existence"] > 0.99
    assert (one_drew["votes"], one_drew["seen"]) == (1, 3)
    assert 0.5 < one_drew["existence"] < 0.9


def test_what_one_careless_worker_alone_drew_is_not_released() -> None:
    project = a_project(tools=("box",), answers_min=3, answers_max=3, workers=[wren(), a_worker("robin")])
    admitted(project, finch(), gold=(0, 8))
    task = a_task(project)
    an_answer(task, wren(), box_answer((1, 10, 10, 100, 80)))
    an_answer(task, finch(), box_answer((1, 12, 10, 100, 82), (2, 300, 300, 40, 40)))
    an_answer(task, a_worker("robin"), box_answer((1, 10, 12, 98, 80)))

    update_labels(task_ids=[task.pk])

    label = label_of(task)
    assert [item["class"] for item in label.body["objects"]] == [1]
    assert [item["released"] for item in label.evidence["objects"] if item["votes"] == 1] == [False]


def test_a_single_answer_becomes_the_label_unchanged() -> None:
    project = a_project(tools=("box",), answers_min=1, answers_max=1)
    admitted(project, wren(), gold=(7, 0))
    task = a_task(project)
    an_answer(task, wren(), box_answer((2, 5, 5, 20, 20)))

    update_labels(task_ids=[task.pk])

    label = label_of(task)
    assert label.body == box_answer((2, 5, 5, 20, 20))
    assert label.method == "single"
    assert label.confidence == pytest.approx(15 / 17, abs=1e-6)


def test_the_label_waits_for_all_answers_but_the_posterior_does_not() -> None:
    project = a_project(answers_min=2, answers_max=2, workers=[wren(), finch()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))

    assert update_labels(task_ids=[task.pk]) == 0
    assert not ConsensusLabel.objects.exists()
    assert Posterior.objects.get(task=task).answers == 1

    an_answer(task, finch(), class_answer(1))
    assert update_labels(task_ids=[task.pk]) == 1
    assert Posterior.objects.get(task=task).answers == 2


def test_unsettled_and_non_counting_answers_are_ignored() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(2), settled=False)
    an_answer(task, finch(), class_answer(1), counts=False)

    assert update_labels(task_ids=[task.pk]) == 0
    task.refresh_from_db()
    assert task.state == "open"


def test_recomputing_equal_content_writes_nothing() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk])

    assert update_labels(task_ids=[task.pk]) == 0
    assert ConsensusLabel.objects.filter(task=task).count() == 1
    assert Event.objects.filter(kind="task.answered").count() == 1


def test_a_more_trusted_worker_has_more_weight() -> None:
    project = a_project(answers_min=3, answers_max=3)
    admitted(project, wren(), gold=(97, 0))
    for name in ("finch", "robin"):
        admitted(project, a_worker(name), gold=(0, 7))
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    an_answer(task, finch(), class_answer(2))
    an_answer(task, a_worker("robin"), class_answer(2))

    update_labels(task_ids=[task.pk])

    assert label_of(task).body == class_answer(1)


def test_evidence_shows_answers_weights_versions_and_posterior() -> None:
    project = a_project(answers_min=2, answers_max=2, workers=[wren(), finch()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    an_answer(task, finch(), class_answer(1))
    update_labels(task_ids=[task.pk])

    shown = task_evidence(task=Task.objects.get(pk=task.pk))

    assert shown["label"] is not None
    assert shown["label"]["content_hash"] == label_of(task).content_hash
    assert [row["version"] for row in shown["versions"]] == [1]
    assert {row["worker"] for row in shown["answers"]} == {str(wren().public_id), str(finch().public_id)}
    assert [row["weight"] for row in shown["answers"]] == [0.8, 0.8]
    assert all(row["influence"] and 0 < row["influence"] < log(4) for row in shown["answers"])
    assert (shown["state_version"], shown["cold"], shown["learnt_at"]) == (0, True, None)
    assert 0.8 < shown["posterior"]["class"]["1"] < 16 / 17
    assert shown["confidence"] == shown["posterior"]["class"]["1"]
