"""Leases again what a worker was shown and did not answer, and what a reviewer sent back to be corrected; runs in the
transaction of `services.claim_hand`.

It comes back before anything new, gold and work alike, even if others have filled the task meanwhile: see
docs/decisions/0015-what-was-shown-comes-back.md. What was sent back has a slot that is kept for the worker:
docs/decisions/0040-sending-back-and-stages-of-review.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernel.statements import run_prepared
from tasks.assignment.assigning import AssignmentVersions
from tasks.assignment.caps import IS_WAITING, KEPT
from tasks.assignment.slots import lock_slots

# Images of a group come back together, so there may be more than `count`. Of a task whose rounds the worker has had
# several times only the latest assignment comes back.
SELECT_RETURNED = f"""
SELECT a.id, t.id, t.batch_id
FROM (
    SELECT a.id, a.task_id, a.gold_id, a.worker_id, a.round FROM tasks_assignment a
    WHERE a.worker_id = %(worker)s AND a.project_id = %(project)s AND a.returned AND a.state IN ('released', 'expired')
    UNION ALL
    SELECT a.id, a.task_id, a.gold_id, a.worker_id, a.round FROM tasks_assignment a
    WHERE a.id = ANY(ARRAY({KEPT.format(worker="%(worker)s", project="%(project)s")})) AND {IS_WAITING}
) a
LEFT JOIN tasks_task t ON t.id = a.task_id
LEFT JOIN tasks_gold g ON g.id = a.gold_id
WHERE coalesce(g.state, 'active') = 'active'
  AND (
      SELECT l.id FROM tasks_assignment l
      WHERE l.task_id = a.task_id AND l.worker_id = a.worker_id AND l.round > a.round
      LIMIT 1) IS NULL
ORDER BY min(a.id) OVER (PARTITION BY coalesce(t.order_key, CASE WHEN g.batch_id IS NOT NULL THEN g.order_key END),
    CASE WHEN t.id IS NULL AND g.batch_id IS NULL THEN a.id END)
FETCH FIRST %(count)s ROWS WITH TIES
"""  # noqa: S608

# Runs under the locks of batches and tasks. A late answer may have closed an assignment meanwhile.
TAKE_SLOTS = f"""
WITH again AS MATERIALIZED (
    SELECT a.id, a.state, a.counts AS has_slot, t.id AS task_id, coalesce(t.round, a.round) AS round,
        coalesce(t.order_key, o.order_key) AS order_key, coalesce(t.id, o.id, 0) AS own_task_id,
        a.counts OR coalesce((t.state = 'open' OR t.asked_again) AND t.taken < t.wanted, false) AS counts
    FROM tasks_assignment a LEFT JOIN tasks_task t ON t.id = a.task_id
    LEFT JOIN tasks_gold g ON g.id = a.gold_id AND g.batch_id IS NOT NULL
    LEFT JOIN tasks_task o ON o.project_id = g.project_id AND o.image_id = g.image_id
    WHERE a.id = ANY(%(ids)s::bigint[]) AND (a.state IN ('released', 'expired') OR {IS_WAITING})
    ORDER BY a.id
    FOR NO KEY UPDATE OF a
), task AS (
    UPDATE tasks_task t SET taken = t.taken + 1 FROM again
    WHERE again.counts AND NOT again.has_slot AND t.id = again.task_id
    RETURNING t.batch_id
), batch AS (
    UPDATE tasks_batch b SET taken = b.taken + n.slots
    FROM (SELECT batch_id, count(*) AS slots FROM task GROUP BY batch_id) n
    WHERE b.id = n.batch_id
)
SELECT id, state, round, counts, task_id, order_key, own_task_id FROM again
"""  # noqa: S608

LEASE_AGAIN = """
UPDATE tasks_assignment a
SET hand_id = h.id, state = 'leased', round = r.round, counts = r.counts, late = false, position = r.position,
    schema_id = %(schema)s, instructions_id = %(instructions)s,
    price = CASE WHEN a.is_correction THEN 0 ELSE %(price)s END, leased_at = clock_timestamp(),
    expires_at = h.expires_at, closed_at = NULL
FROM tasks_hand h, unnest(%(ids)s::bigint[], %(rounds)s::int[], %(counting)s::bool[], %(positions)s::int[])
    AS r(id, round, counts, position)
WHERE h.id = %(hand)s AND a.id = r.id
RETURNING a.id
"""


@dataclass(frozen=True, slots=True)
class ReturnedImage:
    """An assignment to lease again, in the task's current round; `counts` if its task had a free slot for it.

    Gold has no task, and an order key only if it is in a group; `own_task_id` is its place there, 0 without one.
    """

    assignment_id: int
    state: str
    round: int
    counts: bool
    task_id: int | None
    order_key: float | None
    own_task_id: int


def take_returned(*, project_id: int, worker_id: int, count: int, most: int) -> list[ReturnedImage]:
    """Locks batches, tasks, assignments; the caller must hold none of them yet. Take back up to `count` images, and
    the rest of a group up to `most` images in total. Those that were sent back have their slots.

    `lease_again` must follow in the same transaction: the slots are taken, but the leases are still closed.
    """
    params = {"project": project_id, "worker": worker_id, "count": count}
    rows = run_prepared(SELECT_RETURNED, params)[:most]
    if not rows:
        return []
    work = [(task_id, batch_id) for _, task_id, batch_id in rows if task_id is not None]
    lock_slots(batch_ids=[*{batch_id for _, batch_id in work}], task_ids=[task_id for task_id, _ in work])
    return [ReturnedImage(*row) for row in run_prepared(TAKE_SLOTS, {"ids": [row[0] for row in rows]})]


def lease_again(*, hand_id: int, images: Mapping[int, ReturnedImage], versions: AssignmentVersions) -> None:
    """Needs the locks of `take_returned`. Move these assignments, by position, to the hand and renew their leases."""
    columns: Sequence[ReturnedImage] = list(images.values())
    params: dict[str, Any] = {
        "hand": hand_id,
        "schema": versions.schema_id,
        "instructions": versions.instructions_id,
        "price": versions.price,
        "ids": [image.assignment_id for image in columns],
        "rounds": [image.round for image in columns],
        "counting": [image.counts for image in columns],
        "positions": list(images),
    }
    run_prepared(LEASE_AGAIN, params)
