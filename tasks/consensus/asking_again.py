"""Has workers answer images again that are finished, because a manager wants more answers of each.

An answered image opens again. An approved one stays approved and in releases while its answers come in: its label is
replaced only if they clearly say so, as for any late answer (docs/decisions/0016-what-moves-an-approved-label.md).
Labels that a person set are left alone, because no answer would change them.

What is counted for the preview and what is changed is found by the same conditions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from kernel.events import record_event
from projects.models import Project
from tasks.batching.answers_wanted import GOAL, AnswersPerImage
from tasks.batching.locks import lock_batch
from tasks.batching.models import Batch, Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import Posterior
from tasks.consensus.next_steps import Candidate
from tasks.consensus.stopping_policy import TaskProgress

#: Tasks that are decided about for a preview; more are estimated from a random sample of these.
SAMPLE = 500

_BY_PEOPLE = ", ".join(f"'{method}'" for method in sorted(SET_BY_PEOPLE))
_FINISHED = f"""
t.state IN ('answered', 'approved') AND t.wanted > 0 AND NOT EXISTS (
    SELECT FROM tasks_consensuslabel l
    WHERE l.task_id = t.id AND l.project_id = t.project_id AND l.is_current AND l.method IN ({_BY_PEOPLE}))
"""
# Slots that stayed open when a task was finished are not given out, so its answers count and not its slots.
HAS = "CASE WHEN t.asked_again THEN t.wanted ELSE t.taken END"
TOO_FEW = f"{_FINISHED} AND {HAS} < %(least)s"
UNDECIDED = f"{_FINISHED} AND NOT t.asked_again AND t.taken >= %(least)s AND t.taken < %(most)s"

COUNT_TOO_FEW = f"""
SELECT t.state, count(*), sum(%(least)s - {HAS}) FROM tasks_task t
WHERE t.project_id = %(project)s AND {TOO_FEW} GROUP BY t.state
"""  # noqa: S608
# The count and the sample come from one scan of the finished tasks.
SAMPLE_UNDECIDED = f"""
SELECT t.id, count(*) OVER () FROM tasks_task t
WHERE t.project_id = %(project)s AND {UNDECIDED} ORDER BY t.order_key LIMIT %(limit)s
"""  # noqa: S608
UNDECIDED_OF_BATCH = f"SELECT t.id FROM tasks_task t WHERE t.batch_id = %(batch)s AND {UNDECIDED} ORDER BY t.id"  # noqa: S608
# Open tasks that have the minimum of answers: they may be certain enough by now, or need another one all the same.
DECIDABLE = f"""
t.state = 'open' AND t.wanted > 0 AND t.taken >= %(least)s AND (t.taken < {GOAL} OR t.wanted <> {GOAL})
AND b.state IN ('open', 'paused')
"""
COUNT_DECIDABLE = f"""
SELECT count(*) FROM tasks_task t JOIN tasks_batch b ON b.id = t.batch_id
WHERE t.project_id = %(project)s AND {DECIDABLE}
"""  # noqa: S608
SELECT_DECIDABLE = f"""
SELECT t.id, {GOAL} FROM tasks_task t JOIN tasks_batch b ON b.id = t.batch_id
WHERE t.project_id = %(project)s AND {DECIDABLE} ORDER BY t.order_key LIMIT %(limit)s
"""  # noqa: S608
BATCHES = """
SELECT b.id FROM tasks_batch b WHERE b.project_id = %(project)s AND b.id > %(after)s
  AND EXISTS (
      SELECT FROM tasks_task t WHERE t.batch_id = b.id AND t.state IN ('answered', 'approved') AND t.wanted > 0)
ORDER BY b.id
"""

# Needs the row lock of the batch; locks the tasks by ascending id. `goal` has (id, wanted, priority).
_REOPEN = """
, changed AS (
    UPDATE tasks_task t SET wanted = goal.wanted, priority = coalesce(goal.priority, t.priority),
        state = CASE t.state WHEN 'answered' THEN 'open' ELSE t.state END, asked_again = t.state = 'approved'
    FROM goal WHERE t.id = goal.id
    RETURNING t.id, goal.state AS before, t.wanted - goal.had AS slots
), batch AS (
    UPDATE tasks_batch b SET wanted = b.wanted + n.slots, generation = b.generation + 1,
        state = CASE WHEN b.state = 'approved' THEN 'open' ELSE b.state END,
        approved_at = CASE WHEN b.state = 'approved' THEN NULL ELSE b.approved_at END
    FROM (SELECT sum(slots) AS slots FROM changed HAVING count(*) > 0) n WHERE b.id = %(batch)s
)
SELECT count(*), coalesce(sum(slots), 0), count(*) FILTER (WHERE before = 'answered') FROM changed
"""
ASK_FOR_MINIMUM = f"""
WITH goal AS MATERIALIZED (
    SELECT t.id, greatest(t.taken, %(least)s) AS wanted, NULL::int AS priority, t.state, t.wanted AS had
    FROM tasks_task t WHERE t.batch_id = %(batch)s AND {TOO_FEW}
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
)
{_REOPEN}
"""  # noqa: S608
ASK_AGAIN = f"""
WITH goal AS MATERIALIZED (
    SELECT t.id, %(wanted)s::int AS wanted, %(priority)s::int AS priority, t.state, t.wanted AS had
    FROM tasks_task t WHERE t.id = %(task)s
)
{_REOPEN}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Reopened:
    """Tasks of one state that are to be answered again, and how many more answers they get in total."""

    images: int = 0
    answers: int = 0


def count_too_few(*, project: Project, least: int) -> dict[str, Reopened]:
    """Return {state: the finished tasks that have fewer than `least` answers}."""
    rows = _rows(COUNT_TOO_FEW, {"project": project.pk, "least": least})
    return {state: Reopened(images, answers) for state, images, answers in rows}


def undecided_sample(*, project: Project, least: int, most: int) -> tuple[int, list[Candidate]]:
    """Return how many finished tasks have at least `least` answers, and fewer than `most`; and at most SAMPLE of them,
    chosen at random, with their stored posteriors."""
    rows = _rows(SAMPLE_UNDECIDED, {"project": project.pk, "least": least, "most": most, "limit": SAMPLE})
    return (rows[0][1] if rows else 0), _candidates({row[0]: None for row in rows})


def count_decidable(*, project: Project, answers: AnswersPerImage) -> int:
    """Return how many open tasks have the minimum of answers by now, and are not complete before the change."""
    count: int = _rows(COUNT_DECIDABLE, {"project": project.pk, **answers.params})[0][0]
    return count


def decidable_sample(*, project: Project, answers: AnswersPerImage) -> list[Candidate]:
    """Return at most SAMPLE of the tasks of `count_decidable`, as they are once the change is made."""
    params = {"project": project.pk, "limit": SAMPLE, **answers.params}
    return _candidates({row[0]: row[1] for row in _rows(SELECT_DECIDABLE, params)})


def decidable(*, project: Project, answers: AnswersPerImage) -> list[int]:
    """Return the ids of the tasks of `count_decidable`, in ascending order."""
    rows = _rows(SELECT_DECIDABLE, {"project": project.pk, "limit": None, **answers.params})
    return sorted(row[0] for row in rows)


def batches_with_finished(*, project: Project, after: int) -> list[int]:
    """Return the ids of the batches with finished tasks, in ascending order, from the one after `after` on."""
    return [row[0] for row in _rows(BATCHES, {"project": project.pk, "after": after})]


def undecided_of_batch(*, batch_id: int, least: int, most: int) -> list[int]:
    return [row[0] for row in _rows(UNDECIDED_OF_BATCH, {"batch": batch_id, "least": least, "most": most})]


def ask_for_minimum(*, batch: Batch, least: int) -> Reopened:
    """Needs a transaction; locks the batch, then its tasks. Have its finished tasks get `least` answers each."""
    row = lock_batch(batch_id=batch.pk)
    return _reopen(row, ASK_FOR_MINIMUM, {"batch": row.pk, "least": least})


def ask_again(*, task: Task, to: int, priority: int | None) -> None:
    """Needs the row locks of the batch and the task. Have a finished task get `to` answers."""
    params = {"batch": task.batch_id, "task": task.pk, "wanted": to, "priority": priority}
    _reopen(task.batch, ASK_AGAIN, params)


def _reopen(batch: Batch, sql: str, params: Mapping[str, int | None]) -> Reopened:
    ((images, slots, answered),) = _rows(sql, params)
    if images:
        deltas = {name: change for name, change in (("places", slots), ("answered", -answered)) if change}
        data = {"images": images, "batch": str(batch.public_id)}
        record_event(project_id=batch.project_id, kind="task.asked_again", data=data, **deltas)
    return Reopened(images, slots)


def _candidates(wanted: Mapping[int, int | None]) -> list[Candidate]:
    """wanted: {task id: how many answers it wants by then, None for those that it has}."""
    rows = Posterior.objects.filter(task__in=wanted, confidence__isnull=False).select_related("task")
    candidates = []
    for row in rows.order_by("task_id"):
        assert row.confidence is not None  # by the filter
        taken, goal = row.task.taken, wanted[row.task_id]
        slots = taken if goal is None else goal
        progress = TaskProgress(row.body, row.confidence, row.answers, taken=taken, wanted=slots)
        candidates.append(Candidate(row.task, progress))
    return candidates


def _rows(sql: str, params: Mapping[str, int | None]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
