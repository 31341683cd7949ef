"""The SQL statements of a claim; they run in the transaction of `services.claim_hand`.

Why they lock as they do: docs/decisions/0008-places-and-generations.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.locks import SHARE_ACCESS, SHARE_MONEY
from kernel.statements import run_prepared
from tasks.assignment.caps import CAPS_COLUMNS, COUNT_IMAGES, Caps
from tasks.workers.pace import pace, set_size

#: The most images of a hand: 100 by policy, and the rest of a group.
MAX_SET = 150

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

# Runs after INSERT_HAND, which may have waited, so its snapshot is newer than the lock and the end of the last hand.
# Until the claim commits, no access is revoked, and nothing more can be returned: a worker has one live hand.
SELECT_POLICY = f"""
SELECT s.state, m.role, coalesce(u.is_active, false), p.state, p.schema_id, p.instructions_id, p.hand_size,
    p.set_minutes, p.seconds_per_answer, coalesce(w.answers, 0), coalesce(w.seconds, 0),
    CASE s.stage WHEN 'watched' THEN greatest(p.gold_rate, least(0.3, 2 * p.gold_rate)) ELSE p.gold_rate END, p.price,
    p.budget,
    EXISTS (
        SELECT 1 FROM tasks_assignment a WHERE a.worker_id = s.worker_id AND a.project_id = s.project_id
        AND a.returned AND a.state IN ('released', 'expired')),
    {CAPS_COLUMNS}
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id
JOIN accounts_organisation o ON o.id = p.organisation_id
LEFT JOIN accounts_membership m ON m.organisation_id = p.organisation_id AND m.actor_id = s.worker_id
LEFT JOIN accounts_user u ON u.actor_id = s.worker_id
LEFT JOIN tasks_workerpace w ON w.project_id = s.project_id AND w.worker_id = s.worker_id
WHERE s.project_id = %(project)s AND s.worker_id = %(worker)s
"""  # noqa: S608

DELETE_HAND = "DELETE FROM tasks_hand WHERE id = %s"

# A constant shared by two statements; callers' values are passed as parameters. Here and below, "not assigned before"
# is a subselect of one row rather than NOT EXISTS: the planner turns NOT EXISTS into a join and, if its statistics do
# not know the worker yet, reads everything that the worker has ever had.
CANDIDATE = """
b.project_id = %(project)s AND b.state = 'open' AND b.taken < b.wanted
AND b.generation IS DISTINCT FROM (
    SELECT e.generation FROM tasks_exhaustion e WHERE e.batch_id = b.id AND e.worker_id = %(worker)s)
"""

# By priority, then by deadline, those without one last; then batches that are three quarters done, so that their last
# tasks do not wait behind a fresh batch; then by number. `tasks_batch_in_claim_order` is the index in this order.
BY_URGENCY = "ORDER BY b.priority DESC, b.deadline_at, (b.taken * 4 >= b.wanted * 3) DESC, b.number"

FIRST_CANDIDATE = f"SELECT b.id FROM tasks_batch b WHERE {CANDIDATE} {BY_URGENCY} LIMIT 1"  # noqa: S608

WAIT_FOR_BATCH = "SELECT id FROM tasks_batch WHERE id = %s FOR NO KEY UPDATE"

IS_OFFERED = "(t.state = 'open' OR t.asked_again) AND NOT t.is_set_aside"

OPEN_TO_WORKER = f"""
SELECT t.id, t.priority, t.order_key FROM tasks_task t
WHERE t.batch_id = (SELECT id FROM spot) AND t.taken < t.wanted AND {IS_OFFERED}
  AND t.id <> ALL (%(chosen)s::bigint[])
  AND (
      SELECT a.id FROM tasks_assignment a
      WHERE a.task_id = t.id AND a.worker_id = %(worker)s AND a.round = t.round) IS NULL
  AND (
      SELECT a.id FROM tasks_assignment a WHERE a.worker_id = %(worker)s AND a.gold_id = (
          SELECT g.id FROM tasks_gold g WHERE g.project_id = t.project_id AND g.image_id = t.image_id)) IS NULL
"""  # noqa: S608
START = "(SELECT order_key FROM start)"
# The tasks of a group have one key, so a claim never begins inside a group, and the ties keep it from ending in one.
IN_ORDER = "ORDER BY t.priority DESC, t.order_key FETCH FIRST %(count)s ROWS WITH TIES"

# Every claim starts somewhere else in the random order of the batch's tasks and continues from its beginning, or two
# workers in step would get the same work and tell it from the gold, in which they differ. Two index scans of at most
# `count` rows and the rest of a group cost less than sorting the batch. If the first lap is enough, the second reads
# only tasks that are more urgent; the constant is below every priority.
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
    SELECT id FROM (
        SELECT lap.*, 1 AS number FROM lap
        UNION ALL
        (SELECT o.*, 2 AS number FROM ({OPEN_TO_WORKER} AND t.order_key < {START} AND t.priority > (
            SELECT CASE WHEN count(*) < %(count)s THEN -2147483649 ELSE min(priority) END FROM lap) {IN_ORDER}) o)
    ) laps
    ORDER BY priority DESC, number, order_key
    FETCH FIRST %(count)s ROWS WITH TIES
), picked AS MATERIALIZED (
    SELECT t.id FROM tasks_task t
    WHERE t.id = ANY(ARRAY(SELECT id FROM ring LIMIT %(most)s)) AND t.taken < t.wanted AND {IS_OFFERED}
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
    WHERE (SELECT count(*) FROM ring) < %(count)s
    ON CONFLICT (batch_id, worker_id) DO UPDATE SET generation = excluded.generation
    RETURNING generation
)
SELECT spot.id, (SELECT generation FROM exhausted), task.id, task.round, i.width, i.height, i.rendition_id,
    task.order_key
FROM spot LEFT JOIN task ON true LEFT JOIN tasks_image i ON i.id = task.image_id
"""  # noqa: S608

SAVE_EXHAUSTED = """
INSERT INTO tasks_exhaustion (project_id, batch_id, worker_id, generation)
SELECT %s, m.batch_id, %s, m.generation FROM unnest(%s::bigint[], %s::int[]) AS m(batch_id, generation)
ON CONFLICT (batch_id, worker_id) DO UPDATE SET generation = excluded.generation
"""

# Gold and work are inserted by the same statement in order of position: no id, timestamp or column that a worker can
# see distinguishes them. A position without a rendition is left free for an image that comes back.
WRITE_ASSIGNMENTS = f"""
WITH hand AS (
    UPDATE tasks_hand SET size = %(size)s WHERE id = %(hand)s RETURNING id, expires_at
), exposed AS (
    UPDATE tasks_gold SET exposure = exposure + 1
    FROM (SELECT id FROM tasks_gold WHERE id = ANY(%(gold_ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE) g
    WHERE tasks_gold.id = g.id
    RETURNING tasks_gold.id
), counted AS ({COUNT_IMAGES})
INSERT INTO tasks_assignment (
    public_id, project_id, hand_id, worker_id, task_id, gold_id, round, position, state, counts, late,
    schema_id, instructions_id, rendition_id, width, height, price, leased_at, expires_at)
SELECT gen_random_uuid(), %(project)s, hand.id, %(worker)s, r.task_id, r.gold_id, r.round, r.position, 'leased',
    r.task_id IS NOT NULL, false, %(schema)s, %(instructions)s, r.rendition_id, r.width, r.height, %(price)s,
    clock_timestamp(), hand.expires_at
FROM hand, unnest(%(tasks)s::bigint[], %(golds)s::bigint[], %(rounds)s::int[], %(renditions)s::bigint[],
    %(widths)s::int[], %(heights)s::int[])
    WITH ORDINALITY AS r(task_id, gold_id, round, rendition_id, width, height, position)
WHERE r.rendition_id IS NOT NULL
ORDER BY r.position
RETURNING id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that becomes an assignment: a taken slot of a task, or gold. Width and height of the upright frame.

    `order_key` is that of the task, which the tasks of a group share; gold has none.
    """

    task_id: int | None
    gold_id: int | None
    round: int
    width: int
    height: int
    rendition_id: int
    order_key: float | None = None


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """The slots claimed from one batch, and the generation of the batch that the worker has now exhausted, or None."""

    batch_id: int
    exhausted_generation: int | None
    slots: Sequence[Slot]


@dataclass(frozen=True, slots=True)
class NewHand:
    id: int
    public_id: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """A worker's standing and measured time in a project, and the project's current policies for a hand.

    `most`: what the budget allows.
    """

    pk: int
    standing: str
    role: str | None
    active: bool
    state: str
    schema_id: int | None
    instructions_id: int | None
    hand_size: int
    set_minutes: int
    seconds_per_answer: int
    measured_answers: int
    measured_seconds: float
    gold_rate: float
    price: Decimal
    budget: Decimal | None
    has_returned: bool
    caps: Caps
    most: int = MAX_SET

    @property
    def size(self) -> int:
        """How many images a hand of this worker has."""
        seconds = pace(expected=self.seconds_per_answer, answers=self.measured_answers, seconds=self.measured_seconds)
        size = set_size(images=self.hand_size, minutes=self.set_minutes, seconds_per_answer=seconds)
        return min(size, self.most)


@dataclass(frozen=True, slots=True)
class AssignmentVersions:
    """The versions and the price that every assignment of a hand keeps, even if the project changes later."""

    schema_id: int
    instructions_id: int | None
    price: Decimal


def insert_hand(*, project_id: int, worker_id: int) -> NewHand | None:
    """Locks the worker's access, shared. Insert an empty live hand.

    Returns None if the worker already has one in this project, or the project is not open.
    """
    rows = run_prepared(INSERT_HAND, {"project": project_id, "worker": worker_id})
    return NewHand(*rows[0]) if rows else None


def load_claim_policy(*, project_id: int, worker_id: int) -> ClaimPolicy | None:
    """Needs the lock of `insert_hand`. Return the claim policy, or None if the worker was never admitted."""
    rows = run_prepared(SELECT_POLICY, {"project": project_id, "worker": worker_id})
    if not rows:
        return None
    (row,), used = rows, len(Caps._fields)
    return ClaimPolicy(*(project_id, *row[:-used], Caps(*row[-used:])))


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
    *, project_id: int, worker_id: int, count: int, most: int, chosen: Sequence[int]
) -> BatchClaim | None:
    """Locks a batch and some of its tasks. Claim up to `count` slots from the first candidate batch that is not locked.

    If the last of them is in a group, its other tasks come on top, up to `most` slots in total. `chosen` are the tasks
    that this hand has already. Fewer slots than are open may come back, if others took some at the same moment; the
    batch is then not exhausted, and its lock is held. Returns None if every candidate is locked or there is none.
    """
    params = {"project": project_id, "worker": worker_id, "count": count, "most": most, "chosen": list(chosen)}
    rows = run_prepared(CLAIM_FROM_BATCH, params)
    if not rows:
        return None
    slots = [Slot(row[2], None, *row[3:]) for row in rows if row[2] is not None]
    return BatchClaim(batch_id=rows[0][0], exhausted_generation=rows[0][1], slots=slots)


def save_batch_cursors(*, project_id: int, worker_id: int, generations: Mapping[int, int]) -> None:
    """Write the batch cursors {batch id: generation} of an attempt that was rolled back.

    They stay true without a lock: within a generation slots are only ever taken.
    """
    if generations:
        with connection.cursor() as cursor:
            cursor.execute(SAVE_EXHAUSTED, [project_id, worker_id, list(generations), list(generations.values())])


def write_assignments(
    *,
    project_id: int,
    worker_id: int,
    hand_id: int,
    slots: Sequence[Slot | None],
    versions: AssignmentVersions,
    had: int | None,
) -> None:
    """Locks the gold among them, then the standing, after all other locks. Write the assignments in the given order.

    None leaves a position free. Counts the images on the standing; `had` is how many the worker got before, if known.
    """
    params: dict[str, Any] = {
        "project": project_id,
        "worker": worker_id,
        "hand": hand_id,
        "size": len(slots),
        "fresh": sum(slot is not None for slot in slots),
        "had": had,
        "schema": versions.schema_id,
        "instructions": versions.instructions_id,
        "price": versions.price,
        "gold_ids": [slot.gold_id for slot in slots if slot and slot.gold_id is not None],
        "tasks": [slot.task_id if slot else None for slot in slots],
        "golds": [slot.gold_id if slot else None for slot in slots],
        "rounds": [slot.round if slot else None for slot in slots],
        "renditions": [slot.rendition_id if slot else None for slot in slots],
        "widths": [slot.width if slot else None for slot in slots],
        "heights": [slot.height if slot else None for slot in slots],
    }
    run_prepared(WRITE_ASSIGNMENTS, params)
