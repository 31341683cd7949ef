"""Check images, which their owner labels, are counted as neither answered nor approved, wherever images are counted."""

import importlib
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from kernel.events import number_events, stream_snapshot
from kernel.models import Event
from projects.models import Project
from tasks.analytics.dashboard import project_figures
from tasks.analytics.listings import ImageList, project_rows
from tasks.batching.models import Task
from tasks.batching.selectors import BatchList, answers_per_approved
from tasks.consensus.models import ConsensusLabel
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.qualification_images import add_qualification_image
from tasks.flow.rejection import reject_label
from tasks.gold.models import Gold
from tasks.qualification.setup import retire_image
from tasks.review.selectors import review_counts, review_progress, review_queue
from tasks.review.services import approve_label
from tests.factories import a_batch, a_credit, a_project, a_task, ada, an_answer, class_answer
from tests.labeled import a_crowd, a_labeled_task
from tests.qualifications import a_qualification

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    """Ten images, 0.02 an answer: five are check images; the others have three answers each, and three are approved."""
    project = a_project(answers_min=3, answers_max=3, price=Decimal("0.02"), gold_rate=0)
    a_batch(project)
    for _ in range(5):
        make_gold_image(project=project, image=a_task(project).image, raw=class_answer(1), by=ada())
    tasks = [a_labeled_task(project, [class_answer(1)] * 3) for _ in range(5)]
    for task in tasks[:3]:
        label = ConsensusLabel.objects.get(task=task, is_current=True)
        approve_label(reviewer=ada(), task=task, label_hash=label.content_hash)
    return project


def pay_all(project: Project) -> None:
    for task in Task.objects.filter(project=project):
        for annotation in task.annotations.all():
            a_credit(annotation)


def test_progress_leaves_them_out(project: Project) -> None:
    progress = project_figures(project=project)["progress"]
    assert {name: progress[name] for name in ("images", "open", "answered", "approved", "check_images")} == {
        "images": 5,
        "open": 0,
        "answered": 5,
        "approved": 3,
        "check_images": 5,
    }
    [row] = project_rows(actor=ada(), projects=[project])
    assert (row.images, row.answered, row.approved) == (5, 5, 3)


def test_images_of_exams_are_neither_work_nor_check_images(project: Project) -> None:
    """Made by the services; and those of tests, which have no task: they were subtracted, down to -3 check images."""
    before = project_figures(project=project)["progress"]
    row = a_qualification(project, exam=8)
    assert project_figures(project=project)["progress"] == before
    for use in ("exam", "practice"):
        image = a_task(project).image
        options: dict[str, Any] = {"use": use, "raw": class_answer(1), "explanation": "", "by": ada()}
        added = add_qualification_image(qualification=row, image=image, **options)
    assert project_figures(project=project)["progress"] == before
    retire_image(image=added)
    assert project_figures(project=project)["progress"] == before


def test_batches_and_review_leave_them_out(project: Project) -> None:
    batch: Any = BatchList(project=project)[0]
    assert (batch.tasks_count, batch.tasks_answered, batch.tasks_approved) == (5, 5, 3)
    counts = review_counts(project=project, states=("to_review", "approved"))
    assert counts == {"to_review": 2, "approved": 3}
    assert review_queue(project=project, state="approved").count() == 3
    assert review_progress(batch=batch) == {"images": 5, "unanswered": 0, "to_review": 2, "unseen": 0, "approved": 3}
    assert len(ImageList(project=project, state="approved", name="")) == 3
    assert len(ImageList(project=project, state="check", name="")) == 5


def test_an_approved_image_costs_what_its_answers_cost(project: Project) -> None:
    """Not what all answers so far cost, divided by the approved images and the check images."""
    pay_all(project)
    waiting = [a_labeled_task(project, [class_answer(1)] * 2, more=1) for _ in range(18)]
    for task in waiting:
        for annotation in task.annotations.all():
            a_credit(annotation)

    cost = project_figures(project=project)["cost"]

    assert cost["earned"] == "1.020000"
    assert (cost["answers_per_approved"], cost["per_approved"]) == (3.0, "0.060000")
    assert answers_per_approved(project=project) == 3.0


def test_without_approved_work_nothing_is_said_about_its_cost() -> None:
    project = a_project(price=Decimal("0.02"))
    make_gold_image(project=project, image=a_task(project).image, raw=class_answer(1), by=ada())
    a_credit(an_answer(a_task(project), a_crowd(project, 1)[0], class_answer(1)))
    assert project_figures(project=project)["cost"]["per_approved"] is None


def test_the_live_stream_leaves_them_out_and_counts_them_when_they_become_work(project: Project) -> None:
    number_events(project_id=project.pk)
    totals = stream_snapshot(project_id=project.pk).totals
    # The tasks of factories are made without events.
    assert (totals["approved"], totals["answered"], totals["tasks"]) == (3, 5, -5)

    gold = Gold.objects.filter(project=project).select_related("image").first()
    assert gold is not None
    retire_gold_image(gold=gold)
    task = Task.objects.get(image=gold.image)
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    reject_label(reviewer=ada(), task=task, label_hash=label.content_hash, reason="It is a dog.", again=True)
    number_events(project_id=project.pk)

    totals = stream_snapshot(project_id=project.pk).totals
    assert (totals["approved"], totals["answered"], totals["tasks"]) == (3, 5, -4)
    assert project_figures(project=project)["progress"]["images"] == 6


def test_the_feed_says_that_check_images_were_made(project: Project) -> None:
    number_events(project_id=project.pk)
    client = Client()
    client.force_login(ada().user)
    page = client.get(f"/projects/{project.public_id}/?part=feed").content.decode()
    assert "5 check images made" in page
    assert "3 labels approved" in page


def test_the_migration_takes_them_out_of_the_totals_of_live_streams(project: Project) -> None:
    migration = importlib.import_module("tasks.migrations.0017_check_images_are_not_work")
    number_events(project_id=project.pk)
    before, other = stream_snapshot(project_id=project.pk), a_project("Other")

    with connection.cursor() as cursor:
        cursor.execute(migration.LEAVE_OUT)
    number_events(project_id=project.pk)
    after = stream_snapshot(project_id=project.pk)
    left_out = {"tasks": 5, "answered": 5, "approved": 5}
    assert {name: before.totals.get(name, 0) - after.totals.get(name, 0) for name in left_out} == left_out
    assert after.number == before.number + 1
    assert not Event.objects.filter(project_id=other.pk, kind="totals.corrected").exists()

    with connection.cursor() as cursor:
        cursor.execute(migration.PUT_BACK)
    number_events(project_id=project.pk)
    assert stream_snapshot(project_id=project.pk).totals == before.totals
