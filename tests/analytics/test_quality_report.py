"""The quality report: agreement, confusions, calibration and doubtful labels, from answers, reviews and gold."""

from typing import Any

import pytest

from accounts.models import Actor
from kernel.clock import utc_now
from projects.models import Project
from tasks.analytics.listings import doubtful_labels
from tasks.analytics.quality_report import project_quality
from tasks.analytics.reports import QUALITY, get_report
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.gold.models import Gold
from tasks.review.services import approve_label, fix_label
from tests import factories
from tests.labeled import a_crowd, a_labeled_task, run_report_jobs

pytestmark = pytest.mark.django_db


def labeled_by(project: Project, *votes: int) -> Task:
    return a_labeled_task(project, [factories.class_answer(number) for number in votes])


def label_of(task: Task) -> ConsensusLabel:
    return ConsensusLabel.objects.get(task=task, is_current=True)


def answer_gold(gold: Gold, worker: Actor, body: dict[str, Any]) -> None:
    """Write the worker's answer to the gold image, in a settled hand of its own."""
    now, project = utc_now(), gold.project
    hand = Hand.objects.create(
        project=project, worker=worker, size=1, state="settled", created_at=now, expires_at=now, settled_at=now
    )
    common = {"project": project, "schema_id": project.schema_id}
    assignment = Assignment.objects.create(
        **common,
        hand=hand,
        worker=worker,
        gold=gold,
        round=1,
        position=1,
        state=Assignment.State.SUBMITTED,
        counts=False,
        rendition_id=gold.image.rendition_id,
        width=640,
        height=480,
        price=project.price,
        leased_at=now,
        expires_at=now,
        submitted_at=now,
    )
    hashes = {"body_sha256": "0" * 64, "raw_sha256": "0" * 64}
    Annotation.objects.create(
        **common, **hashes, assignment=assignment, gold=gold, actor=worker, source="worker", body=body, created_at=now
    )


def test_without_answers_the_report_is_empty() -> None:
    assert project_quality(project=factories.a_project()) == {"answers": 0}


def test_without_answers_no_label_is_likely_wrong() -> None:
    project = factories.a_project()
    get_report(QUALITY, project=project)
    run_report_jobs()
    assert doubtful_labels(project=project) == []


def test_perfect_agreement_is_one_and_coin_flips_are_below_zero() -> None:
    same, coin = factories.a_project("Same"), factories.a_project("Coin")
    for number in range(12):
        labeled_by(same, *[1 + number % 2] * 3)
        labeled_by(coin, 1, 2)
    assert project_quality(project=same)["agreement"]["alpha"] == pytest.approx(1.0)
    alpha = project_quality(project=coin)["agreement"]["alpha"]
    assert alpha is not None and alpha < 0


def test_confused_classes_are_listed_with_example_images() -> None:
    project = factories.a_project("Farm", classes=("cat", "horse", "pony"))
    for number in range(12):
        labeled_by(project, *([1] * 6 if number < 6 else [2 + (number + position) % 2 for position in range(6)]))
    pairs = project_quality(project=project)["confusions"]
    assert [(row["a"], row["b"]) for row in pairs] == [(2, 3)]
    assert pairs[0]["workers"] == pairs[0]["of_workers"] == 6
    confused = {str(task.public_id) for task in Task.objects.filter(project=project).order_by("pk")[6:]}
    assert set(pairs[0]["tasks"]) == confused


def test_agreement_is_reported_by_class_and_over_time() -> None:
    project = factories.a_project("Farm", classes=("cat", "horse", "pony"))
    for number in range(24):
        labeled_by(project, *([1, 1, 1] if number % 2 else [2, 3, 2]))
    result = project_quality(project=project)["agreement"]
    by_class = {row["class"]: row["alpha"] for row in result["by_class"]}
    assert by_class[1] == pytest.approx(1.0)
    assert by_class[3] is not None and by_class[3] < 0.2
    assert len(result["over_time"]) == 2
    assert result["over_time"][0]["until"] <= result["over_time"][1]["until"]


def test_reviews_measure_the_calibration_of_confidence() -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"))
    right, wrong, bad = (labeled_by(project, 1, 1, 1) for _ in range(3))
    ada = factories.ada()
    approve_label(reviewer=ada, task=right, label_hash=label_of(right).content_hash)
    fix_label(reviewer=ada, task=wrong, label_hash=label_of(wrong).content_hash, raw=factories.class_answer(2))
    reject_label(reviewer=ada, task=bad, label_hash=label_of(bad).content_hash, reason="Blurred.")
    result = project_quality(project=project)["calibration"]
    assert result["n"] == 3 and result["said"] is not None
    assert result["right"] == pytest.approx(1 / 3)
    assert result["error"] == pytest.approx(result["said"] - 1 / 3)
    assert [row["n"] for row in result["bins"]] == [3]


def test_labels_approved_by_policy_do_not_enter_calibration() -> None:
    project = factories.a_project("Strays")
    task = labeled_by(project, 1, 1, 1)
    label = label_of(task)
    label.reviews.create(project=project, task=task, label_hash=label.content_hash, verdict="approve", by_policy=True)
    assert project_quality(project=project)["calibration"]["n"] == 0


def test_gold_measures_calibration_without_its_known_class() -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"))
    labeled_by(project, 1, 1, 1)
    birds = a_crowd(project, 3)
    known = factories.a_gold(project, accepted=[factories.class_answer(2)])
    missed = factories.a_gold(project, accepted=[factories.class_answer(1)])
    for bird in birds:
        for gold in (known, missed):
            answer_gold(gold, bird, factories.class_answer(2))
    result = project_quality(project=project)["calibration"]
    assert (result["n"], result["right"]) == (2, 0.5)


def test_unreviewed_labels_are_listed_by_lowest_confidence() -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"), answers_max=4)
    certain, split, reviewed = (
        labeled_by(project, 1, 1, 1, 1),
        labeled_by(project, 1, 1, 2, 2),
        labeled_by(project, 1, 2, 2, 1),
    )
    approve_label(reviewer=factories.ada(), task=reviewed, label_hash=label_of(reviewed).content_hash)
    result = project_quality(project=project)
    assert [row["task"] for row in result["doubtful"]] == [str(split.public_id)]
    assert result["doubtful"][0]["answers"] == 4
    assert result["doubtful"][0]["other"] in (1, 2)
    assert result["labels"] == 2
    assert result["expected_wrong"] == pytest.approx(2 - label_of(certain).confidence - label_of(split).confidence)


def test_every_worker_has_a_row_under_a_pseudonym() -> None:
    project = factories.a_project("Strays", classes=("cat", "dog"))
    labeled_by(project, 1, 1, 1)
    labeled_by(project, 2, 2)
    rows = project_quality(project=project)["workers"]
    assert [row["answers"] for row in rows] == [2, 2, 1]
    assert {row["worker"] for row in rows} == {str(bird.public_id) for bird in a_crowd(project, 3)}
    assert all(0 < row["accuracy"] < 1 for row in rows)
    assert rows[0]["agreement"] == 1.0


def test_boxes_agree_if_they_overlap_and_have_the_same_class() -> None:
    near, apart = (factories.a_project(name, classes=("cup", "leaf"), tools=("box",)) for name in ("Near", "Apart"))
    for number in range(12):
        x = 10.0 + 20 * number
        a_labeled_task(near, [factories.box_answer((1, x + n, 10, 60, 60)) for n in range(3)])
        a_labeled_task(apart, [factories.box_answer((1, x + 100 * n, 10 + 90 * n, 60, 60)) for n in range(3)])
    result = [project_quality(project=each)["agreement"] for each in (near, apart)]
    assert [each["about"] for each in result] == ["boxes", "boxes"]
    assert (result[0]["alpha"] or 0) > 0.85
    assert result[1]["alpha"] is not None and result[1]["alpha"] < 0.2
    assert (result[0]["same"] or 0) > 0.9
    assert result[0]["by_class"][0]["answers"] == 36
