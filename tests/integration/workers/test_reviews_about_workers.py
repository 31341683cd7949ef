"""A person's verdict on a label is evidence about the workers whose answers equal it, and about nobody else."""

import importlib

import pytest
from django.apps import apps
from django.db import connection, transaction

from accounts.models import Actor
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.flow.rejection import reject_label
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.standing.services import pause, resume
from tasks.workers.evidence import Counts, worker_records
from tasks.workers.models import WorkerEvidence
from tests.concurrency_helpers import together
from tests.factories import a_project, a_task, a_worker, ada, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db(transaction=True)

FILL = importlib.import_module("tasks.migrations.0021_fill_worker_evidence")


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=3, answers_max=3, workers=[wren(), finch(), a_worker("robin")])


def labeled(project: Project, *numbers: int) -> tuple[Task, str]:
    """A task that wren, finch and robin have answered with these classes, and the hash of its label."""
    task = a_task(project, wanted=len(numbers))
    for worker, number in zip((wren(), finch(), a_worker("robin")), numbers, strict=False):
        an_answer(task, worker, class_answer(number))
    update_labels(task_ids=[task.pk])
    return task, ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def reviews(project: Project, worker: Actor) -> Counts:
    return worker_records(project_id=project.pk, worker_ids=[worker.pk])[worker.pk].reviews


def of_all(project: Project) -> list[Counts]:
    return [reviews(project, worker) for worker in (wren(), finch(), a_worker("robin"))]


def test_an_approval_counts_for_those_who_gave_that_answer(project: Project) -> None:
    task, seen = labeled(project, 1, 1, 2)
    for _ in range(2):
        approve_label(reviewer=ada(), task=task, label_hash=seen)
    assert of_all(project) == [Counts(1, 0), Counts(1, 0), Counts(0, 0)]


def test_a_rejection_counts_against_them(project: Project) -> None:
    task, seen = labeled(project, 1, 1, 2)
    reject_label(reviewer=ada(), task=task, label_hash=seen, reason="A dog.")
    assert of_all(project) == [Counts(0, 1), Counts(0, 1), Counts(0, 0)]


def test_a_fix_and_the_approval_of_a_batch_say_nothing_about_single_answers(project: Project) -> None:
    (fixed, seen), _ = labeled(project, 1, 1, 2), labeled(project, 1, 1, 1)
    fix_label(reviewer=ada(), task=fixed, label_hash=seen, raw=class_answer(2))
    assert approve_batch(reviewer=ada(), batch=fixed.batch) == 1
    assert not WorkerEvidence.objects.exists()


def test_resuming_a_worker_starts_to_count_anew(project: Project) -> None:
    task, seen = labeled(project, 1, 1, 2)
    approve_label(reviewer=ada(), task=task, label_hash=seen)
    pause(project=project, worker=wren(), reason="Look again.")
    resume(project=project, worker=wren())
    assert of_all(project)[:2] == [Counts(0, 0), Counts(1, 0)]
    assert worker_records(project_id=project.pk, worker_ids=[wren().pk])[wren().pk].ever_reviews == Counts(1, 0)


def test_verdicts_of_before_are_counted_once(project: Project) -> None:
    for number in (1, 2):
        task, seen = labeled(project, 1, number, number)
        approve_label(reviewer=ada(), task=task, label_hash=seen)
    counted = of_all(project)
    assert sum((each for each in counted), Counts()).seen == 5
    WorkerEvidence.objects.all().delete()
    for _ in range(2):
        with connection.schema_editor(atomic=False) as editor:
            FILL.fill(apps, editor)
        assert of_all(project) == counted


def test_verdicts_on_answers_of_the_same_workers_given_at_once_do_not_deadlock(project: Project) -> None:
    labels = [labeled(project, *numbers) for numbers in [(1, 2, 2), (2, 1, 1), (1, 1, 2), (2, 2, 1)] * 4]
    by, owl = ada(), a_worker("owl")
    halves = [labels[::2], labels[1::2][::-1]]

    def approve(reviewer: Actor, half: list[tuple[Task, str]]) -> None:
        verdicts = [Verdict(task.public_id, seen, "approve") for task, seen in half]
        with transaction.atomic():
            give_verdicts(reviewer=reviewer, project=project, verdicts=verdicts)

    results = together(lambda: approve(by, halves[0]), lambda: approve(owl, halves[1]))

    assert results == [None, None]
    assert sum((each for each in of_all(project)), Counts()).correct == 2 * len(labels)
