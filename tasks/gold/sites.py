"""Where gold stands among the work, so that workers see it as they see work.

Gold has a site, a task: whoever gets the task in a claim gets the gold too, or one of the two if the set begins or ends
between them. So as many people see it as see the task, and the same people. Gold in a group of images comes with its
group instead. See docs/decisions/0031-gold-stands-among-the-work.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from kernel.statements import run_prepared

_rng = SystemRandom()

# The worker has had the image neither as gold nor as work, this set has it neither in its `golds` nor in its `chosen`
# tasks, and it is not work that is open, which could get into the set besides. Subselects of at most one row, not NOT
# EXISTS: see tasks.assignment.claiming.
IS_NEW = """g.id <> ALL (%(golds)s::bigint[])
    AND (SELECT a.id FROM tasks_assignment a WHERE a.gold_id = g.id AND a.worker_id = %(worker)s LIMIT 1) IS NULL
    AND (
        SELECT 1 FROM tasks_task t
        WHERE t.project_id = g.project_id AND t.image_id = g.image_id AND (
            (t.state = 'open' OR t.asked_again) AND t.taken < t.wanted OR t.id = ANY(%(chosen)s::bigint[]) OR EXISTS (
                SELECT 1 FROM tasks_assignment a WHERE a.task_id = t.id AND a.worker_id = %(worker)s))) IS NULL"""
IS_OFFERED = "g.state = 'active' AND NOT g.is_set_aside"
VIEWS = """g.views_before + (
        SELECT count(*) FROM tasks_assignment a WHERE a.gold_id = g.id AND a.state IN ('leased', 'submitted'))"""

#: Of gold `g` at a site with the slots `wanted`: whether one more worker may get it.
MAY_BE_SEEN = f"NOT g.is_set_aside AND {VIEWS} < greatest(g.views_wanted, wanted)"

# Of a project `p`, for claims: gold to place, and gold from before there was a limit of views.
_IS_UNPLACED = "g.state = 'active' AND g.views_wanted IS NOT NULL AND g.site_id IS NULL AND NOT g.in_group"
HAS_UNPLACED = f"EXISTS (SELECT FROM tasks_gold g WHERE g.project_id = p.id AND {_IS_UNPLACED})"
HAS_UNLIMITED = """EXISTS (
        SELECT FROM tasks_gold g WHERE g.project_id = p.id AND g.state = 'active' AND g.views_wanted IS NULL)"""

OUT_OF_GOLD = f"""
SELECT NOT {HAS_UNLIMITED} AND NOT EXISTS (
    SELECT FROM tasks_gold g LEFT JOIN tasks_batch b ON b.id = g.batch_id
    WHERE g.project_id = p.id AND g.state = 'active' AND g.site_id IS NULL AND g.views_wanted IS NOT NULL
      AND (g.batch_id IS NULL OR b.state = 'open' AND b.taken < b.wanted))
FROM projects_project p WHERE p.id = %(project)s
"""  # noqa: S608


def _near(where: str, order: str) -> str:
    return f"""SELECT g.id FROM tasks_gold g
        WHERE g.project_id = %(project)s AND {_IS_UNPLACED} AND NOT g.is_set_aside AND {where}
          AND {VIEWS} < g.views_wanted AND {IS_NEW}
        ORDER BY {order} LIMIT {NEAR}"""  # noqa: S608


#: How many images after a random one of the batch are considered for a site, and how many without a limit for a hand.
NEAR, WINDOW = 8, 50

# A site without gold gets one whose own task is in the same batch, or else gold that belongs to no batch: the first
# that has no site yet, at or after the image of a random task of the batch, or else before it. Gold of other batches
# would stand out where a batch is one folder of the upload, and run out before the work, so that gold would be seen
# earlier than work. Claims of other batches skip what this one locks; those of the same batch wait for its lock, so a
# site gets one gold, and no gold has more views than it may: a site's batch is locked by whoever gives its gold to a
# worker.
#
# Where even this finds none, gold without a limit of views helps out, least exposed first, with ties at random; the
# window keeps the sort small. Both limits are literals: with a parameter PostgreSQL found each custom plan cheaper than
# the generic one, and replanned every time.
GOLD_AT = f"""
WITH site AS MATERIALIZED (
    SELECT t.id, t.batch_id, t.wanted, s.point
    FROM unnest(%(sites)s::bigint[], %(points)s::float8[]) AS s(task_id, point) JOIN tasks_task t ON t.id = s.task_id
), bound AS MATERIALIZED (
    SELECT g.id, site.id AS site_id, {MAY_BE_SEEN} AND {IS_NEW} AS is_for_worker
    FROM site JOIN tasks_gold g ON g.site_id = site.id
    WHERE g.state = 'active'
), free AS MATERIALIZED (
    SELECT site.*, row_number() OVER (ORDER BY id) AS number FROM site
    WHERE id <> ALL (ARRAY(SELECT site_id FROM bound))
), near AS MATERIALIZED (
    SELECT DISTINCT c.id
    FROM free
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT r.image_id FROM tasks_task r
             WHERE r.batch_id = free.batch_id AND r.taken < r.wanted AND r.priority = 0 AND r.order_key >= free.point
             ORDER BY r.order_key LIMIT 1),
            (SELECT r.image_id FROM tasks_task r WHERE r.id = free.id)) AS image_id
    ) like_it
    CROSS JOIN LATERAL (
        ({_near("g.batch_id = free.batch_id AND g.image_id >= like_it.image_id", "g.image_id")})
        UNION ALL
        ({_near("g.batch_id = free.batch_id AND g.image_id < like_it.image_id", "g.image_id DESC")})
        UNION ALL
        ({_near("g.batch_id IS NULL AND g.image_id >= like_it.image_id", "g.image_id")})
        UNION ALL
        ({_near("g.batch_id IS NULL AND g.image_id < like_it.image_id", "g.image_id DESC")})
        LIMIT {NEAR}
    ) c
), fresh AS MATERIALIZED (
    SELECT g.id FROM tasks_gold g
    WHERE g.id = ANY(ARRAY(SELECT id FROM near)) AND {IS_OFFERED} AND g.site_id IS NULL
    ORDER BY random() LIMIT (SELECT count(*) FROM free)
    FOR NO KEY UPDATE SKIP LOCKED
), placed AS (
    UPDATE tasks_gold g SET site_id = free.id
    FROM (SELECT id, row_number() OVER () AS number FROM fresh) f JOIN free ON free.number = f.number
    WHERE g.id = f.id
    RETURNING g.id
), unlimited AS MATERIALIZED (
    SELECT w.id FROM (
        SELECT g.id, g.exposure FROM tasks_gold g
        WHERE g.project_id = %(project)s AND {IS_OFFERED} AND g.views_wanted IS NULL AND {IS_NEW}
          AND (SELECT count(*) FROM free) > (SELECT count(*) FROM fresh)
        ORDER BY g.exposure, g.order_key
        LIMIT {WINDOW}
    ) w
    ORDER BY w.exposure, random()
    LIMIT (SELECT count(*) FROM free) - (SELECT count(*) FROM fresh)
), in_group AS MATERIALIZED (
    SELECT g.id FROM tasks_gold g
    WHERE g.batch_id = %(batch)s AND g.in_group AND g.order_key = ANY(%(keys)s::float8[]) AND {IS_OFFERED} AND {IS_NEW}
), chosen AS (
    SELECT id, false AS is_in_group FROM bound WHERE is_for_worker
    UNION ALL SELECT id, false FROM placed
    UNION ALL SELECT id, false FROM unlimited
    UNION ALL SELECT id, true FROM in_group
)
SELECT g.id, i.width, i.height, i.rendition_id, o.order_key, o.id
FROM chosen c JOIN tasks_gold g ON g.id = c.id JOIN tasks_image i ON i.id = g.image_id
LEFT JOIN tasks_task o ON c.is_in_group AND o.project_id = g.project_id AND o.image_id = g.image_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class GoldForWorker:
    """Gold that is new to a worker; width and height of the upright frame.

    In a group of images it has the `order_key` of the group's tasks, and `own_task_id` is its place among them.
    """

    id: int
    width: int
    height: int
    rendition_id: int
    order_key: float | None
    own_task_id: int | None


def gold_at(
    *,
    project_id: int,
    worker_id: int,
    batch_id: int,
    sites: Sequence[int],
    keys: Sequence[float],
    chosen: Sequence[int],
    golds: Sequence[int],
) -> list[GoldForWorker]:
    """Needs the batch's lock; locks gold that gets a site. Return the gold at these tasks that the worker may get, and
    that of the groups with these order keys; fewer than sites if the project has no gold left. `chosen` are all tasks
    of the set, `golds` the gold that it has already.
    """
    params: dict[str, Any] = {
        "project": project_id,
        "worker": worker_id,
        "batch": batch_id,
        "sites": list(sites),
        "points": [_rng.random() for _ in sites],
        "keys": list(keys),
        "chosen": list(chosen),
        "golds": list(golds),
    }
    return [GoldForWorker(*row) for row in run_prepared(GOLD_AT, params)]


def is_out_of_gold(*, project_id: int) -> bool:
    """Return whether no gold is left that has not been given a place among the work, nor any in a group with work."""
    return bool(run_prepared(OUT_OF_GOLD, {"project": project_id})[0][0])
