"""Another answer is asked for while it promises something, where it promises most first, and not once it is sure."""

from typing import Any

import pytest

from projects.models import Project
from tasks.assignment.selectors import assignments_of
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.stopping_policy import Somebody, gain_of, wants_more
from tasks.flow.relabel import relabel
from tasks.standing.models import Standing
from tests.factories import a_project, a_task, a_worker, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db

ASKED = Somebody(0.8, 0.8)
EVEN = {"class": {"1": 0.5, "2": 0.5}}
TWO_OF_THREE = {"class": {"1": 0.73, "2": 0.27}}


def three(**policy: Any) -> Project:
    people = [wren(), finch(), a_worker("robin"), a_worker("tit")]
    return a_project(workers=people, **policy)


def test_a_target_that_is_reached_stops_and_so_does_an_answer_that_promises_nothing() -> None:
    project = three(answers_min=2, answers_max=9, confidence_target=0.7)
    assert wants_more(project=project, posterior=EVEN, confidence=0.5, answers=2, asked=ASKED)
    assert not wants_more(project=project, posterior=TWO_OF_THREE, confidence=0.73, answers=3, asked=ASKED)
    project.confidence_target = 0.99
    assert wants_more(project=project, posterior=TWO_OF_THREE, confidence=0.73, answers=3, asked=ASKED)
    sure = {"class": {"1": 0.99999, "2": 0.00001}}
    project.confidence_target = 1.0
    assert not wants_more(project=project, posterior=sure, confidence=0.99999, answers=3, asked=ASKED)


def test_one_answer_that_cannot_turn_the_label_is_not_bought() -> None:
    project = three(answers_min=3, answers_max=4, confidence_target=0.9)
    nearly = {"class": {"1": 0.85, "2": 0.15}}
    assert gain_of(posterior=nearly, asked=ASKED, answers=2, remaining=1) == 0.0
    assert not wants_more(project=project, posterior=nearly, confidence=0.85, answers=3, asked=ASKED)
    assert gain_of(posterior=nearly, asked=ASKED, answers=2, remaining=2) > 0.0


def test_every_decision_of_an_image_adds_to_what_an_answer_promises() -> None:
    thing = {"existence": 0.5, "class": {"1": 1.0}}
    one, two = ({"objects": {str(n): thing for n in range(count)}} for count in (1, 2))
    assert gain_of(posterior=two, asked=ASKED, answers=2) == pytest.approx(
        2 * gain_of(posterior=one, asked=ASKED, answers=2)
    )
    assert gain_of(posterior={"objects": {}}, asked=ASKED, answers=2) == 0.0


def test_what_promises_most_is_given_out_first() -> None:
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
    assert [row.task_id for row in assignments_of(hand)] == [split.pk]


def test_an_image_that_was_asked_again_closes_when_its_workers_turn_out_good() -> None:
    project = three(answers_min=3, answers_max=5, confidence_target=0.9)
    task = a_task(project)
    for worker, number in ((wren(), 1), (finch(), 1), (a_worker("robin"), 2)):
        an_answer(task, worker, class_answer(number))
    relabel(task_ids=[task.pk])
    task.refresh_from_db()
    assert (task.state, task.wanted) == ("open", 4)

    Standing.objects.filter(worker__in=[wren(), finch()]).update(trust_alpha=200.0)
    Standing.objects.filter(worker=a_worker("robin")).update(trust_beta=30.0)
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    task.batch.refresh_from_db()
    assert (task.state, task.wanted, task.taken, task.batch.wanted) == ("answered", 3, 3, 3)
    assert ConsensusLabel.objects.get(task=task).body == class_answer(1)


def test_nobody_who_has_such_an_image_in_hand_loses_it() -> None:
    project = three(answers_min=3, answers_max=5, confidence_target=0.9, gold_rate=0)
    task = a_task(project)
    for worker, number in ((wren(), 1), (finch(), 1), (a_worker("robin"), 2)):
        an_answer(task, worker, class_answer(number))
    relabel(task_ids=[task.pk])
    assert claim_hand(worker=a_worker("tit"), project=project) is not None

    Standing.objects.filter(worker__in=[wren(), finch()]).update(trust_alpha=200.0)
    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert (task.state, task.wanted, task.taken) == ("open", 4, 4)
