"""Changes the number of answers that the open tasks of a project want, all at once.

A task that wants at most the old minimum gets the new one. One that wants more was raised because its workers disagree:
it keeps that, up to the new maximum. `wanted` never falls below `taken`: answers that are in, and those that workers
are about to send, keep their slots.

What is counted for the preview and what is changed is found by the same condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Batch

GOAL = """greatest(t.taken, CASE WHEN t.wanted <= greatest(%(before)s, %(least)s) THEN %(least)s
    ELSE least(t.wanted, %(most)s) END)"""
CHANGES = f"t.state = 'open' AND t.wanted > 0 AND t.wanted <> {GOAL}"

COUNT_WANTED = f"""
SELECT count(*), coalesce(sum({GOAL} - t.wanted), 0) FROM tasks_task t JOIN tasks_batch b ON b.id = t.batch_id
WHERE t.project_id = %(project)s AND b.project_id = %(project)s AND b.state = ANY(%(states)s) AND {CHANGES}
"""  # noqa: S608

# Needs the row locks of the batches. The tasks are locked by ascending id, as labeling does.
SET_WANTED = f"""
WITH task AS MATERIALIZED (
    SELECT t.id, t.wanted FROM tasks_task t
    WHERE t.batch_id = ANY(%(batches)s) AND {CHANGES}
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), changed AS (
    UPDATE tasks_task t SET wanted = {GOAL}
    FROM task WHERE t.id = task.id
    RETURNING t.id, t.batch_id, t.wanted - task.wanted AS slots, t.taken = t.wanted AS is_full
), batch AS (
    UPDATE tasks_batch b SET wanted = b.wanted + s.slots, generation = b.generation + s.is_raised::int
    FROM (SELECT batch_id, sum(slots) AS slots, bool_or(slots > 0) AS is_raised FROM changed GROUP BY batch_id) s
    WHERE b.id = s.batch_id
)
SELECT id, slots, is_full FROM changed ORDER BY id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class AnswersPerImage:
    """The answers per image: `before` is the old minimum, `least` and `most` are the new minimum and maximum."""

    before: int
    least: int
    most: int

    @property
    def params(self) -> dict[str, int]:
        """The parameters of GOAL."""
        return {"before": self.before, "least": self.least, "most": self.most}


@dataclass(frozen=True, slots=True)
class WantedChange:
    """How many tasks change, by how many slots in total (negative when lowering), and which are full as a result."""

    tasks: int
    slots: int
    full: tuple[int, ...] = ()


def count_wanted_change(*, project: Project, states: Sequence[str], answers: AnswersPerImage) -> WantedChange:
    """Return what `set_wanted` would change in batches with these states."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_WANTED, {"project": project.pk, "states": list(states), **answers.params})
        row = cursor.fetchone()
    assert row is not None
    return WantedChange(row[0], row[1])


def set_wanted(*, project: Project, states: Sequence[str], answers: AnswersPerImage) -> WantedChange:
    """Locks the batches with these states, then the tasks; call it in a transaction that holds the project's lock.

    The generation of raised batches rises too, so that workers who had exhausted them are offered them again.
    """
    locked = Batch.objects.select_for_update(no_key=True).filter(project=project, state__in=states).order_by("pk")
    batches = list(locked.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(SET_WANTED, {"batches": batches, **answers.params})
        rows = cursor.fetchall()
    slots = sum(row[1] for row in rows)
    if rows:
        data = {"images": len(rows), "answers": answers.least}
        record_event(project_id=project.pk, kind="overlap.changed", data=data, places=slots)
    return WantedChange(len(rows), slots, tuple(pk for pk, _, is_full in rows if is_full))
