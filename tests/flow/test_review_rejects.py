"""A rejected label: its answers no longer count, and the image is labeled again."""

import pytest

from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.errors import AlreadyReviewed, NotAnswered, ReasonMissing
from tasks.review.models import Review
from tasks.review.selectors import review_queue
from tasks.review.services import approve_batch, approve_label
from tests.factories import a_project, a_task, a_worker, ada, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db
WHY = "The animal is a dog."


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=2, answers_max=3, workers=[wren(), finch()])


@pytest.fixture
def task(project: Project) -> Task:
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    an_answer(task, finch(), class_answer(1))
    relabel(task_ids=[task.pk])
    return task


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def test_the_round_is_voided_and_a_new_one_starts(task: Task) -> None:
    generation = Batch.objects.get(pk=task.batch_id).generation

    reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason=WHY)

    task.refresh_from_db()
    batch = Batch.objects.get(pk=task.batch_id)
    assert (task.state, task.round, task.wanted, task.taken) == ("open", 2, 2, 0)
    assert (batch.wanted, batch.taken, batch.generation) == (2, 0, generation + 1)
    assert set(Assignment.objects.values_list("state", "counts")) == {("submitted", False)}
    assert Event.objects.get(kind="label.rejected").delta == {"rejected": 1}
    assert Event.objects.get(kind="task.reopened").delta == {"answered": -1}


def test_an_approved_batch_reopens_and_its_other_slots_stay_counted(project: Project, task: Task) -> None:
    other = a_task(project, batch=task.batch)
    an_answer(other, wren(), class_answer(2))
    an_answer(other, finch(), class_answer(2))
    relabel(task_ids=[other.pk])
    approve_batch(reviewer=ada(), batch=task.batch)

    reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason=WHY)

    batch = Batch.objects.get(pk=task.batch_id)
    assert (batch.state, batch.wanted, batch.taken, batch.approved_at) == ("open", 4, 2, None)
    assert Event.objects.get(kind="task.reopened").delta == {"answered": -1, "approved": -1}


def test_the_label_of_a_redo_is_reviewed_again_even_if_equal(project: Project, task: Task) -> None:
    rejected = hash_of(task)
    reject_label(reviewer=ada(), task=task, label_hash=rejected, reason=WHY)
    assert review_queue(project=project, state="rejected").count() == 1
    for name in ("robin", "tit"):
        an_answer(task, a_worker(name), class_answer(1))

    assert relabel(task_ids=[task.pk]) == 1

    assert hash_of(task) == rejected
    label = review_queue(project=project, state="to_review").get()
    assert (label.version, label.evidence["round"]) == (2, 2)
    approve_label(reviewer=ada(), task=task, label_hash=rejected)
    assert list(Review.objects.order_by("pk").values_list("verdict", "is_current")) == [
        ("reject", False),
        ("approve", True),
    ]


def test_answers_of_the_first_round_do_not_count_for_the_second_label(task: Task) -> None:
    reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason=WHY)
    an_answer(task, a_worker("robin"), class_answer(2))

    assert relabel(task_ids=[task.pk]) == 0
    task.refresh_from_db()
    assert task.state == "open"


def test_a_label_approved_by_a_person_is_rejected_only_with_again(task: Task) -> None:
    approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))

    with pytest.raises(AlreadyReviewed):
        reject_label(reviewer=a_worker("owl"), task=task, label_hash=hash_of(task), reason=WHY)
    reject_label(reviewer=a_worker("owl"), task=task, label_hash=hash_of(task), reason=WHY, again=True)

    task.refresh_from_db()
    assert task.state == "open"


def test_a_rejected_label_cannot_be_rejected_again_before_its_redo(task: Task) -> None:
    reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason=WHY)

    with pytest.raises(NotAnswered):
        reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason=WHY)
    task.refresh_from_db()
    assert task.round == 2


def test_a_rejection_needs_a_reason(task: Task) -> None:
    with pytest.raises(ReasonMissing):
        reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason="  ")
    task.refresh_from_db()
    assert task.state == "answered"
