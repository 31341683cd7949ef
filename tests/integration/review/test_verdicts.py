"""Reviewers approve a label, fix it, or override an earlier verdict."""

import pytest

from accounts.models import Actor
from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.relabel import relabel
from tasks.review.errors import AlreadyReviewed, FixRefused, LabelChanged, NotAnswered
from tasks.review.models import Review
from tasks.review.services import approve_label, fix_label
from tests.factories import a_project, a_task, a_worker, ada, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db


def an_answered_task(project: Project, number: int = 1, worker: Actor | None = None) -> Task:
    task = a_task(project)
    an_answer(task, worker or wren(), class_answer(number))
    update_labels(task_ids=[task.pk])
    task.refresh_from_db()
    return task


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])


def test_an_approval_pins_the_reviewed_label(project: Project) -> None:
    task = an_answered_task(project)

    verdict = approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))

    task.refresh_from_db()
    assert (verdict.verdict, verdict.by_policy, verdict.label_hash) == ("approve", False, hash_of(task))
    assert task.state == "approved"
    assert Event.objects.get(kind="label.approved").delta == {"approved": 1}


def test_approving_twice_is_one_approval(project: Project) -> None:
    task = an_answered_task(project)

    first = approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))

    assert approve_label(reviewer=ada(), task=task, label_hash=hash_of(task)) == first
    assert Event.objects.filter(kind="label.approved").count() == 1


def test_a_label_that_changed_meanwhile_is_not_approved(project: Project) -> None:
    task = an_answered_task(project)

    with pytest.raises(LabelChanged):
        approve_label(reviewer=ada(), task=task, label_hash="0" * 64)
    assert not Review.objects.exists()


def test_an_image_without_all_answers_cannot_be_reviewed(project: Project) -> None:
    with pytest.raises(NotAnswered):
        approve_label(reviewer=ada(), task=a_task(project), label_hash="0" * 64)


def test_a_second_reviewer_gets_a_conflict_and_may_override(project: Project) -> None:
    task = an_answered_task(project)
    approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))
    owl = a_worker("owl")

    with pytest.raises(AlreadyReviewed):
        fix_label(reviewer=owl, task=task, label_hash=hash_of(task), raw=class_answer(2))
    fix_label(reviewer=owl, task=task, label_hash=hash_of(task), raw=class_answer(2), again=True)

    assert list(Review.objects.order_by("pk").values_list("verdict", "is_current")) == [
        ("approve", False),
        ("fix", True),
    ]
    assert Event.objects.filter(kind="label.approved").count() == 1


def test_a_fix_is_a_new_version_that_records_what_it_replaced(project: Project) -> None:
    task = an_answered_task(project)
    before = ConsensusLabel.objects.get(task=task)

    verdict = fix_label(reviewer=ada(), task=task, label_hash=hash_of(task), raw=class_answer(2))

    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert verdict.label == label
    assert (label.version, label.method, label.body) == (2, "review", class_answer(2))
    assert label.evidence["replaced"]["content_hash"] == before.content_hash
    assert label.evidence["reviewer"] == str(ada().public_id)
    assert label.evidence["n"] == 1


def test_a_fix_is_never_overwritten_by_answers(project: Project) -> None:
    task = an_answered_task(project)
    fix_label(reviewer=ada(), task=task, label_hash=hash_of(task), raw=class_answer(2))

    assert relabel(task_ids=[task.pk]) == 0

    task.refresh_from_db()
    assert task.state == "approved"
    assert ConsensusLabel.objects.get(task=task, is_current=True).body == class_answer(2)


def test_a_fix_that_changes_nothing_is_an_approval(project: Project) -> None:
    task = an_answered_task(project)

    verdict = fix_label(reviewer=ada(), task=task, label_hash=hash_of(task), raw=class_answer(1))

    assert verdict.verdict == "approve"
    assert ConsensusLabel.objects.filter(task=task).count() == 1


def test_a_fix_that_violates_the_schema_reports_the_path(project: Project) -> None:
    task = an_answered_task(project)

    with pytest.raises(FixRefused) as refusal:
        fix_label(reviewer=ada(), task=task, label_hash=hash_of(task), raw=class_answer(9))

    assert refusal.value.facts == {"path": "image.class", "reason": "unknown_class"}
    assert ConsensusLabel.objects.filter(task=task).count() == 1


def test_recomputing_to_the_same_content_keeps_the_approval(project: Project) -> None:
    task = an_answered_task(project)
    approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))

    relabel(task_ids=[task.pk])

    task.refresh_from_db()
    assert task.state == "approved"
    assert Review.objects.get(task=task).is_current


def test_recomputing_to_other_content_returns_the_label_to_the_queue(project: Project) -> None:
    task = an_answered_task(project)
    approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))
    Task.objects.filter(pk=task.pk).update(wanted=3)
    task.batch.__class__.objects.filter(pk=task.batch_id).update(wanted=3, state="approved")
    an_answer(task, finch(), class_answer(2))
    an_answer(task, a_worker("robin"), class_answer(2))

    assert relabel(task_ids=[task.pk]) == 1

    task.refresh_from_db()
    task.batch.refresh_from_db()
    assert task.state == "answered"
    assert task.batch.state == "open"
    assert not Review.objects.get(task=task).is_current
    assert Event.objects.get(kind="label.changed").delta == {"approved": -1}
