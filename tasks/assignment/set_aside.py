"""Images that many workers skip are set aside: nobody new is offered them until a manager decides.

Gold is set aside like work, by the same statements: if only work were, an image that a worker gets after others have
skipped it would be gold. What a worker was shown and returned still comes back to that worker, gold and work alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, F, QuerySet, Sum

from accounts.models import Actor
from annotary_core.labels.names import has_control
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from tasks.assignment.models import MAX_NOTE, Assignment, SetAside
from tasks.batching.models import Task
from tasks.gold.models import Gold

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# Needs the lock of the image's task, which gold has too, so no skip is counted too early or not at all. Each worker is
# counted once, however many rounds they skipped; skips before the last decision are not.
SET_ASIDE = """
WITH image AS MATERIALIZED (
    SELECT a.project_id, a.task_id, a.gold_id, p.skips_to_manager AS most, (
        SELECT max(s.decided_at) FROM tasks_setaside s WHERE s.task_id = a.task_id OR s.gold_id = a.gold_id) AS since
    FROM tasks_assignment a JOIN projects_project p ON p.id = a.project_id
    WHERE a.id = %(assignment)s
), skips AS MATERIALIZED (
    SELECT image.*, (
        SELECT count(DISTINCT a.worker_id) FROM tasks_assignment a
        WHERE (a.task_id = image.task_id OR a.gold_id = image.gold_id) AND a.state = 'skipped'
          AND a.closed_at > coalesce(image.since, '-infinity')) AS workers
    FROM image
), task AS (
    UPDATE tasks_task t SET is_set_aside = true FROM skips
    WHERE t.id = skips.task_id AND t.state = 'open' AND NOT t.is_set_aside
      AND skips.most > 0 AND skips.workers >= skips.most
    RETURNING t.id, t.public_id
), gold AS (
    UPDATE tasks_gold g SET is_set_aside = true FROM skips
    WHERE g.id = skips.gold_id AND g.state = 'active' AND NOT g.is_set_aside
      AND skips.most > 0 AND skips.workers >= skips.most
    RETURNING g.id, g.public_id
), changed AS (
    SELECT id AS task_id, NULL::bigint AS gold_id, public_id FROM task
    UNION ALL SELECT NULL, id, public_id FROM gold
), kept AS (
    INSERT INTO tasks_setaside (public_id, project_id, task_id, gold_id, workers, created_at, decision)
    SELECT gen_random_uuid(), skips.project_id, changed.task_id, changed.gold_id, skips.workers, clock_timestamp(),
        'undecided'
    FROM skips, changed
    ON CONFLICT DO NOTHING
)
SELECT changed.task_id IS NOT NULL, changed.public_id, skips.workers FROM skips, changed
"""


def clean_note(note: str) -> str:
    """Return a worker's note as one line of text, without control characters, cut to the length that is kept."""
    text = "".join(" " if has_control(char) else char for char in note)
    return " ".join(text.split())[:MAX_NOTE]


def set_aside_if_many_skipped(*, assignment: Assignment) -> None:
    """Needs the locks of batch and task; locks the gold. Set the image of a skipped assignment aside if that is due."""
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE, {"assignment": assignment.pk})
        rows = cursor.fetchall()
    for is_task, public_id, workers in rows:
        key, kind, totals = ("task", "task.set_aside", {"set_aside": 1}) if is_task else ("gold", "gold.set_aside", {})
        data = {key: str(public_id), "workers": workers}
        record_event(project_id=assignment.project_id, kind=kind, data=data, **totals)


def close_set_aside_gold(*, gold: Gold, by: Actor | None, decision: str) -> None:
    """Keep the decision on a check image, if it was set aside and nobody has decided."""
    rows = SetAside.objects.filter(gold=gold, decision=SetAside.Decision.UNDECIDED)
    rows.update(decision=decision, decided_by=by, decided_at=ClockTimestamp())


def set_aside_of(*, project: Project) -> QuerySet[SetAside]:
    """Return the project's work that was set aside, newest first, with task and image; check images are not in it."""
    rows = SetAside.objects.filter(project=project, task__isnull=False)
    return rows.select_related("task__image", "task__batch", "decided_by").order_by("-pk")


def waiting_set_aside(*, project: Project) -> QuerySet[SetAside]:
    """Those on which a manager has to decide. One that was answered by those who still had it needs no decision."""
    rows = set_aside_of(project=project).filter(decision=SetAside.Decision.UNDECIDED)
    return rows.filter(task__state=Task.State.OPEN)


def count_waiting_set_aside(*, project: Project) -> int:
    return waiting_set_aside(project=project).count()


def count_waiting_slots(*, project: Project) -> int:
    """Return how many answers these images lack that nobody can give before a manager decides."""
    left = Sum(F("task__wanted") - F("task__taken"), default=0)
    return int(waiting_set_aside(project=project).order_by().aggregate(left=left)["left"])


def left_out_set_aside(*, project: Project) -> QuerySet[SetAside]:
    """Those that a manager has left out."""
    rows = set_aside_of(project=project).filter(decision=SetAside.Decision.LEFT_OUT)
    return rows.filter(task__state=Task.State.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Skip:
    """That a worker skipped an image, with what they told of it. `worker` is the public id."""

    worker: str
    reason: str
    note: str
    at: datetime


def skips_of(*, rows: Sequence[SetAside]) -> dict[int, list[Skip]]:
    """Return {row id: the skips of its image since the decision before, oldest first}, with one query."""
    skipped = Assignment.objects.filter(task__in=[row.task_id for row in rows], state=Assignment.State.SKIPPED)
    by_task: dict[int, list[Assignment]] = {}
    for each in skipped.select_related("worker").order_by("closed_at", "pk"):
        by_task.setdefault(each.task_id or 0, []).append(each)
    earlier = _decisions_before(rows)
    return {
        row.pk: [
            Skip(str(each.worker.public_id), each.skip_reason, each.skip_note, each.closed_at)
            for each in by_task.get(row.task_id or 0, [])
            if each.worker is not None and each.closed_at is not None and earlier[row.pk] < each.closed_at
        ]
        for row in rows
    }


def skips_of_golds(*, golds: Sequence[int]) -> dict[int, int]:
    """Return {row id: how many workers skipped it} of those of these check images that anybody skipped."""
    skipped = Assignment.objects.filter(gold__in=golds, state=Assignment.State.SKIPPED).order_by()
    return dict(skipped.values_list("gold_id").annotate(Count("pk")))


def _decisions_before(rows: Sequence[SetAside]) -> dict[int, datetime]:
    """Return {row id: when the decision before it on the same image was made}."""
    decided = SetAside.objects.filter(task__in=[row.task_id for row in rows], decided_at__isnull=False)
    known = [(each.pk, each.task_id, each.decided_at or _NEVER) for each in decided]
    return {
        row.pk: max((at for pk, task_id, at in known if task_id == row.task_id and pk < row.pk), default=_NEVER)
        for row in rows
    }
