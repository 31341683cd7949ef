"""Claims the next hand, settling an expired one first if no sweep has done so yet."""

from collections.abc import Callable

from accounts.models import Actor
from kernel.statements import run_prepared
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import ClaimedHand, claim_or_find_hand
from tasks.flow.settlement import settle_if_over

# A worker has at most one per project (tasks_hand_one_live_per_project_and_worker).
EXPIRED_HAND = """
SELECT id FROM tasks_hand
WHERE project_id = %(project)s AND worker_id = %(worker)s AND state = 'live' AND expires_at <= clock_timestamp()
"""


def claim(*, worker: Actor, project: Project, check: Callable[[], None] | None = None) -> ClaimedHand | None:
    """Settle the worker's expired hand, if any, then claim; takes, returns and raises what `claim_or_find_hand` does.

    Claiming alone would return the expired hand, whose leases are all over.
    """
    expired = _expired_hand(worker, project)
    if expired is not None:
        settle_if_over(hand_id=expired)
    claimed = claim_or_find_hand(worker=worker, project=project, check=check)
    if claimed is not None:
        claimed.hand.project = project
    return claimed


def claim_next_hand(*, worker: Actor, project: Project) -> Hand | None:
    claimed = claim(worker=worker, project=project)
    return claimed.hand if claimed is not None else None


def _expired_hand(worker: Actor, project: Project) -> int | None:
    """The row id of the worker's live hand, if it has expired by the database's clock."""
    rows = run_prepared(EXPIRED_HAND, {"project": project.pk, "worker": worker.pk})
    return rows[0][0] if rows else None
