"""Answers replayed with other settings: their cost and the quality of the resulting labels."""

from decimal import Decimal
from typing import Any

import pytest

from projects.models import Project
from tasks.analytics.what_if import project_replay, wilson_interval
from tasks.consensus.models import ConsensusLabel
from tasks.review.services import approve_label
from tests import factories
from tests.labeled import a_labeled_task

pytestmark = pytest.mark.django_db


def replay(project: Project, low: int = 2, high: int = 4, **overrides: Any) -> Any:
    settings: dict[str, Any] = {"confidence": 0.9, "method": "blend"} | overrides
    return project_replay(project=project, answers_min=low, answers_max=high, **settings)


def rows(body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in body["rows"] if row["kind"] == kind]


@pytest.fixture
def strays() -> Project:
    """Ten images with four answers each: the last three are right, the first is always wrong."""
    project = factories.a_project(
        "Strays", answers_min=4, answers_max=4, classes=("cat", "dog"), price=Decimal("0.05"), gold_rate=0.2
    )
    for number in range(10):
        right = 1 + number % 2
        a_labeled_task(project, [factories.class_answer(3 - right), *[factories.class_answer(right)] * 3])
    return project


def test_a_project_without_answers_has_no_rows() -> None:
    assert replay(factories.a_project())["rows"] == []


def test_costs_cover_all_images_and_their_gold(strays: Project) -> None:
    factories.a_task(strays)
    body = replay(strays)
    assert (body["tasks"], body["images"], body["answers"]) == (10, 11, 40)
    fixed = rows(body, "fixed")
    assert [row["answers_per_image"] for row in fixed] == [1, 2, 3, 4]
    # 11 images at 0.05 per answer, and one answer in five goes to gold.
    assert [row["cost"] for row in fixed] == ["0.69", "1.38", "2.06", "2.75"]


def test_today_uses_all_given_answers(strays: Project) -> None:
    today = rows(replay(strays), "today")[0]
    assert (today["answers_per_image"], today["agreement"], today["cost"]) == (4.0, 1.0, "2.50")


def test_approved_labels_are_the_ground_truth(strays: Project) -> None:
    assert rows(replay(strays), "today")[0]["accuracy"] is None
    for label in ConsensusLabel.objects.filter(project=strays, is_current=True):
        approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    body = replay(strays)
    assert body["judged"] == 10
    assert rows(body, "today")[0]["accuracy"] == 1.0
    assert rows(body, "fixed")[0]["accuracy"] < 1.0


def test_a_higher_confidence_target_needs_no_fewer_answers(strays: Project) -> None:
    requested = [rows(replay(strays, 1, 4, confidence=target), "asked")[0] for target in (0.5, 0.9, 1.0)]
    counts = [row["answers_per_image"] for row in requested]
    assert counts == sorted(counts)
    assert counts[0] == 1.0
    assert 1.0 < counts[2] <= 4.0


def test_equal_minimum_and_maximum_is_a_fixed_number(strays: Project) -> None:
    body = replay(strays, 3, 3)
    requested = rows(body, "asked")[0]
    assert (requested["answers_per_image"], requested["confidence"]) == (3.0, None)
    assert rows(body, "dynamic") == []


@pytest.mark.parametrize("method", ["blend", "one-coin", "majority"])
def test_every_method_can_be_replayed(strays: Project, method: str) -> None:
    assert rows(replay(strays, method=method), "asked")[0]["agreement"] > 0


def test_boxes_are_replayed_by_image() -> None:
    project = factories.a_project("Things", classes=("cup", "leaf"), tools=("box",), answers_min=3, answers_max=3)
    for number in range(8):
        boxes = [factories.box_answer((1, 10.0 + 20 * number + n, 10, 60, 60)) for n in range(3)]
        a_labeled_task(project, boxes)
    for label in ConsensusLabel.objects.filter(project=project, is_current=True)[:4]:
        approve_label(reviewer=factories.ada(), task=label.task, label_hash=label.content_hash)
    body = replay(project, 1, 3)
    assert (body["kind"], body["answers"], body["judged"]) == ("boxes", 24, 4)
    assert rows(body, "today")[0]["accuracy"] == 1.0
    assert rows(body, "today")[0]["low"] is None
    assert [row["answers_per_image"] for row in rows(body, "fixed")] == [1, 2, 3]


def test_the_interval_of_a_share_is_within_0_and_1() -> None:
    assert wilson_interval(None, 10) == (None, None)
    assert wilson_interval(0.5, 0) == (None, None)
    low, high = wilson_interval(1.0, 20)
    assert high == 1.0
    assert low == pytest.approx(0.8389, abs=1e-3)
