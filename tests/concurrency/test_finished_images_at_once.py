"""Finished images are asked again while workers claim and answer, labels change, and managers approve and decide."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from kernel.models import Job
from projects.models import Project
from tasks.assignment.errors import NoMoneyLeft
from tasks.assignment.services import claim_hand
from tasks.batching.locks import lock_batch
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.finished_images import FinishedImages, ask_finished_images
from tasks.flow.policy_change import OverlapUndecided, change_project_policy
from tasks.flow.relabel import relabel
from tasks.review.errors import BatchUnanswered, LabelChanged, NotAnswered
from tasks.review.services import approve_batch, approve_label
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db(transaction=True)


def a_project(count: int = 8, **policy: Any) -> Project:
    values = {"answers_min": 2, "answers_max": 2, "gold_rate": 0, "hand_size": 3, "confidence_target": 0.9, **policy}
    project = factories.a_project(**values)
    a_crowd(project, 6)
    for number in range(count):
        task = a_paid_task(project, [factories.class_answer(1), factories.class_answer(1 + number % 2)])
        if number % 3:
            label = ConsensusLabel.objects.get(task=task, is_current=True)
            approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    Job.objects.all().delete()
    return project


def run_job(project: Project, least: int = 3, *, decide_again: bool = False) -> None:
    ask_finished_images(project_id=project.pk, args=FinishedImages(least, decide_again=decide_again))


def test_two_jobs_at_once_ask_once() -> None:
    project = a_project()
    Project.objects.update(answers_min=3, answers_max=3)
    results = together(*[lambda: run_job(project)] * 6)
    assert not [each for each in results if isinstance(each, Exception)], results
    assert set(Task.objects.values_list("wanted", flat=True)) == {3}
    worker_actions.assert_invariants(project)


def test_two_jobs_at_once_decide_once() -> None:
    project = a_project()
    Project.objects.update(answers_max=5)
    results = together(*[lambda: run_job(project, 2, decide_again=True)] * 4)
    assert not [each for each in results if isinstance(each, Exception)], results
    asked = Task.objects.filter(taken__lt=F("wanted"))
    assert asked.count() == 4
    assert set(asked.values_list("wanted", flat=True)) == {3}
    worker_actions.assert_invariants(project)


def test_the_approval_of_a_batch_that_waits_for_the_job_ends_the_question() -> None:
    project = a_project()
    batch = Batch.objects.get()
    approve_batch(reviewer=factories.ada(), batch=batch)
    Project.objects.update(answers_min=3, answers_max=3)
    with transaction.atomic():
        run_job(project)
        approval = BackgroundCall(lambda: approve_batch(reviewer=factories.ada(), batch=batch))
        approval.wait_until_blocked()
    assert approval.wait_for_result() == 0
    assert not Task.objects.filter(asked_again=True).exists()
    assert Batch.objects.get().state == Batch.State.APPROVED
    worker_actions.assert_invariants(project)


def test_the_job_waits_for_a_batch_and_sees_what_was_done_with_it() -> None:
    project = a_project()
    Project.objects.update(answers_min=3, answers_max=3)
    with transaction.atomic():
        lock_batch(batch_id=Batch.objects.get().pk)
        job = BackgroundCall(lambda: run_job(project))
        job.wait_until_blocked()
        approve_batch(reviewer=factories.ada(), batch=Batch.objects.get())
    assert job.wait_for_result() is None
    assert Task.objects.filter(asked_again=True).count() == 8
    assert Batch.objects.get().state == Batch.State.OPEN
    worker_actions.assert_invariants(project)


def test_two_managers_at_once_leave_one_policy_and_whole_images() -> None:
    project = a_project()
    changes = ({"answers_min": 3, "answers_max": 3}, {"answers_min": 4, "answers_max": 4})
    results = together(
        *[lambda c=c: change_project_policy(project=project, changes=c, apply_to="finished") for c in changes]
    )
    assert not [each for each in results if isinstance(each, Exception)], results
    for job in Job.objects.filter(kind="flow.ask_finished"):
        ask_finished_images(project_id=project.pk, args=FinishedImages(**job.args))
    least = Project.objects.get().answers_min
    assert set(Task.objects.values_list("wanted", flat=True)) <= {3, 4}
    assert set(Task.objects.filter(state="approved").values_list("wanted", flat=True)) <= {3, least}
    worker_actions.assert_invariants(project)


def test_everything_at_once() -> None:
    project = a_project(12, budget=Decimal(5))
    crowd = a_crowd(project, 6)

    def work(worker: Any) -> None:
        for _ in range(4):
            try:
                hand = claim_hand(worker=worker, project=project)
            except NoMoneyLeft:
                continue
            if hand is not None:
                worker_actions.answer_all(hand, 2)
                worker_actions.settle(hand)

    def manage() -> None:
        for least, most in ((3, 3), (2, 4), (3, 5), (2, 2)):
            change_project_policy(
                project=project, changes={"answers_min": least, "answers_max": most}, apply_to="finished"
            )

    def run() -> None:
        for least in (3, 2, 3):
            run_job(project, least, decide_again=True)

    def label() -> None:
        for _ in range(3):
            relabel(task_ids=list(Task.objects.values_list("pk", flat=True)))

    def approve() -> None:
        for batch in Batch.objects.all():
            try:
                approve_batch(reviewer=factories.ada(), batch=batch)
            except (BatchUnanswered, LabelChanged, NotAnswered):
                continue

    calls = [lambda worker=worker: work(worker) for worker in crowd]
    results = together(*calls, manage, manage, run, run, label, label, approve, approve)
    unexpected = [each for each in results if isinstance(each, Exception) and not isinstance(each, OverlapUndecided)]
    assert not unexpected, unexpected
    for job in Job.objects.filter(kind="consensus.update"):
        relabel(**job.args)
    assert not Task.objects.filter(asked_again=True).exclude(state="approved").exists()
    worker_actions.assert_invariants(project)
    totals, tasks = worker_actions.stream_totals(project), Task.objects.all()
    assert totals["approved"] == tasks.filter(state="approved").count()
    assert totals["answered"] == tasks.exclude(state="open").count()
