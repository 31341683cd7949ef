"""Two jobs, two reviewers, a reviewer and a job: each pair runs concurrently on two connections."""

import pytest

from kernel.models import Event
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.services import update_labels
from tasks.flow.errors import ImageBeingLabeled
from tasks.flow.gold_images import make_gold_image
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.gold.errors import GoldExists
from tasks.gold.models import Gold
from tasks.review.errors import AlreadyReviewed, LabelChanged, NotAnswered
from tasks.review.models import Review
from tasks.review.services import approve_batch, approve_label, fix_label
from tests.concurrency_helpers import together
from tests.factories import a_project, a_task, a_worker, ada, an_answer, class_answer, finch, some_tasks, wren

pytestmark = pytest.mark.django_db(transaction=True)


def answered(project: Project) -> Task:
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk])
    return task


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren(), finch()])


def test_concurrent_jobs_write_one_version(project: Project) -> None:
    tasks = some_tasks(project, 6, wanted=1)
    for task in tasks:
        an_answer(task, wren(), class_answer(1))
    ids = [task.pk for task in tasks]

    written = together(
        lambda: update_labels(task_ids=ids),
        lambda: update_labels(task_ids=ids[::-1]),
        lambda: update_labels(task_ids=ids),
    )

    assert sum(written) == 6
    assert ConsensusLabel.objects.count() == 6
    assert set(Posterior.objects.values_list("answers", "state_version")) == {(1, 0)}
    assert sum(event.delta["answered"] for event in Event.objects.filter(kind="task.answered")) == 6


def test_concurrent_jobs_request_one_more_answer() -> None:
    project = a_project(answers_min=2, answers_max=5, workers=[wren(), finch(), a_worker("robin")])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    an_answer(task, finch(), class_answer(2))

    together(*[lambda: relabel(task_ids=[task.pk])] * 3)

    task.refresh_from_db()
    assert (task.wanted, Batch.objects.get(pk=task.batch_id).wanted) == (3, 3)


def test_the_second_of_two_reviewers_is_refused(project: Project) -> None:
    task = answered(project)
    seen, owl = hash_of(task), a_worker("owl")
    by = ada()

    results = together(
        lambda: approve_label(reviewer=by, task=task, label_hash=seen),
        lambda: fix_label(reviewer=owl, task=task, label_hash=seen, raw=class_answer(2)),
    )

    [refused] = [result for result in results if isinstance(result, Exception)]
    assert isinstance(refused, AlreadyReviewed | LabelChanged)
    assert Review.objects.count() == 1
    assert Event.objects.filter(kind="label.approved").count() == 1


def test_two_rejections_open_one_round(project: Project) -> None:
    task = answered(project)
    seen, owl, by = hash_of(task), a_worker("owl"), ada()

    results = together(
        lambda: reject_label(reviewer=by, task=task, label_hash=seen, reason="A dog."),
        lambda: reject_label(reviewer=owl, task=task, label_hash=seen, reason="A dog."),
    )

    assert sum(isinstance(result, NotAnswered) for result in results) == 1
    task.refresh_from_db()
    assert (task.round, task.taken, task.state) == (2, 0, "open")
    assert Batch.objects.get(pk=task.batch_id).taken == 0


def test_a_rejection_concurrent_with_batch_approval_leaves_no_approved_batch_with_an_open_task(
    project: Project,
) -> None:
    tasks = some_tasks(project, 3, wanted=1)
    for task in tasks:
        an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk for task in tasks])
    seen, owl, by = hash_of(tasks[0]), a_worker("owl"), ada()

    together(
        lambda: approve_batch(reviewer=by, batch=tasks[0].batch),
        lambda: reject_label(reviewer=owl, task=tasks[0], label_hash=seen, reason="A dog."),
    )

    batch = Batch.objects.get(pk=tasks[0].batch_id)
    assert (batch.state, batch.taken, batch.wanted) == ("open", 2, 3)
    assert Task.objects.get(pk=tasks[0].pk).state == "open"


def test_gold_is_created_once(project: Project) -> None:
    task = a_task(project)
    by = ada()

    results = together(
        lambda: make_gold_image(project=project, image=task.image, raw=class_answer(1), by=by),
        lambda: make_gold_image(project=project, image=task.image, raw=class_answer(2), by=by),
    )

    [refused] = [result for result in results if isinstance(result, Exception)]
    assert isinstance(refused, GoldExists | ImageBeingLabeled)
    assert Gold.objects.get().accepted == [ConsensusLabel.objects.get().body]


def test_a_label_that_changes_while_it_is_approved_comes_back_to_the_queue(project: Project) -> None:
    task = answered(project)
    Task.objects.filter(pk=task.pk).update(wanted=3)
    Batch.objects.filter(pk=task.batch_id).update(wanted=3)
    for name in ("finch", "robin"):
        an_answer(task, a_worker(name), class_answer(2))
    seen, by = hash_of(task), ada()

    together(
        lambda: approve_label(reviewer=by, task=task, label_hash=seen),
        lambda: relabel(task_ids=[task.pk]),
    )

    task.refresh_from_db()
    assert task.state == "answered"
    assert ConsensusLabel.objects.get(task=task, is_current=True).body == class_answer(2)
    assert not Review.objects.filter(is_current=True).exists()
    assert sum(event.delta.get("approved", 0) for event in Event.objects.all()) == 0
