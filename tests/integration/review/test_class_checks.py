"""Bulk review by class: crops of one class are looked at, and labels that are right in all classes are approved."""

from typing import Any

import pytest

from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.review.class_checks import CROPS, Looked, Outcome, check_class, crops_to_check
from tasks.review.models import ClassCheck, Review
from tasks.review.selectors import review_queue
from tasks.review.services import approve_label
from tests.factories import a_project, a_task, a_user, ada, an_answer, box_answer, class_answer, wren
from tests.rejected import a_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project(classes=("cat", "dog", "fox"), tools=("box",), answers_min=1, answers_max=1, workers=[wren()])


def a_label(project: Project, body: dict[str, Any]) -> ConsensusLabel:
    task = a_task(project)
    an_answer(task, wren(), body)
    update_labels(task_ids=[task.pk])
    return ConsensusLabel.objects.select_related("task").get(task=task, is_current=True)


def boxes(*numbers: int) -> dict[str, Any]:
    return box_answer(*((number, 20.0 * n, 10.0, 15.0, 12.0) for n, number in enumerate(numbers)))


def look(project: Project, number: int, *labels: ConsensusLabel, struck: tuple[ConsensusLabel, ...] = ()) -> list[str]:
    seen = [Looked(label.task.public_id, label.content_hash, label in struck) for label in labels]
    outcomes = check_class(reviewer=ada(), project=project, class_number=number, labels=seen)
    return [str(outcomes[label.task.public_id]) for label in labels]


def states(*labels: ConsensusLabel) -> list[str]:
    return [Task.objects.get(pk=label.task_id).state for label in labels]


def test_crops_are_of_one_class_and_have_the_bounds_of_objects(project: Project) -> None:
    label = a_label(project, boxes(1, 2, 1))
    a_label(project, boxes(2))
    crops = crops_to_check(project=project, class_number=1).crops
    assert {crop.label for crop in crops} == {label}
    assert sorted((crop.x, crop.y, crop.w, crop.h) for crop in crops) == [(0, 10, 15, 12), (40, 10, 15, 12)]


def test_the_class_of_an_image_is_a_crop_of_all_of_it() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    label = a_label(project, class_answer(1))
    (crop,) = crops_to_check(project=project, class_number=1).crops
    assert (crop.is_image, crop.w, crop.h) == (True, 640, 480)
    assert look(project, 1, label) == ["approved"]


def test_a_label_is_approved_once_all_of_its_classes_are_right(project: Project) -> None:
    one, both = a_label(project, boxes(1)), a_label(project, boxes(1, 2))
    assert look(project, 1, one, both) == ["approved", "passed"]
    assert states(one, both) == ["approved", "answered"]
    assert crops_to_check(project=project, class_number=1).crops == []
    assert look(project, 2, both) == ["approved"]
    verdict = Review.objects.get(label=both)
    assert (verdict.verdict, verdict.by_policy, verdict.reviewer) == ("approve", False, ada())
    assert sum(event.delta["approved"] for event in Event.objects.filter(kind="label.approved")) == 2


def test_a_struck_label_stays_in_the_queue_and_the_rest_is_approved(project: Project) -> None:
    right, wrong = a_label(project, boxes(1)), a_label(project, boxes(1, 1))
    assert look(project, 1, right, wrong, struck=(wrong,)) == ["approved", "struck"]
    assert states(right, wrong) == ["approved", "answered"]
    assert list(review_queue(project=project, state="struck")) == [wrong]
    assert list(review_queue(project=project)) == [wrong]
    approve_label(reviewer=ada(), task=wrong.task, label_hash=wrong.content_hash)
    assert list(review_queue(project=project, state="struck")) == []


def test_who_looks_later_does_not_take_back_what_somebody_struck(project: Project) -> None:
    label = a_label(project, boxes(1))
    look(project, 1, label, struck=(label,))
    assert look(project, 1, label) == ["struck"]
    assert states(label) == ["answered"]
    other = a_label(project, boxes(1, 2))
    look(project, 1, other)
    look(project, 1, other, struck=(other,))
    assert look(project, 2, other) == ["struck"]


def test_a_label_that_changed_is_reported_and_left_as_it_is(project: Project) -> None:
    changed, decided, right = (a_label(project, boxes(1)) for _ in range(3))
    seen = [Looked(changed.task.public_id, "0" * 64), Looked(decided.task.public_id, decided.content_hash)]
    approve_label(reviewer=a_reviewer(), task=decided.task, label_hash=decided.content_hash)
    seen.append(Looked(right.task.public_id, right.content_hash))
    outcomes = check_class(reviewer=ada(), project=project, class_number=1, labels=seen)
    assert list(outcomes.values()) == [Outcome.STALE, Outcome.STALE, Outcome.APPROVED]
    assert Review.objects.get(label=decided).reviewer == a_reviewer()
    assert states(changed) == ["answered"]
    assert not ClassCheck.objects.filter(label=changed).exists()


def test_a_class_that_the_label_does_not_have_says_nothing(project: Project) -> None:
    label = a_label(project, boxes(1))
    assert look(project, 2, label) == ["stale"]
    assert states(label) == ["answered"]


def test_repeating_a_call_has_no_effect(project: Project) -> None:
    labels = [a_label(project, boxes(1)) for _ in range(2)]
    first = look(project, 1, *labels, struck=(labels[1],))
    assert look(project, 1, *labels, struck=(labels[1],)) == first == ["approved", "struck"]
    assert Review.objects.count() == 1


def test_own_work_is_left_to_others(project: Project) -> None:
    label = a_label(project, boxes(1))
    an_answer(label.task, ada(), boxes(1), counts=False)
    assert look(project, 1, label) == ["own_work"]
    assert not ClassCheck.objects.exists()


def test_tasks_of_other_projects_are_not_touched(project: Project) -> None:
    other = a_project("Other", tools=("box",), answers_min=1, answers_max=1)
    label = a_label(other, boxes(1))
    assert look(project, 1, label) == ["stale"]
    assert states(label) == ["answered"]


def test_a_page_ends_between_labels(project: Project) -> None:
    first, second = a_label(project, boxes(*[1] * 60)), a_label(project, boxes(*[1] * 60))
    page = crops_to_check(project=project, class_number=1)
    assert len(page.crops) == 60 <= CROPS
    assert len({crop.label for crop in page.crops}) == 1
    shown = page.crops[0].label
    look(project, 1, shown)
    assert {crop.label for crop in crops_to_check(project=project, class_number=1).crops} == {first, second} - {shown}


def test_the_statements_do_not_grow_with_the_labels(project: Project, django_assert_max_num_queries: Any) -> None:
    labels = [a_label(project, boxes(1)) for _ in range(12)]
    a_user("ada")
    seen = [Looked(label.task.public_id, label.content_hash) for label in labels]
    with django_assert_max_num_queries(20):
        check_class(reviewer=ada(), project=project, class_number=1, labels=seen)
