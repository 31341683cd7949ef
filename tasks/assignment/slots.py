"""Slots of tasks: locking, releasing and reclaiming them.

Lock order for everything that locks more than one of these rows: hand, batch, task, assignment, standing; rows of
the same kind by ascending id; always `FOR NO KEY UPDATE`, which foreign-key inserts do not wait for. A claim locks
batches by priority instead, and therefore never waits for one while it holds another. Everything that opens a slot
(this module, a reviewer's rejection, a raised overlap, new tasks) holds the batch's lock and raises its generation in
the same transaction, which invalidates the workers' batch cursors.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

LOCK_BATCHES = "SELECT id FROM tasks_batch WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
LOCK_FREE_BATCHES = f"{LOCK_BATCHES} SKIP LOCKED"
LOCK_TASKS = "SELECT id FROM tasks_task WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"

# Of gold without batch and task.
LEASED = """
SELECT a.id, t.batch_id, t.id FROM tasks_assignment a LEFT JOIN tasks_task t ON t.id = a.task_id
WHERE a.id = ANY(%s) AND a.state = 'leased'
"""

# Runs under the locks of batches and tasks, so its snapshot shows their latest state.
CLOSE_LEASES = """
WITH ended AS MATERIALIZED (
    SELECT id, counts FROM tasks_assignment
    WHERE id = ANY(%(leases)s) AND state = 'leased' AND (expires_at <= clock_timestamp() OR NOT %(only_over)s)
      AND (position = 0 OR NOT %(only_waiting)s)
    ORDER BY id
    FOR NO KEY UPDATE {skip_locked}
), closed AS (
    UPDATE tasks_assignment a SET state = %(state)s, counts = false, returned = a.position > 0,
        closed_at = clock_timestamp(), skip_reason = %(reason)s, skip_note = %(note)s
    FROM ended WHERE a.id = ended.id
    RETURNING a.task_id, a.worker_id, ended.counts AS had_slot
), freed AS (
    UPDATE tasks_task t SET taken = t.taken - n.places
    FROM (SELECT task_id, count(*) AS places FROM closed WHERE had_slot GROUP BY task_id) n
    WHERE t.id = n.task_id
    RETURNING t.batch_id, n.places
), reopened AS (
    UPDATE tasks_batch b SET taken = b.taken - n.places, generation = b.generation + 1
    FROM (SELECT batch_id, sum(places) AS places FROM freed GROUP BY batch_id) n
    WHERE b.id = n.batch_id
)
SELECT worker_id, count(*) FROM closed GROUP BY worker_id
"""

# Gold has no slot, but its image is also a task. Locking that too makes calls on gold wait wherever work would.
SLOTS_OF_IMAGE = """
SELECT t.batch_id, t.id FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id WHERE a.id = %(assignment)s
UNION ALL
SELECT t.batch_id, t.id FROM tasks_assignment a JOIN tasks_gold g ON g.id = a.gold_id
JOIN tasks_task t ON t.project_id = g.project_id AND t.image_id = g.image_id
WHERE a.id = %(assignment)s
"""

RECLAIM_SLOT = """
WITH task AS (
    UPDATE tasks_task SET taken = taken + 1
    WHERE id = %(task)s AND (state = 'open' OR asked_again) AND round = %(round)s AND taken < wanted
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


def lock_slots_of_image(*, assignment_id: int) -> None:
    """Lock the batch and the task of an assignment's image, gold or work, before locking the assignment itself."""
    with connection.cursor() as cursor:
        cursor.execute(SLOTS_OF_IMAGE, {"assignment": assignment_id})
        rows = cursor.fetchall()
    lock_slots(batch_ids=[row[0] for row in rows], task_ids=[row[1] for row in rows])


def close_leases(
    *, assignment_ids: Sequence[int], state: str, only_over: bool = False, only_waiting: bool = False
) -> dict[int, int]:
    """Locks batches, tasks, assignments. End the leases among these that are still live; return how many, by worker.

    A task gets its slot back; gold, and a lease that came back to a full task, have none. `only_over` ends only leases
    that have run out, `only_waiting` corrections that no set has taken, which do not come back. Call inside a
    transaction, and pass the result to `record_returns`.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEASED, [list(assignment_ids)])
        rows = cursor.fetchall()
    # Gold alone runs the same statements, with no rows: the response time must not reveal it.
    lock_slots(batch_ids=_known(row[1] for row in rows), task_ids=_known(row[2] for row in rows))
    return _close(assignment_ids, state=state, only_over=only_over, only_waiting=only_waiting)


def skip_lease(*, assignment_id: int, reason: str, note: str) -> dict[int, int]:
    """Needs `lock_slots_of_image`; locks the assignment. Skip it, if its lease is live; returns as `close_leases`."""
    return _close([assignment_id], state="skipped", reason=reason, note=note)


def expire_overdue(*, assignment_ids: Sequence[int], wait: bool) -> tuple[dict[int, int], list[int]]:
    """Locks batches, tasks, assignments. Expire the leases among these that have run out.

    Skips leases that a concurrent submission holds, and without `wait` also those whose batches somebody holds. Returns
    how many have expired, by worker, and the leases of those batches.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEASED, [list(assignment_ids)])
        rows = cursor.fetchall()
        cursor.execute(LOCK_BATCHES if wait else LOCK_FREE_BATCHES, [_known(row[1] for row in rows)])
        held = {None, *(row[0] for row in cursor.fetchall())}
        cursor.execute(LOCK_TASKS, [_known(row[2] for row in rows if row[1] in held)])
    free = [row[0] for row in rows if row[1] in held]
    busy = [row[0] for row in rows if row[1] not in held]
    return _close(free, state="expired", only_over=True, skip_locked=True), busy


def _known(ids: Iterable[int | None]) -> list[int]:
    return sorted({pk for pk in ids if pk is not None})


def _close(
    leases: Sequence[int],
    *,
    state: str,
    only_over: bool = False,
    only_waiting: bool = False,
    skip_locked: bool = False,
    reason: str = "",
    note: str = "",
) -> dict[int, int]:
    """Needs the locks of batches and tasks. End these leases; return how many, by worker."""
    statement = CLOSE_LEASES.format(skip_locked="SKIP LOCKED" if skip_locked else "")
    params: dict[str, Any] = {
        "leases": list(leases),
        "state": state,
        "only_over": only_over,
        "only_waiting": only_waiting,
        "reason": reason,
        "note": note,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return dict(cursor.fetchall())


def reclaim_slot(*, task_id: int, round_number: int) -> bool:
    """Needs the locks of batch and task. Take a slot for an answer that arrived after its lease had ended.

    Returns False if the task needs no further answer: it is full, answered, or in another round by now.
    """
    with connection.cursor() as cursor:
        cursor.execute(RECLAIM_SLOT, {"task": task_id, "round": round_number})
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])
