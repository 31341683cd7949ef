"""Labeling, approving and claiming across batches do not deadlock."""

from collections.abc import Sequence

import pytest
from django.db import transaction

from annotary_core.labels.answer import Answer
from projects.models import Project
from projects.services import write_instructions
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels, write_version
from tasks.review.services import approve_batch, approve_label, drop_stale_verdicts
from tests.concurrency_helpers import BackgroundCall
from tests.factories import a_batch, a_project, a_task, ada, an_answer, class_answer, finch, wren

pytestmark = pytest.mark.django_db(transaction=True)


def lock(model: type[Project] | type[Task], pk: int) -> None:
    model._default_manager.select_for_update(no_key=True).get(pk=pk)


def test_a_claim_by_batch_priority_does_not_deadlock_with_labeling() -> None:
    worker = wren()
    project = a_project(answers_min=2, hand_size=2, gold_rate=0, workers=[worker, finch()])
    later, first = a_batch(project), a_batch(project, priority=10)
    tasks = [a_task(project, batch=later), a_task(project, batch=first)]
    for task in tasks:
        an_answer(task, finch(), class_answer(1))
    ids: Sequence[int] = [task.pk for task in tasks]
    with transaction.atomic():
        lock(Task, ids[0])
        labeling = BackgroundCall(lambda: update_labels(task_ids=ids))
        labeling.wait_until_blocked()
        claiming = BackgroundCall(lambda: claim_hand(worker=worker, project=project))
        claiming.wait_until_blocked(by=labeling)

    hand = claiming.wait_for_result()
    assert isinstance(hand, Hand), hand
    assert hand.size == 2
    assert labeling.wait_for_result() == 0


def test_returning_labels_to_review_holds_one_task_at_a_time() -> None:
    """A claim that takes tasks of a batch twice may hold a later task when it waits for an earlier one."""
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    earlier, later = a_task(project), a_task(project)
    for task in (earlier, later):
        an_answer(task, wren(), class_answer(1))
        update_labels(task_ids=[task.pk])
        approve_label(reviewer=ada(), task=task, label_hash=ConsensusLabel.objects.get(task=task).content_hash)
        write_version(task=task, answer=Answer.from_json(class_answer(2)), method="em", evidence=LabelEvidence())
    with transaction.atomic():
        lock(Task, later.pk)
        dropping = BackgroundCall(lambda: drop_stale_verdicts(task_ids=[earlier.pk, later.pk]))
        dropping.wait_until_blocked()
        lock(Task, earlier.pk)
    assert dropping.wait_for_result() == 2


def test_approving_a_batch_does_not_wait_for_an_import_that_adds_tasks() -> None:
    by = ada()
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    update_labels(task_ids=[task.pk])
    with transaction.atomic():
        lock(Project, project.pk)
        assert BackgroundCall(lambda: approve_batch(reviewer=by, batch=task.batch)).wait_for_result() == 1
    assert Batch.objects.get().state == Batch.State.APPROVED


def test_the_same_instructions_sent_twice_concurrently_are_one_version() -> None:
    by, project = ada(), a_project()
    with transaction.atomic():
        first = write_instructions(project=Project.objects.get(pk=project.pk), by=by, body="Mark every bird.")
        second = BackgroundCall(lambda: write_instructions(project=project, by=by, body="Mark every bird."))
        second.wait_until_blocked()
    assert second.wait_for_result() == first
