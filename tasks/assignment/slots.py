"""Slots of tasks: locking, releasing and reclaiming them.

Lock order for everything that locks more than one of these rows: hand, batch, task, assignment, standing; rows of
the same kind by ascending id; always `FOR NO KEY UPDATE`, which foreign-key inserts do not wait for. A claim locks
batches by priority instead, and therefore never waits for one while it holds another. Everything that opens a slot
(this module, a reviewer's rejection, a raised overlap, new tasks) holds the batch's lock and raises its generation in
the same transaction, which invalidates the workers' batch cursors.
"""

from collections.abc import Sequence

from django.db import connection

LOCK_BATCHES = "SELECT id FROM tasks_batch WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
LOCK_TASKS = "SELECT id FROM tasks_task WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"

LEASED_TASKS = """
SELECT DISTINCT t.batch_id, t.id FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id
WHERE a.id = ANY(%s) AND a.state = 'leased'
"""

# Runs under the locks of batches and tasks, so its snapshot shows their latest state.
CLOSE_LEASES = """
WITH ended AS MATERIALIZED (
    SELECT id FROM tasks_assignment
    WHERE id = ANY(%(leases)s) AND state = 'leased' AND (expires_at <= clock_timestamp() OR NOT %(only_over)s)
    ORDER BY id
    FOR NO KEY UPDATE {skip_locked}
), closed AS (
    UPDATE tasks_assignment a SET state = %(state)s, counts = false, closed_at = clock_timestamp()
    FROM ended WHERE a.id = ended.id
    RETURNING a.id, a.task_id
), freed AS (
    UPDATE tasks_task t SET taken = t.taken - n.places
    FROM (SELECT task_id, count(*) AS places FROM closed WHERE task_id IS NOT NULL GROUP BY task_id) n
    WHERE t.id = n.task_id
    RETURNING t.batch_id, n.places
), reopened AS (
    UPDATE tasks_batch b SET taken = b.taken - n.places, generation = b.generation + 1
    FROM (SELECT batch_id, sum(places) AS places FROM freed GROUP BY batch_id) n
    WHERE b.id = n.batch_id
)
SELECT count(*) FROM closed
"""

RECLAIM_SLOT = """
WITH task AS (
    UPDATE tasks_task SET taken = taken + 1
    WHERE id = %(task)s AND state = 'open' AND round = %(round)s AND taken < wanted
    RETURNING batch_id
), batch AS (
    UPDATE tasks_batch b SET taken = b.taken + 1 FROM task WHERE b.id = task.batch_id
)
SELECT count(*) FROM task
"""


def lock_slots(*, batch_ids: Sequence[int], task_ids: Sequence[int]) -> None:
    """Lock batches, then tasks. The caller must not hold the lock of a task or an assignment yet."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_BATCHES, [sorted(batch_ids)])
        cursor.execute(LOCK_TASKS, [sorted(task_ids)])


def close_leases(
    *, assignment_ids: Sequence[int], state: str, only_over: bool = False, skip_locked: bool = False
) -> int:
    """Locks batches, tasks, assignments. End the leases among these that are still live; return how many.

    A task gets its slot back; gold has none. `only_over` ends only leases that have run out; `skip_locked` skips
    leases that a concurrent submission holds. Call inside a transaction.
    """
    leases = list(assignment_ids)
    with connection.cursor() as cursor:
        cursor.execute(LEASED_TASKS, [leases])
        rows = cursor.fetchall()
        if rows:
            lock_slots(batch_ids=[*{row[0] for row in rows}], task_ids=[*{row[1] for row in rows}])
        statement = CLOSE_LEASES.format(skip_locked="SKIP LOCKED" if skip_locked else "")
        cursor.execute(statement, {"leases": leases, "state": state, "only_over": only_over})
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def reclaim_slot(*, task_id: int, round_number: int) -> bool:
    """Needs the locks of batch and task. Take a slot for an answer that arrived after its lease had ended.

    Returns False if the task needs no further answer: it is full, answered, or in another round by now.
    """
    with connection.cursor() as cursor:
        cursor.execute(RECLAIM_SLOT, {"task": task_id, "round": round_number})
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])
