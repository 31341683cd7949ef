"""What is learnt of workers is learnt anew when something changed it: once for all who ask, and not without end."""

from datetime import timedelta

import pytest

from kernel.clock import database_now
from kernel.jobs import jobs_to_resend, run_job
from kernel.models import Job, OutboxMessage
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, ConsensusState
from tasks.consensus.refit import ask_refit, refit
from tasks.flow.check_images import make_check_image, retire_check_image
from tasks.flow.jobs import refit_job
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.services import approve_label, fix_label
from tests.crowd import told
from tests.factories import a_project, a_task, ada, an_answer, an_image, class_answer, wren

pytestmark = pytest.mark.django_db


def labelled(project: Project) -> ConsensusLabel:
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    relabel(task_ids=[task.pk])
    return ConsensusLabel.objects.select_related("task").get(task=task, is_current=True)


def asked() -> int:
    return Job.objects.filter(kind="consensus.refit", state="queued").count()


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren()])


def test_fifty_settled_answers_ask_for_the_first_one(project: Project) -> None:
    label = labelled(project)
    told(project, 49)
    relabel(task_ids=[label.task_id])
    assert asked() == 0
    told(project, 50)
    relabel(task_ids=[label.task_id])
    relabel(task_ids=[label.task_id])
    assert asked() == 1


def test_then_every_tenth_part_more_does(project: Project) -> None:
    label = labelled(project)
    told(project, 1000)
    refit(project_id=project.pk)
    for settled, due in ((1099, 0), (1100, 1)):
        told(project, settled)
        relabel(task_ids=[label.task_id])
        assert asked() == due


def test_answers_that_teach_nothing_new_are_counted_as_seen(project: Project) -> None:
    label = labelled(project)
    refit(project_id=project.pk)
    told(project, 60)  # surplus and check images that are retired: settled, and nowhere in what a fit reads
    relabel(task_ids=[label.task_id])
    [job] = Job.objects.filter(kind="consensus.refit")
    Job.objects.update(not_before=None)
    run_job(job.pk, refit_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it
    relabel(task_ids=[label.task_id])
    assert (asked(), ConsensusState.objects.get().version) == (0, 1)


def test_a_check_image_does_when_it_is_made_and_when_it_is_retired(project: Project) -> None:
    gold = make_check_image(project=project, image=an_image(project), raw=class_answer(1), by=ada())
    assert asked() == 1
    Job.objects.all().delete()
    retire_check_image(gold=gold)
    assert asked() == 1


def test_a_reviewers_fix_does_and_an_approval_does_not(project: Project) -> None:
    first, second = labelled(project), labelled(project)
    approve_label(reviewer=ada(), task=first.task, label_hash=first.content_hash)
    assert asked() == 0
    fix_label(reviewer=ada(), task=second.task, label_hash=second.content_hash, raw=class_answer(2))
    assert asked() == 1


def test_a_rejection_does_because_its_answers_count_no_more(project: Project) -> None:
    label = labelled(project)
    refit(project_id=project.pk)
    before = ConsensusState.objects.get().fingerprint
    reject_label(reviewer=ada(), task=label.task, label_hash=label.content_hash, reason="It is a dog.")
    assert asked() == 1
    refit(project_id=project.pk)
    assert ConsensusState.objects.get(is_current=True).fingerprint != before


def test_many_who_ask_share_one(project: Project) -> None:
    for _ in range(3):
        ask_refit(project_id=project.pk)
    assert asked() == 1


def test_a_project_that_takes_long_to_fit_waits_in_proportion(project: Project) -> None:
    labelled(project)
    refit(project_id=project.pk)
    ConsensusState.objects.update(seconds=30.0)
    OutboxMessage.objects.all().delete()

    ask_refit(project_id=project.pk)

    [job] = Job.objects.filter(kind="consensus.refit")
    assert job.not_before is not None
    assert job.not_before - database_now() > timedelta(seconds=590)
    assert not OutboxMessage.objects.exists()
    Job.objects.update(not_before=database_now(), created_at=database_now() - timedelta(minutes=1))
    assert jobs_to_resend() == 1
    assert OutboxMessage.objects.get().job_id == job.pk


def test_the_labels_that_people_set_stay_whatever_is_learnt(project: Project) -> None:
    label = labelled(project)
    fix_label(reviewer=ada(), task=label.task, label_hash=label.content_hash, raw=class_answer(2))
    refit(project_id=project.pk)
    relabel(task_ids=[label.task_id])
    current = ConsensusLabel.objects.get(task=label.task_id, is_current=True)
    assert (current.method, current.body["image"]["class"]) == ("review", 2)
    assert Task.objects.get(pk=label.task_id).state == "approved"
