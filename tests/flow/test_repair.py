"""Answers of a worker are voided, and that is undone: what a manager sees before is what happens."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Actor
from kernel.models import Job
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import counting_answers
from tasks.flow.repair import run_repair, start_repair, undo_repair
from tasks.pay.models import LedgerEntry
from tasks.repair.models import Repair, RepairedTask
from tasks.review.services import approve_batch, approve_label
from tests import factories, worker_actions
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db

CAT, DOG = factories.class_answer(1), factories.class_answer(2)


def a_project(**policy: Any) -> Project:
    values: dict[str, Any] = {
        "answers_min": 2,
        "answers_max": 2,
        "gold_rate": 0,
        "confidence_target": 0.5,
        "price": "0.05",
    } | policy
    project = factories.a_project(**values)
    project.refresh_from_db()
    a_crowd(project, 4)
    return project


def approve(task: Task) -> None:
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)


def bad(project: Project) -> Actor:
    return a_crowd(project, 1)[0]


def void_all(project: Project, **options: Any) -> Repair:
    repair = start_repair(project=project, worker=bad(project), by=factories.ada(), reason="Random answers.", **options)
    run_repair(repair_id=repair.pk)
    repair.refresh_from_db()
    return repair


def undo(repair: Repair) -> None:
    undo_repair(repair=repair, by=factories.ada(), reason="The wrong worker.")
    run_repair(repair_id=repair.pk)
    repair.refresh_from_db()


def state_of(task: Task) -> tuple[Any, ...]:
    row = Task.objects.get(pk=task.pk)
    label = ConsensusLabel.objects.filter(task=task, is_current=True).first()
    return (
        row.state,
        row.wanted,
        row.taken,
        row.asked_again,
        label and label.body["image"]["class"],
        label and label.version,
    )


def test_an_image_with_enough_other_answers_keeps_its_label_and_its_approval() -> None:
    project = a_project()
    task = a_paid_task(project, [DOG, CAT, CAT])
    approve(task)
    repair = void_all(project)
    assert repair.state == Repair.State.VOIDED
    assert state_of(task) == ("approved", 2, 2, False, 1, 1)
    assert RepairedTask.objects.get().effect == "kept"
    worker_actions.assert_invariants(project)


def test_an_image_with_too_few_other_answers_opens_again_without_a_label() -> None:
    project = a_project()
    task = a_paid_task(project, [CAT, CAT])
    approve_batch(reviewer=factories.ada(), batch=Batch.objects.get())
    void_all(project)
    assert state_of(task) == ("open", 2, 1, False, None, None)
    assert Batch.objects.get().state == Batch.State.OPEN
    assert RepairedTask.objects.get().effect == "reopened"
    worker_actions.assert_invariants(project)


def test_a_label_that_changes_without_the_answers_goes_back_to_review() -> None:
    project = a_project(answers_min=1, answers_max=1)
    task = a_paid_task(project, [DOG, CAT])
    before = state_of(task)
    approve(task)
    if before[4] == 1:
        # The tie was broken for the other answer: the label does not rest on the void one.
        Job.objects.all().delete()
    void_all(project)
    assert state_of(task)[4] == 1
    assert state_of(task)[0] == ("approved" if before[4] == 1 else "answered")
    worker_actions.assert_invariants(project)


def test_from_the_commit_on_nothing_reads_the_answers() -> None:
    project = a_project()
    task = a_paid_task(project, [DOG, CAT, CAT])
    start_repair(project=project, worker=bad(project), by=factories.ada(), reason="Random answers.")
    assert [each.body for each in counting_answers(task_ids=[task.pk])[task.pk]] == [CAT, CAT]


def test_pay_stays_unless_it_is_taken_back_and_the_undo_gives_it_back() -> None:
    project = a_project()
    a_paid_task(project, [DOG, CAT, CAT])
    a_paid_task(project, [DOG, CAT, CAT])
    repair = void_all(project)
    assert not LedgerEntry.objects.filter(kind="correction").exists()
    undo(repair)
    repair = void_all(project, pay="take_back")
    assert repair.amount == Decimal("0.10")
    assert list(LedgerEntry.objects.filter(kind="correction").values_list("amount", flat=True)) == [Decimal("-0.10")]
    undo(repair)
    amounts = LedgerEntry.objects.filter(kind="correction").order_by("pk").values_list("amount", flat=True)
    assert list(amounts) == [Decimal("-0.10"), Decimal("0.10")]


def test_undo_puts_labels_verdicts_and_batches_back() -> None:
    project = a_project()
    tasks = [a_paid_task(project, bodies) for bodies in ([CAT, CAT], [DOG, CAT, CAT], [DOG, DOG])]
    approve(tasks[0])
    approve_batch(reviewer=factories.ada(), batch=Batch.objects.get())
    before = [state_of(task) for task in tasks]
    approved_at = Batch.objects.get().approved_at
    repair = void_all(project)
    assert [state_of(task) for task in tasks] != before
    undo(repair)
    assert repair.state == Repair.State.RESTORED
    assert [state_of(task) for task in tasks] == before
    assert (Batch.objects.get().state, Batch.objects.get().approved_at) == ("approved", approved_at)
    worker_actions.assert_invariants(project)


def test_answers_that_came_in_between_are_surplus_after_the_undo() -> None:
    project = a_project()
    task = a_paid_task(project, [CAT, CAT])
    approve(task)
    before = state_of(task)
    repair = void_all(project)
    third = a_crowd(project, 3)[2]
    late = factories.an_answer(task, third, DOG)
    factories.a_credit(late)
    undo(repair)
    assert state_of(task) == before
    assert late.assignment is not None
    assert not Assignment.objects.get(pk=late.assignment.pk).counts
    worker_actions.assert_invariants(project)


def test_what_a_person_decided_since_stays() -> None:
    project = a_project()
    task = a_paid_task(project, [DOG, DOG, CAT, CAT])
    repair = void_all(project)
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    approve(task)
    undo(repair)
    after = state_of(task)
    assert after[:4] == ("approved", 4, 4, False)
    assert ConsensusLabel.objects.get(task=task, is_current=True) == label
    worker_actions.assert_invariants(project)
