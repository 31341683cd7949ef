"""Writes the assignments of a new hand; runs in the transaction of `services.claim_hand`, when all are chosen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kernel.statements import run_prepared
from projects.pay_terms import PayTerms
from tasks.assignment.caps import COUNT_IMAGES
from tasks.assignment.claiming import Slot

# Gold and work are inserted by the same statement in order of position: no id, timestamp or column that a worker can
# see distinguishes them. A position without a rendition is left free for an image that comes back.
WRITE_ASSIGNMENTS = f"""
WITH hand AS (
    UPDATE tasks_hand SET size = %(size)s, pay_terms = %(terms)s::jsonb WHERE id = %(hand)s RETURNING id, expires_at
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
class AssignmentVersions:
    """The versions and the terms of pay that a hand keeps, even if the project changes later."""

    schema_id: int
    instructions_id: int | None
    terms: PayTerms

    @property
    def price(self) -> Decimal:
        """What each of its answers pays; the most that it can, if that depends on the answer."""
        return self.terms.most_per_answer


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
        "terms": None if versions.terms.is_fixed else json.dumps(versions.terms.to_json()),
        "gold_ids": [slot.gold_id for slot in slots if slot and slot.gold_id is not None],
        "tasks": [slot.task_id if slot else None for slot in slots],
        "golds": [slot.gold_id if slot else None for slot in slots],
        "rounds": [slot.round if slot else None for slot in slots],
        "renditions": [slot.rendition_id if slot else None for slot in slots],
        "widths": [slot.width if slot else None for slot in slots],
        "heights": [slot.height if slot else None for slot in slots],
    }
    run_prepared(WRITE_ASSIGNMENTS, params)
