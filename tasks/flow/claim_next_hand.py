"""Claims the next hand, settling an expired one first if no sweep has done so yet."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import Actor
from kernel.prepared_statements import run_prepared
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.flow.settlement import settle_hand

# A worker has at most one per project (tasks_hand_one_live_per_project_and_worker).
LIVE_HAND = """
SELECT id, public_id, expires_at <= clock_timestamp() FROM tasks_hand
WHERE project_id = %(project)s AND worker_id = %(worker)s AND state = 'live'
"""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A live hand; `fresh` if this call created it."""

    hand: Hand
    fresh: bool


def claim(*, worker: Actor, project: Project) -> ClaimResult | None:
    """Settle the worker's expired hand, if any, then claim; returns None and raises as `claim_hand` does.

    Claiming alone would return the expired hand, whose leases are all over.
    """
    previous = _live_hand(worker, project)
    if previous is not None and previous[2]:
        settle_hand(worker=worker, hand_id=previous[1])
    hand = claim_hand(worker=worker, project=project)
    if hand is None:
        return None
    hand.project = project
    return ClaimResult(hand, fresh=previous is None or previous[0] != hand.pk)


def claim_next_hand(*, worker: Actor, project: Project) -> Hand | None:
    result = claim(worker=worker, project=project)
    return result.hand if result is not None else None


def _live_hand(worker: Actor, project: Project) -> tuple[int, UUID, bool] | None:
    """Primary key and public id of the worker's live hand, and whether it has expired by the database's clock."""
    rows = run_prepared(LIVE_HAND, {"project": project.pk, "worker": worker.pk})
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None
