"""The figures of quality: agreement, mix-ups, calibration and doubt, from answers, reviews and check images."""

from typing import Any

import pytest

from accounts.models import Actor
from kernel.clock import utc_now
from projects.models import Project
from tasks.analytics.quality_report import project_quality
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.gold.models import Gold
from tasks.review.services import approve_label, fix_label
from tests import factories as cast
from tests.labeled import a_crowd, an_agreed_task

pytestmark = pytest.mark.django_db


def agree(project: Project, *votes: int) -> Task:
    return an_agreed_task(project, [cast.class_answer(number) for number in votes])


def label_of(task: Task) -> ConsensusLabel:
    return ConsensusLabel.objects.get(task=task, is_current=True)


def answer_check_image(gold: Gold, worker: Actor, body: dict[str, Any]) -> None:
    """The worker's answer to the check image, in a finished set of its own."""
    now, project = utc_now(), gold.project
    hand = Hand.objects.create(
        project=project, worker=worker, size=1, state="settled", created_at=now, expires_at=now, settled_at=now
    )
    given = {"project": project, "schema_id": project.schema_id}
    assignment = Assignment.objects.create(
        **given,
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
        **given, **hashes, assignment=assignment, gold=gold, actor=worker, source="worker", body=body, created_at=now
    )


def test_without_answers_there_are_no_figures() -> None:
    assert project_quality(project=cast.a_project()) == {"answers": 0}


def test_perfect_agreement_is_one_and_a_coin_flip_is_none() -> None:
    same, coin = cast.a_project("Same"), cast.a_project("Coin")
    for number in range(12):
        agree(same, *[1 + number % 2] * 3)
        agree(coin, 1, 2)
    assert project_quality(project=same)["agreement"]["alpha"] == pytest.approx(1.0)
    assert project_quality(project=coin)["agreement"]["alpha"] < 0


def test_the_classes_that_are_mixed_up_stand_there_with_images() -> None:
    project = cast.a_project("Farm", classes=("cat", "horse", "pony"))
    for number in range(12):
        agree(project, *([1] * 6 if number < 6 else [2 + (number + place) % 2 for place in range(6)]))
    found = project_quality(project=project)["confusions"]
    assert [(row["a"], row["b"]) for row in found] == [(2, 3)]
    assert found[0]["workers"] == found[0]["of_workers"] == 6
    mixed = {str(task.public_id) for task in Task.objects.filter(project=project).order_by("pk")[6:]}
    assert set(found[0]["tasks"]) == mixed


def test_agreement_is_told_by_class_and_over_time() -> None:
    project = cast.a_project("Farm", classes=("cat", "horse", "pony"))
    for number in range(24):
        agree(project, *([1, 1, 1] if number % 2 else [2, 3, 2]))
    found = project_quality(project=project)["agreement"]
    by_class = {row["class"]: row["alpha"] for row in found["by_class"]}
    assert by_class[1] == pytest.approx(1.0)
    assert by_class[3] < 0.2
    assert len(found["over_time"]) == 2
    assert found["over_time"][0]["until"] <= found["over_time"][1]["until"]


def test_people_judge_how_sure_the_labels_were() -> None:
    project = cast.a_project("Strays", classes=("cat", "dog"))
    right, wrong, bad = (agree(project, 1, 1, 1) for _ in range(3))
    ada = cast.ada()
    approve_label(reviewer=ada, task=right, label_hash=label_of(right).content_hash)
    fix_label(reviewer=ada, task=wrong, label_hash=label_of(wrong).content_hash, raw=cast.class_answer(2))
    reject_label(reviewer=ada, task=bad, label_hash=label_of(bad).content_hash, reason="Blurred.")
    found = project_quality(project=project)["calibration"]
    assert (found["n"], found["right"]) == (3, pytest.approx(1 / 3))
    assert found["error"] == pytest.approx(found["said"] - 1 / 3)
    assert [row["n"] for row in found["bins"]] == [3]


def test_what_nobody_looked_at_judges_nothing() -> None:
    project = cast.a_project("Strays")
    task = agree(project, 1, 1, 1)
    label = label_of(task)
    label.reviews.create(project=project, task=task, label_hash=label.content_hash, verdict="approve", by_policy=True)
    assert project_quality(project=project)["calibration"]["n"] == 0


def test_check_images_judge_the_crowd_without_telling_it() -> None:
    project = cast.a_project("Strays", classes=("cat", "dog"))
    agree(project, 1, 1, 1)
    birds = a_crowd(project, 3)
    known = cast.a_gold(project, accepted=[cast.class_answer(2)])
    missed = cast.a_gold(project, accepted=[cast.class_answer(1)])
    for bird in birds:
        for gold in (known, missed):
            answer_check_image(gold, bird, cast.class_answer(2))
    found = project_quality(project=project)["calibration"]
    assert (found["n"], found["right"]) == (2, 0.5)


def test_the_least_sure_labels_that_nobody_decided_come_first() -> None:
    project = cast.a_project("Strays", classes=("cat", "dog"), answers_max=4)
    sure, split, decided = agree(project, 1, 1, 1, 1), agree(project, 1, 1, 2, 2), agree(project, 1, 2, 2, 1)
    approve_label(reviewer=cast.ada(), task=decided, label_hash=label_of(decided).content_hash)
    found = project_quality(project=project)
    assert [row["task"] for row in found["doubtful"]] == [str(split.public_id)]
    assert found["doubtful"][0]["answers"] == 4
    assert found["doubtful"][0]["other"] in (1, 2)
    assert found["labels"] == 2
    assert found["expected_wrong"] == pytest.approx(2 - label_of(sure).confidence - label_of(split).confidence)


def test_every_worker_has_a_row_by_a_pseudonym() -> None:
    project = cast.a_project("Strays", classes=("cat", "dog"))
    agree(project, 1, 1, 1)
    agree(project, 2, 2)
    rows = project_quality(project=project)["workers"]
    assert [row["answers"] for row in rows] == [2, 2, 1]
    assert {row["worker"] for row in rows} == {str(bird.public_id) for bird in a_crowd(project, 3)}
    assert all(0 < row["accuracy"] < 1 for row in rows)
    assert rows[0]["agreement"] == 1.0


def test_boxes_agree_where_they_overlap_and_mean_the_same() -> None:
    near, apart = (cast.a_project(name, classes=("cup", "leaf"), tools=("box",)) for name in ("Near", "Apart"))
    for number in range(12):
        x = 10.0 + 20 * number
        an_agreed_task(near, [cast.box_answer((1, x + n, 10, 60, 60)) for n in range(3)])
        an_agreed_task(apart, [cast.box_answer((1, x + 100 * n, 10 + 90 * n, 60, 60)) for n in range(3)])
    found = [project_quality(project=each)["agreement"] for each in (near, apart)]
    assert [each["about"] for each in found] == ["boxes", "boxes"]
    assert found[0]["alpha"] > 0.85
    assert found[1]["alpha"] < 0.2
    assert found[0]["same"] > 0.9
    assert found[0]["by_class"][0]["answers"] == 36
