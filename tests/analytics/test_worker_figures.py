"""The figures of workers: what is counted, in which order, and that they cost the same however much was done."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Actor
from kernel.clock import rfc3339, utc_now
from projects.models import Project
from tasks.analytics import worker_agreement
from tasks.analytics.worker_agreement import project_agreement
from tasks.analytics.worker_figures import WorkerFigures, WorkerRow
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.assignment.services import skip_assignment
from tasks.flow.expiry import expire_leases
from tasks.flow.relabel import relabel
from tests.factories import a_credit, a_project, a_worker, admitted, an_answer, class_answer, finch, some_tasks, wren
from tests.worker_actions import answer, expire_hand, leases_of, settle, take

pytestmark = pytest.mark.django_db


def figures_of(project: Project, worker: Actor) -> WorkerRow:
    [row] = WorkerFigures(project=project, public_id=worker.public_id)
    return row


def test_answers_count_from_submission_and_once_after_settlement() -> None:
    project = a_project(workers=[wren()], hand_size=3, gold_rate=0)
    some_tasks(project, 3)
    hand = take(wren(), project)
    first, second, third = leases_of(hand)

    answer(first)
    skip_assignment(worker=wren(), assignment_id=second.public_id)
    before = figures_of(project, wren())
    answer(third)
    settle(hand)
    after = figures_of(project, wren())

    assert (before["answers"], before["skipped"], before["earned"]) == (1, 1, "0.000000")
    assert (after["answers"], after["skipped"], after["earned"]) == (2, 1, f"{2 * project.price:.6f}")
    assert after["last_at"] == rfc3339(Annotation.objects.latest("id").created_at)


def test_images_whose_time_ran_out_are_counted_until_they_come_back() -> None:
    project = a_project(workers=[wren()], hand_size=2, gold_rate=0)
    some_tasks(project, 2)
    expire_hand(take(wren(), project))
    expire_leases()

    assert figures_of(project, wren())["expired"] == 2
    take(wren(), project)
    assert figures_of(project, wren())["expired"] == 0
    assert Assignment.objects.filter(state="leased").count() == 2


def test_workers_with_most_answers_come_first() -> None:
    project = a_project(workers=[wren(), finch()])
    for task in some_tasks(project, 2):
        a_credit(an_answer(task, finch(), class_answer(1)))

    rows = WorkerFigures(project=project)

    assert len(rows) == 2
    assert [(row["worker"], row["answers"]) for row in rows] == [
        (str(finch().public_id), 2),
        (str(wren().public_id), 0),
    ]
    assert rows[1:][0]["worker"] == str(wren().public_id)


def test_the_median_time_is_that_of_the_newest_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.analytics.worker_figures.NEWEST_TIMED", 3)
    project = a_project(workers=[wren()])
    for task, seconds in zip(some_tasks(project, 4), (500.0, 5.0, 7.0, 6.0), strict=True):
        answered = an_answer(task, wren(), class_answer(1))
        Annotation.objects.filter(pk=answered.pk).delete()
        Annotation.objects.bulk_create([timed(answered, seconds)])

    assert figures_of(project, wren())["seconds"] == 6.0


def timed(answered: Annotation, seconds: float) -> Annotation:
    """The answer again, with the time that it took: answers are append-only."""
    values = {field.attname: getattr(answered, field.attname) for field in Annotation._meta.concrete_fields}
    del values["id"], values["public_id"]
    return Annotation(**values | {"seconds": seconds, "created_at": utc_now() - timedelta(hours=1)})


def test_agreement_is_that_of_the_newest_answers_with_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [wren(), finch(), a_worker("robin")]
    project = a_project(workers=crowd, answers_min=3, answers_max=3)
    old, new, waiting = some_tasks(project, 3)
    for number, task in ((2, old), (1, new)):
        for worker in crowd:
            an_answer(task, worker, class_answer(number if worker == wren() else 1))
    an_answer(waiting, wren(), class_answer(1))
    relabel(task_ids=[old.pk, new.pk])

    assert (figures_of(project, wren())["agreement"], figures_of(project, wren())["agreement_answers"]) == (0.5, 2)
    monkeypatch.setattr(worker_agreement, "NEWEST_OF_A_WORKER", 1)
    assert figures_of(project, wren())["agreement"] == 1.0
    monkeypatch.setattr(worker_agreement, "SEARCHED_OF_A_WORKER", 1)
    assert figures_of(project, wren())["agreement"] is None
    assert project_agreement(project=project).answers == 6


def test_the_number_of_statements_does_not_depend_on_the_workers() -> None:
    def statements(count: int) -> int:
        project = a_project(f"With {count}")
        for number in range(count):
            admitted(project, a_worker(f"{count} {number}"))
        with CaptureQueriesContext(connection) as captured:
            assert len(WorkerFigures(project=project)[:]) == count
        return len(captured)

    assert statements(3) == statements(30)
