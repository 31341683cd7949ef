"""Whether a batch makes its deadline, at the pace of the last hour and after the batches that come before it."""

from datetime import timedelta
from typing import Any

import pytest

from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.batch_deadlines import BatchDeadline, deadline_forecasts
from tasks.analytics.dashboard import Throughput, board_figures
from tasks.analytics.forecast import Outlook
from tasks.assignment.models import Assignment, SetAside
from tasks.batching.models import Batch, Task
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

#: 100 answers in the last hour: the 95% interval of an hour's work is about 49 to 74 minutes.
PACE: Throughput = {"answers": 100, "workers": 1, "hours": 1.0}


@pytest.fixture
def project() -> Project:
    return factories.a_project(gold_rate=0, answers_min=1, hand_size=5, workers=[factories.wren()])


def a_batch(project: Project, *, left: int, hours: float | None = None, **fields: Any) -> Batch:
    due = None if hours is None else database_now() + timedelta(hours=hours)
    batch = factories.a_batch(project, deadline_at=due, **fields)
    task = factories.a_task(project, batch=batch, wanted=left or 1)
    if not left:
        factories.an_answer(task, factories.finch(), factories.class_answer(1))
    return Batch.objects.get(pk=batch.pk)


def outlooks(project: Project, *batches: Batch, throughput: Throughput | None = None) -> list[BatchDeadline]:
    found = deadline_forecasts(project=project, batches=batches, throughput=throughput or PACE)
    return [found[batch.pk] for batch in batches]


def hours_until(each: BatchDeadline) -> float:
    assert each.done_at is not None
    return round((each.done_at - database_now()).total_seconds() / 3600, 1)


def test_only_batches_with_a_deadline_have_a_forecast(project: Project) -> None:
    assert deadline_forecasts(project=project, batches=[a_batch(project, left=3)], throughput=PACE) == {}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(1.5, Outlook.MET), (1.1, Outlook.LIKELY), (0.9, Outlook.UNLIKELY), (0.5, Outlook.MISSED), (-1, Outlook.PASSED)],
)
def test_the_outlook_compares_the_deadline_with_the_forecast(project: Project, hours: float, expected: str) -> None:
    (found,) = outlooks(project, a_batch(project, left=100, hours=hours))
    assert (found.outlook, hours_until(found)) == (expected, 1.0)


def test_a_batch_is_done_after_those_before_it(project: Project) -> None:
    a_batch(project, left=1_000)  # without a deadline, so after all of them
    a_batch(project, left=1_000, priority=-1, hours=1)
    last = a_batch(project, left=100, hours=9)
    first = a_batch(project, left=200, hours=2.5)
    a_batch(project, left=300, priority=1)
    a_batch(project, left=5_000, priority=2, state="paused")
    found = outlooks(project, last, first)
    assert [hours_until(each) for each in found] == [6.0, 5.0]
    assert [each.outlook for each in found] == [Outlook.MET, Outlook.MISSED]


def test_images_in_a_set_still_have_to_be_answered(project: Project) -> None:
    batch = a_batch(project, left=1, hours=1)
    worker_actions.take(factories.wren(), project)
    batch.refresh_from_db()
    (found,) = outlooks(project, batch)
    assert (batch.taken, batch.wanted, found.outlook) == (1, 1, Outlook.MET)
    Assignment.objects.update(state="submitted", submitted_at=database_now())
    assert outlooks(project, batch)[0].outlook == Outlook.ANSWERED


def test_without_answers_or_while_nothing_is_open_there_is_no_time(project: Project) -> None:
    quiet: Throughput = {"answers": 0, "workers": 0, "hours": 1.0}
    batches = [a_batch(project, left=1, hours=1), a_batch(project, left=1, hours=1, state="paused")]
    batches += [a_batch(project, left=1, hours=-1), a_batch(project, left=0, hours=-1)]
    expected = [Outlook.UNKNOWN, None, Outlook.PASSED, Outlook.ANSWERED]
    found = outlooks(project, *batches, throughput=quiet)
    assert found == [BatchDeadline(each) for each in expected]
    Project.objects.update(state="paused")
    (paused,) = outlooks(Project.objects.get(), batches[0])
    assert paused == BatchDeadline(None)


def test_answers_of_images_that_are_set_aside_do_not_come(project: Project) -> None:
    """Neither for the batch that has them nor for those after it."""
    first, second = a_batch(project, left=100, hours=1), a_batch(project, left=100, hours=2)
    task = factories.a_task(project, batch=first, wanted=50)
    assert [hours_until(each) for each in outlooks(project, first, second)] == [1.5, 2.5]
    Task.objects.filter(pk=task.pk).update(is_set_aside=True)
    SetAside.objects.create(project=project, task=task, workers=3, created_at=database_now())
    assert [hours_until(each) for each in outlooks(project, first, second)] == [1.0, 2.0]
    figures = board_figures(project=project)
    assert (figures["progress"]["answers_left"], figures["progress"]["places_open"]) == (200, 250)
