"""The console's chart: answers per hour in the last 24 hours."""

from datetime import timedelta

import pytest

from kernel.clock import utc_now
from tasks.assignment.models import Assignment
from tests.factories import a_project, a_task, an_answer, class_answer, finch, wren
from workers_ui.views.manage.console import throughput

pytestmark = pytest.mark.django_db


def test_answers_are_counted_per_hour_and_older_ones_are_left_out() -> None:
    project = a_project(workers=[wren(), finch()])
    now = utc_now()
    for hours in (0, 3, 3, 30):
        answer = an_answer(a_task(project), wren(), class_answer(1))
        moment = now.replace(minute=30 if hours else 0) - timedelta(hours=hours)
        Assignment.objects.filter(annotations=answer).update(submitted_at=moment)

    chart = throughput(project=project)

    values = chart["series"][0]["values"]
    assert (len(values), values[-1], values[-4], sum(values)) == (24, 1, 2, 3)
    assert chart["x"] == sorted(chart["x"])
