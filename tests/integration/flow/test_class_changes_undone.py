"""Changes of classes are undone: after answers, repairs and further changes."""

from __future__ import annotations

import pytest

from projects.models import Project
from tests import repairs, worker_actions
from tests.class_changes import DOG, FOX, MERGE, SPLIT, a_project, change, class_of, labeled, undo
from tests.labeled import a_crowd

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project()


def test_an_image_can_be_split_undone_and_split_again(project: Project) -> None:
    dog = labeled(project, DOG, DOG, DOG)
    before = repairs.state_of(project)
    for _ in range(2):
        row = change(project, SPLIT)
        for worker in a_crowd(project, 3):
            hand = worker_actions.take(worker, project)
            worker_actions.answer_all(hand, 4)
            worker_actions.settle(hand)
        repairs.relabel_all(project)
        assert class_of(dog) == 4
        undo(row)
        assert repairs.state_of(project) == before
        repairs.assert_rules(project)


def test_answers_that_were_voided_since_do_not_come_back(project: Project) -> None:
    dog = labeled(project, DOG, DOG, DOG)
    row = change(project, SPLIT)
    repairs.void_answers(project, a_crowd(project, 1)[0])
    undo(row)
    dog.refresh_from_db()
    assert (dog.state, class_of(dog)) == ("open", None)
    assert not dog.assignments.filter(counts=True).exists()
    repairs.assert_rules(project)


def test_a_repair_that_is_undone_after_a_merge_computes_the_label(project: Project) -> None:
    fox = labeled(project, FOX, FOX, FOX)
    repair = repairs.void_answers(project, a_crowd(project, 1)[0])
    row = change(project, MERGE)
    repairs.undo(repair)
    assert class_of(fox) == 2
    undo(row)
    assert class_of(fox) == 3
    repairs.assert_rules(project)
