"""Whether batches make their deadlines, at the pace of the project's last hour."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import TeamMember
from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.dashboard import Throughput
from tasks.analytics.forecast import Outlook, deadline_outlook, forecast
from tasks.assignment.models import Assignment
from tasks.batching.models import Batch

# Images that are set aside wait for a manager, and get no answers before that.
#
# Batches are claimed by urgency, so a batch is done when the answers of those before it are in too. Only these are
# read: `priority` and `deadline` are those of the last batch that is asked about. Members of a `team` get the batches
# that are kept for it and those for everybody, but none of other teams.
ANSWERS_AHEAD = """
WITH live AS (
    SELECT t.batch_id, count(*) AS answers FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id
    WHERE a.project_id = %(project)s AND a.state = 'leased' AND a.counts
    GROUP BY t.batch_id
), aside AS (
    SELECT t.batch_id, sum(t.wanted - t.taken) AS answers FROM tasks_setaside s JOIN tasks_task t ON t.id = s.task_id
    WHERE s.project_id = %(project)s AND s.decision = 'undecided' AND t.state = 'open'
    GROUP BY t.batch_id
), ahead AS (
    SELECT b.id, sum(b.wanted - b.taken + coalesce(live.answers, 0) - coalesce(aside.answers, 0)) OVER (
        ORDER BY b.priority DESC, b.deadline_at, b.number) AS answers
    FROM tasks_batch b LEFT JOIN live ON live.batch_id = b.id LEFT JOIN aside ON aside.batch_id = b.id
    WHERE b.project_id = %(project)s AND b.state = 'open' AND (b.taken < b.wanted OR live.answers > 0)
      AND (b.team_id IS NULL OR %(team)s::bigint IS NULL OR b.team_id = %(team)s)
      AND (b.priority > %(priority)s OR b.priority = %(priority)s AND b.deadline_at <= %(deadline)s)
)
SELECT id, answers FROM ahead WHERE id = ANY(%(batches)s)
"""

#: Further ahead than this, a forecast has no date.
MAX_HOURS = 10 * 365 * 24.0


@dataclass(frozen=True, slots=True)
class BatchDeadline:
    """Whether a batch makes its deadline, and when its last answer is expected, if that can be said.

    Without `outlook` the batch or the project is not open, so no answers come in.
    """

    outlook: Outlook | None
    done_at: datetime | None = None


def deadline_forecasts(
    *, project: Project, batches: Collection[Batch], throughput: Throughput
) -> dict[int, BatchDeadline]:
    """Return {batch id: forecast} of those batches that have a deadline; `throughput` is that of `board_figures`.

    A batch that is kept for a team goes on at the pace of the team's members.
    """
    by_team: dict[int | None, list[Batch]] = {}
    for batch in batches:
        if batch.deadline_at is not None:
            by_team.setdefault(batch.team_id, []).append(batch)
    now, is_open, found = database_now(), project.state == Project.State.OPEN, dict[int, BatchDeadline]()
    for team_id, due in by_team.items():
        answers = _answers_ahead(project, due, team_id)
        pace = throughput if team_id is None else _pace_of(project, team_id, throughput)
        found |= {batch.pk: _forecast(batch, answers.get(batch.pk, 0), is_open, pace, now) for batch in due}
    return found


def _pace_of(project: Project, team_id: int, throughput: Throughput) -> Throughput:
    """Return the pace of a team's members in the same hours."""
    since = database_now() - timedelta(hours=throughput["hours"])
    members = TeamMember.objects.filter(team_id=team_id).values("worker_id")
    recent = Assignment.objects.filter(project=project, submitted_at__gt=since, task__isnull=False)
    return {**throughput, "answers": recent.filter(worker_id__in=members).count()}


def _forecast(batch: Batch, left: int, is_open: bool, throughput: Throughput, now: datetime) -> BatchDeadline:
    assert batch.deadline_at is not None
    is_done = not left and batch.taken >= batch.wanted
    hours_left = (batch.deadline_at - now).total_seconds() / 3600
    if not is_done and hours_left > 0 and not (is_open and batch.state == Batch.State.OPEN):
        return BatchDeadline(None)
    # A batch that lacks answers which nobody can give at present, as those of a paused one, is not done.
    ahead = forecast(left=0 if is_done else max(left, 1), done=throughput["answers"], hours=throughput["hours"])
    outlook = deadline_outlook(hours_left=hours_left, ahead=ahead)["outlook"]
    if ahead is None or outlook == Outlook.ANSWERED or not is_open or batch.state != Batch.State.OPEN:
        return BatchDeadline(outlook)
    return BatchDeadline(outlook, now + timedelta(hours=min(ahead["hours"], MAX_HOURS)))


def _answers_ahead(project: Project, due: list[Batch], team_id: int | None) -> dict[int, int]:
    """Return {batch id: how many answers it and the batches before it still need}."""
    lowest = min(batch.priority for batch in due)
    params: dict[str, Any] = {
        "project": project.pk,
        "team": team_id,
        "priority": lowest,
        "deadline": max(batch.deadline_at for batch in due if batch.deadline_at and batch.priority == lowest),
        "batches": [batch.pk for batch in due],
    }
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS_AHEAD, params)
        return {batch_id: int(answers) for batch_id, answers in cursor.fetchall()}
