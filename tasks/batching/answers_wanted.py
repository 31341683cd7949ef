"""Changes the number of answers that the open tasks of a project want, all at once.

When raising, these are the tasks that want fewer than the new number; when lowering, those that want no more than
the number that was set before: a task that wants more was raised because its workers disagree. `wanted` never falls
below `taken`: answers that are in, and those that workers are about to send, keep their slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, IntegerField, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce, Greatest

from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Batch, Task

_INTEGER = IntegerField()

# Needs the row locks of the batches. The tasks are locked by ascending id, as labeling does.
SET_WANTED = """
WITH task AS MATERIALIZED (
    SELECT t.id, t.wanted FROM tasks_task t
    WHERE t.batch_id = ANY(%(batches)s) AND t.state = 'open' AND t.wanted > 0
      AND CASE WHEN %(to)s >= %(before)s THEN t.wanted < %(to)s
          ELSE t.wanted > greatest(%(to)s, t.taken) AND t.wanted <= %(before)s END
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), changed AS (
    UPDATE tasks_task t SET wanted = greatest(%(to)s, t.taken)
    FROM task WHERE t.id = task.id
    RETURNING t.id, t.batch_id, t.wanted - task.wanted AS slots, t.taken = t.wanted AS is_full
), batch AS (
    UPDATE tasks_batch b SET wanted = b.wanted + s.slots, generation = b.generation + (s.slots > 0)::int
    FROM (SELECT batch_id, sum(slots) AS slots FROM changed GROUP BY batch_id) s WHERE b.id = s.batch_id
)
SELECT id, slots, is_full FROM changed ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class WantedChange:
    """How many tasks change, by how many slots in total (negative when lowering), and which are full as a result."""

    tasks: int
    slots: int
    full: tuple[int, ...] = ()


def count_wanted_change(*, project: Project, states: Sequence[str], before: int, to: int) -> WantedChange:
    """Return what `set_wanted` would change in batches with these states."""
    rows = _affected(project, states, before, to)
    totals = rows.aggregate(tasks=Count("pk"), slots=Coalesce(Sum(_target(to) - Cast("wanted", _INTEGER)), 0))
    return WantedChange(totals["tasks"], totals["slots"])


def set_wanted(*, project: Project, states: Sequence[str], before: int, to: int) -> WantedChange:
    """Locks the batches with these states, then the tasks; call it in a transaction that holds the project's lock.

    The generation of raised batches rises too, so that workers who had exhausted them are offered them again.
    """
    locked = Batch.objects.select_for_update(no_key=True).filter(project=project, state__in=states).order_by("pk")
    batches = list(locked.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(SET_WANTED, {"batches": batches, "before": before, "to": to})
        rows = cursor.fetchall()
    slots = sum(row[1] for row in rows)
    if slots:
        data = {"images": len(rows), "answers": to}
        record_event(project_id=project.pk, kind="overlap.changed", data=data, places=slots)
    return WantedChange(len(rows), slots, tuple(pk for pk, _, is_full in rows if is_full))


def _affected(project: Project, states: Sequence[str], before: int, to: int) -> QuerySet[Task]:
    rows = Task.objects.filter(project=project, state=Task.State.OPEN, batch__state__in=states, wanted__gt=0)
    if to >= before:
        return rows.filter(wanted__lt=to)
    return rows.filter(wanted__gt=_target(to), wanted__lte=before)


def _target(to: int) -> Greatest:
    return Greatest(Value(to, _INTEGER), Cast("taken", _INTEGER))
