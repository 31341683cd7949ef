"""Whether batches make their deadlines, at the pace of the project's last hour."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection

from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.dashboard import forecast
from tasks.batching.models import Batch

# Batches are claimed by urgency, so a batch is done when the answers of those before it are in too. Only these are
# read: `priority` and `deadline` are those of the last batch that is asked about.
ANSWERS_AHEAD = """
WITH live AS (
    SELECT t.batch_id, count(*) AS answers FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id
    WHERE a.project_id = %(project)s AND a.state = 'leased' AND a.counts
    GROUP BY t.batch_id
), ahead AS (
    SELECT b.id, sum(b.wanted - b.taken + coalesce(live.answers, 0)) OVER (
        ORDER BY b.priority DESC, b.deadline_at, b.number) AS answers
    FROM tasks_batch b LEFT JOIN live ON live.batch_id = b.id
    WHERE b.project_id = %(project)s AND b.state = 'open' AND (b.taken < b.wanted OR live.answers > 0)
      AND (b.priority > %(priority)s OR b.priority = %(priority)s AND b.deadline_at <= %(deadline)s)
)
SELECT id, answers FROM ahead WHERE id = ANY(%(batches)s)
"""

#: Further ahead than this, a forecast has no date.
MAX_HOURS = 10 * 365 * 24.0


class DeadlineState(StrEnum):
    """How likely it is that all answers are in by the deadline."""

    ANSWERED = "answered"
    ON_TIME = "on_time"
    TIGHT = "tight"
    LATE = "late"
    OVERDUE = "overdue"
    NO_PACE = "no_pace"
    NOT_OPEN = "not_open"


@dataclass(frozen=True, slots=True)
class DeadlineForecast:
    """The outlook of a batch with a deadline, and when its last answer is expected, if that can be said.

    TIGHT: expected in time, but the 95% interval of the forecast ends after the deadline. NO_PACE: nobody answered in
    the last hour. NOT_OPEN: the batch or the project is not open, so no answers come in.
    """

    state: DeadlineState
    done_at: datetime | None = None


def deadline_forecasts(
    *, project: Project, batches: Collection[Batch], throughput: dict[str, Any]
) -> dict[int, DeadlineForecast]:
    """Return {batch id: forecast} of those batches that have a deadline; `throughput` is that of `board_figures`."""
    due = [batch for batch in batches if batch.deadline_at is not None]
    if not due:
        return {}
    now = database_now()
    answers = _answers_ahead(project, due)
    is_open = project.state == Project.State.OPEN
    return {batch.pk: _forecast(batch, answers.get(batch.pk, 0), is_open, throughput, now) for batch in due}


def _forecast(batch: Batch, left: int, is_open: bool, throughput: dict[str, Any], now: datetime) -> DeadlineForecast:
    assert batch.deadline_at is not None
    if not left and batch.taken >= batch.wanted:
        return DeadlineForecast(DeadlineState.ANSWERED)
    over = batch.deadline_at <= now
    if not is_open or batch.state != Batch.State.OPEN:
        return DeadlineForecast(DeadlineState.OVERDUE if over else DeadlineState.NOT_OPEN)
    expected = forecast(left=left, done=throughput["answers"], hours=throughput["hours"])
    if expected is None:
        return DeadlineForecast(DeadlineState.OVERDUE if over else DeadlineState.NO_PACE)
    hours_left = (batch.deadline_at - now).total_seconds() / 3600
    if over:
        state = DeadlineState.OVERDUE
    elif expected["hours"] > hours_left:
        state = DeadlineState.LATE
    elif expected["high"] is None or expected["high"] > hours_left:
        state = DeadlineState.TIGHT
    else:
        state = DeadlineState.ON_TIME
    return DeadlineForecast(state, now + timedelta(hours=min(expected["hours"], MAX_HOURS)))


def _answers_ahead(project: Project, due: list[Batch]) -> dict[int, int]:
    """Return {batch id: how many answers it and the batches before it still need}."""
    lowest = min(batch.priority for batch in due)
    params: dict[str, Any] = {
        "project": project.pk,
        "priority": lowest,
        "deadline": max(batch.deadline_at for batch in due if batch.deadline_at and batch.priority == lowest),
        "batches": [batch.pk for batch in due],
    }
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS_AHEAD, params)
        return {batch_id: int(answers) for batch_id, answers in cursor.fetchall()}
