"""The SQL statements of a claim; they run in the transaction of `services.claim_hand`.

Why they lock as they do: docs/decisions/0008-places-and-generations.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.locks import SHARE_ACCESS, SHARE_MONEY
from kernel.statements import run_prepared
from tasks.gold.sites import IS_NEW, MAY_BE_SEEN

# Shares the locks of the worker's access and of the project's money before everything else. Two tabs are serialized by
# the unique index on live hands: the second waits for the first, then inserts nothing.
INSERT_HAND = f"""
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at)
SELECT gen_random_uuid(), p.id, %(worker)s, 'live', 0, t.now, t.now + p.lease_seconds * interval '1 second'
FROM projects_project p, LATERAL (
    SELECT {SHARE_ACCESS.format(actor="%(worker)s")} AS locked,
        {SHARE_MONEY.format(project="p.id")} AS shared, clock_timestamp() AS now
) t
WHERE p.id = %(project)s AND p.state = 'open'
ON CONFLICT (project_id, worker_id) WHERE state = 'live' DO NOTHING
RETURNING id, public_id, created_at, expires_at
"""  # noqa: S608

DELETE_HAND = "DELETE FROM tasks_hand WHERE id = %s"

# A constant shared by two statements; callers' values are passed as parameters. The worker's cursors are read once and
# hashed: a probe for each batch takes more than twice as long for a worker who has had a thousand of them.
CANDIDATE = """
b.project_id = %(project)s AND b.state = 'open' AND b.taken < b.wanted
AND (b.id, b.generation) NOT IN (
    SELECT e.batch_id, e.generation FROM tasks_exhaustion e
    WHERE e.worker_id = %(worker)s AND e.project_id = %(project)s)
AND (b.team_id IS NULL OR b.team_id = ANY (ARRAY(
    SELECT m.team_id FROM accounts_teammember m WHERE m.worker_id = %(worker)s)))
"""

# By priority, then by deadline, those without one last; then batches that are three quarters done, so that their last
# tasks do not wait behind a fresh batch; then by number. `tasks_batch_in_claim_order` is the index in this order.
BY_URGENCY = "ORDER BY b.priority DESC, b.deadline_at, (b.taken * 4 >= b.wanted * 3) DESC, b.number"

FIRST_CANDIDATE = f"SELECT b.id FROM tasks_batch b WHERE {CANDIDATE} {BY_URGENCY} LIMIT 1"  # noqa: S608

WAIT_FOR_BATCH = "SELECT id FROM tasks_batch WHERE id = %s FOR NO KEY UPDATE"

# "Not assigned before" is a subselect of one row rather than NOT EXISTS: the planner turns NOT EXISTS into a join and,
# if its statistics do not know the worker yet, reads everything that the worker has ever had.
IS_OFFERED = "(t.state = 'open' OR t.asked_again) AND NOT t.is_set_aside"

OPEN_TO_WORKER = f"""
SELECT t.id, t.priority, t.order_key, t.taken, t.wanted FROM tasks_task t
WHERE t.batch_id = (SELECT id FROM spot) AND t.taken < t.wanted AND {IS_OFFERED}
  AND t.id <> ALL (%(chosen)s::bigint[])
  AND (
      SELECT a.id FROM tasks_assignment a
      WHERE a.task_id = t.id AND a.worker_id = %(worker)s AND a.round = t.round) IS NULL
  AND (
      SELECT a.id FROM tasks_assignment a WHERE a.worker_id = %(worker)s AND a.gold_id = (
          SELECT g.id FROM tasks_gold g WHERE g.project_id = t.project_id AND g.image_id = t.image_id) LIMIT 1) IS NULL
"""  # noqa: S608
START = "(SELECT order_key FROM start)"
# The tasks of a group have one key, so a claim never begins inside a group, and the ties keep it from ending in one.
IN_ORDER = "ORDER BY t.priority DESC, t.order_key FETCH FIRST %(count)s ROWS WITH TIES"

# Whether gold stands in front of a task, for this worker: gold that was placed there, or else a new one, if a hash of
# the task's random key says so; so workers with one share of gold want it at the same tasks. Where others had the task
# already, it would be seen by too few, so only some workers get new gold `anywhere`.
IS_SITE = f"""
CASE WHEN %(sites)s::float8 < 0 OR count(*) OVER (PARTITION BY ring.order_key) > 1 THEN false
ELSE coalesce(
    (SELECT {MAY_BE_SEEN} AND {IS_NEW} FROM tasks_gold g WHERE g.site_id = ring.id AND g.state = 'active' LIMIT 1),
    (ring.taken = 0 OR %(anywhere)s::bool)
    AND mod((ring.order_key * 7919 + %(salt)s::float8)::numeric, 1) < %(sites)s::float8)
END
"""  # noqa: S608

# How much gold comes with the group whose last task this is. It counts like the group's tasks where a set is cut, or
# large sets would have more gold than small ones.
GOLD_IN_GROUP = f"""
CASE WHEN %(sites)s::float8 < 0 OR count(*) OVER (PARTITION BY ring.order_key) = 1
    OR row_number() OVER (PARTITION BY ring.order_key ORDER BY at DESC) > 1 THEN 0
ELSE (
    SELECT count(*)::int FROM tasks_gold g
    WHERE g.batch_id = (SELECT id FROM spot) AND g.in_group AND g.order_key = ring.order_key AND g.state = 'active'
      AND NOT g.is_set_aside AND {IS_NEW})
END
"""  # noqa: S608

# Every claim starts somewhere else in the random order of the batch's tasks and continues from its beginning, or two
# workers in step would get the same work and tell it from the gold, in which they differ. Two index scans of at most
# `count` rows and the rest of a group cost less than sorting the batch. If the first lap is enough, the second reads
# only tasks that are more urgent; the constant is below every priority.
#
# Gold is an element of this order like the tasks: `place` counts both, so that a set can begin and end between gold and
# the task behind it as between two tasks. Gold at the last place comes without that task.
#
# The tasks are locked by ascending id, as labeling does, and checked again under the lock. `seen` reads the batch
# without a lock, hence in the statement's own snapshot, in which its tasks were read too: a slot that reopened since
# then has raised the generation, so the cursor refers to an older generation.
CLAIM_FROM_BATCH = f"""
WITH spot AS MATERIALIZED (
    SELECT b.id FROM tasks_batch b WHERE {CANDIDATE}
    {BY_URGENCY}
    LIMIT 1
    FOR NO KEY UPDATE OF b SKIP LOCKED
), start AS MATERIALIZED (
    SELECT random() AS order_key
), lap AS MATERIALIZED (
    {OPEN_TO_WORKER} AND t.order_key >= {START} {IN_ORDER}
), ring AS MATERIALIZED (
    SELECT id, order_key, taken, wanted, row_number() OVER (ORDER BY priority DESC, number, order_key, id) AS at FROM (
        SELECT lap.*, 1 AS number FROM lap
        UNION ALL
        (SELECT o.*, 2 AS number FROM ({OPEN_TO_WORKER} AND t.order_key < {START} AND t.priority > (
            SELECT CASE WHEN count(*) < %(count)s THEN -2147483649 ELSE min(priority) END FROM lap) {IN_ORDER}) o)
    ) laps
    ORDER BY priority DESC, number, order_key
    FETCH FIRST %(count)s ROWS WITH TIES
), stop AS MATERIALIZED (
    SELECT id, order_key, is_site, sum(1 + is_site::int + gold_in_group) OVER (ORDER BY at) AS place FROM (
        SELECT ring.*, (at > 1 OR %(from_first)s::bool OR count(*) OVER () < %(count)s) AND {IS_SITE} AS is_site,
            {GOLD_IN_GROUP} AS gold_in_group
        FROM ring
    ) r
), walk AS MATERIALIZED (
    SELECT id, is_site, place, min(place) OVER (PARTITION BY order_key) <= %(count)s AND place <= %(most)s AS is_in
    FROM stop
), picked AS MATERIALIZED (
    SELECT t.id FROM tasks_task t
    WHERE t.id = ANY(ARRAY(SELECT id FROM walk WHERE is_in)) AND t.taken < t.wanted AND {IS_OFFERED}
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), task AS (
    UPDATE tasks_task t SET taken = t.taken + 1
    FROM picked WHERE t.id = picked.id
    RETURNING t.id, t.round, t.image_id, t.order_key
), batch AS (
    UPDATE tasks_batch b SET taken = b.taken + (SELECT count(*) FROM task)
    WHERE b.id = (SELECT id FROM spot) AND EXISTS (SELECT 1 FROM task)
), exhausted AS (
    INSERT INTO tasks_exhaustion (project_id, batch_id, worker_id, generation)
    SELECT %(project)s, seen.id, %(worker)s, seen.generation
    FROM spot JOIN tasks_batch seen ON seen.id = spot.id
    WHERE (SELECT count(*) FROM ring) < %(count)s AND (SELECT bool_and(is_in) FROM walk) IS NOT FALSE
    ON CONFLICT (batch_id, worker_id) DO UPDATE SET generation = excluded.generation
    RETURNING generation
)
SELECT spot.id, (SELECT generation FROM exhausted), task.id, task.round, i.width, i.height, i.rendition_id,
    task.order_key,
    ARRAY(SELECT id FROM walk WHERE is_site AND place <= least(%(count)s, %(most)s) + 1)
FROM spot LEFT JOIN task ON true LEFT JOIN tasks_image i ON i.id = task.image_id
"""  # noqa: S608

SAVE_EXHAUSTED = """
INSERT INTO tasks_exhaustion (project_id, batch_id, worker_id, generation)
SELECT %s, m.batch_id, %s, m.generation FROM unnest(%s::bigint[], %s::int[]) AS m(batch_id, generation)
ON CONFLICT (batch_id, worker_id) DO UPDATE SET generation = excluded.generation
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that becomes an assignment: a taken slot of a task, or gold. Width and height of the upright frame.

    `order_key` is that of the task, which the tasks of a group share. In the group they are in the order of
    `own_task_id`, with the gold that is in it. Other gold has neither.
    """

    task_id: int | None
    gold_id: int | None
    round: int
    width: int
    height: int
    rendition_id: int
    order_key: float | None = None
    own_task_id: int | None = None


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """The slots claimed from one batch, and the generation of the batch that the worker has now exhausted, or None.

    `sites` are the tasks, locked or not, at which gold for this hand stands; the batch is locked.
    """

    batch_id: int
    exhausted_generation: int | None
    slots: Sequence[Slot]
    sites: Sequence[int]


@dataclass(frozen=True, slots=True)
class GoldPlaces:
    """Where a claim has gold: always where gold has been placed before, and new one in front of the share `sites` of
    the tasks (negative: no gold at all), also of those that others have had if `anywhere`. `from_first`: in front of
    the first task, too. `salt` varies which tasks these are.
    """

    sites: float = -1.0
    anywhere: bool = False
    from_first: bool = True
    salt: float = 0.0


@dataclass(frozen=True, slots=True)
class NewHand:
    id: int
    public_id: UUID
    created_at: datetime
    expires_at: datetime


def insert_hand(*, project_id: int, worker_id: int) -> NewHand | None:
    """Locks the worker's access, shared. Insert an empty live hand.

    Returns None if the worker already has one in this project, or the project is not open.
    """
    rows = run_prepared(INSERT_HAND, {"project": project_id, "worker": worker_id})
    return NewHand(*rows[0]) if rows else None


def delete_hand(*, hand_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DELETE_HAND, [hand_id])


def first_candidate_batch(*, project_id: int, worker_id: int) -> int | None:
    """Return the first batch that may have an open slot, to wait for when all are locked; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_CANDIDATE, {"project": project_id, "worker": worker_id})
        row = cursor.fetchone()
    return row[0] if row else None


def wait_for_batch(*, batch_id: int) -> None:
    """Waits for the batch's lock; the caller must hold no other batch."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT_FOR_BATCH, [batch_id])


def claim_from_batch(
    *,
    project_id: int,
    worker_id: int,
    count: int,
    most: int,
    chosen: Sequence[int],
    golds: Sequence[int],
    gold: GoldPlaces,
) -> BatchClaim | None:
    """Locks a batch and some of its tasks. Claim slots from the first candidate batch that is not locked, so that with
    the gold in front of them there are up to `count` images.

    If the last of them is in a group, its other tasks come on top, up to `most` images in total. `chosen` are the tasks
    that this hand has already, and `golds` its gold. Fewer slots than are open may come back, if others took some at
    the same moment; the batch is then not exhausted, and its lock is held. Returns None if every candidate is locked or
    there is none.
    """
    who = {"project": project_id, "worker": worker_id}
    had = {"chosen": list(chosen), "golds": list(golds)}
    rows = run_prepared(CLAIM_FROM_BATCH, {**who, **had, "count": count, "most": most, **asdict(gold)})
    if not rows:
        return None
    slots = [_slot(row) for row in rows if row[2] is not None]
    return BatchClaim(batch_id=rows[0][0], exhausted_generation=rows[0][1], slots=slots, sites=rows[0][8])


def _slot(row: Sequence[Any]) -> Slot:
    task_id, round_number, width, height, rendition_id, order_key = row[2:8]
    return Slot(task_id, None, round_number, width, height, rendition_id, order_key, task_id)


def save_batch_cursors(*, project_id: int, worker_id: int, generations: Mapping[int, int]) -> None:
    """Write the batch cursors {batch id: generation} of an attempt that was rolled back.

    They stay true without a lock: within a generation slots are only ever taken.
    """
    if generations:
        with connection.cursor() as cursor:
            cursor.execute(SAVE_EXHAUSTED, [project_id, worker_id, list(generations), list(generations.values())])
