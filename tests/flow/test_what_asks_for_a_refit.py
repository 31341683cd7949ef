"""A refit is requested when its input has changed: one for all requests, and at a limited rate."""

from datetime import timedelta

import pytest

from kernel.clock import database_now
from kernel.jobs import resend_lost_jobs, run_job
from kernel.models import Job, OutboxMessage
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, ConsensusState
from tasks.consensus.refit import refit, request_refit
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.jobs import refit_job
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.services import approve_label, fix_label
from tests.crowd import set_settled_count
from tests.factories import a_project, a_task, ada, an_answer, an_image, class_answer, wren

pytestmark = pytest.mark.django_db


def a_label(project: Project) -> ConsensusLabel:
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    relabel(task_ids=[task.pk])
    return ConsensusLabel.objects.select_related("task").get(task=task, is_current=True)


def queued_refits() -> int:
    return Job.objects.filter(kind="consensus.refit", state="queued").count()


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren()])


def test_fifty_settled_answers_request_the_first_refit(project: Project) -> None:
    label = a_label(project)
    set_settled_count(project, 49)
    relabel(task_ids=[label.task_id])
    assert queued_refits() == 0
    set_settled_count(project, 50)
    relabel(task_ids=[label.task_id])
    relabel(task_ids=[label.task_id])
    assert queued_refits() == 1


def test_further_refits_follow_every_ten_percent_of_new_answers(project: Project) -> None:
    label = a_label(project)
    set_settled_count(project, 1000)
    refit(project_id=project.pk)
    for settled, due in ((1099, 0), (1100, 1)):
        set_settled_count(project, settled)
        relabel(task_ids=[label.task_id])
        assert queued_refits() == due


def test_answers_without_new_evidence_are_counted_as_seen(project: Project) -> None:
    label = a_label(project)
    refit(project_id=project.pk)
    set_settled_count(project, 60)  # surplus answers and retired gold: settled, but not part of a fit's input
    relabel(task_ids=[label.task_id])
    [job] = Job.objects.filter(kind="consensus.refit")
    Job.objects.update(not_before=None)
    run_job(job.pk, refit_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it
    relabel(task_ids=[label.task_id])
    assert (queued_refits(), ConsensusState.objects.get().version) == (0, 1)


def test_creating_and_retiring_gold_requests_a_refit(project: Project) -> None:
    gold = make_gold_image(project=project, image=an_image(project), raw=class_answer(1), by=ada())
    assert queued_refits() == 1
    Job.objects.all().delete()
    retire_gold_image(gold=gold)
    assert queued_refits() == 1


def test_a_reviewers_fix_requests_a_refit_and_an_approval_does_not(project: Project) -> None:
    first, second = a_label(project), a_label(project)
    approve_label(reviewer=ada(), task=first.task, label_hash=first.content_hash)
    assert queued_refits() == 0
    fix_label(reviewer=ada(), task=second.task, label_hash=second.content_hash, raw=class_answer(2))
    assert queued_refits() == 1


def test_a_rejection_requests_a_refit_because_its_answers_no_longer_count(project: Project) -> None:
    label = a_label(project)
    refit(project_id=project.pk)
    before = ConsensusState.objects.get().fingerprint
    reject_label(reviewer=ada(), task=label.task, label_hash=label.content_hash, reason="It is a dog.")
    assert queued_refits() == 1
    refit(project_id=project.pk)
    assert ConsensusState.objects.get(is_current=True).fingerprint != before


def test_concurrent_requests_share_one_refit(project: Project) -> None:
    for _ in range(3):
        request_refit(project_id=project.pk)
    assert queued_refits() == 1


def test_the_pause_is_proportional_to_the_duration_of_the_fit(project: Project) -> None:
    a_label(project)
    refit(project_id=project.pk)
    ConsensusState.objects.update(seconds=30.0)
    OutboxMessage.objects.all().delete()

    request_refit(project_id=project.pk)

    [job] = Job.objects.filter(kind="consensus.refit")
    assert job.not_before is not None
    assert job.not_before - database_now() > timedelta(seconds=590)
    assert not OutboxMessage.objects.exists()
    Job.objects.update(not_before=database_now(), created_at=database_now() - timedelta(minutes=1))
    assert resend_lost_jobs() == 1
    assert OutboxMessage.objects.get().job_id == job.pk


def test_labels_set_by_people_survive_a_refit(project: Project) -> None:
    label = a_label(project)
    fix_label(reviewer=ada(), task=label.task, label_hash=label.content_hash, raw=class_answer(2))
    refit(project_id=project.pk)
    relabel(task_ids=[label.task_id])
    current = ConsensusLabel.objects.get(task=label.task_id, is_current=True)
    assert (current.method, current.body["image"]["class"]) == ("review", 2)
    assert Task.objects.get(pk=label.task_id).state == "approved"
