"""Taking the next set, also when the last one's time ran out and no sweep came by yet."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.flow.settlement import settle_hand

# A worker has one at most (tasks_hand_one_live_per_project_and_worker).
LIVE = """
SELECT id, public_id, expires_at <= clock_timestamp() FROM tasks_hand
WHERE project_id = %s AND worker_id = %s AND state = 'live'
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A live hand; `fresh` when it was not there before."""

    hand: Hand
    fresh: bool


def take(*, worker: Actor, project: Project) -> Taken | None:
    """Finish a hand of this worker whose time is over, then claim; None and errors as for `claim_hand`.

    Claiming alone would return the old hand, of which nothing can be done in time any more.
    """
    before = _live(worker, project)
    if before is not None and before[2]:
        settle_hand(worker=worker, hand_id=before[1])
    hand = claim_hand(worker=worker, project=project)
    if hand is None:
        return None
    hand.project = project
    return Taken(hand, fresh=before is None or before[0] != hand.pk)


def take_hand(*, worker: Actor, project: Project) -> Hand | None:
    taken = take(worker=worker, project=project)
    return taken.hand if taken is not None else None


def _live(worker: Actor, project: Project) -> tuple[int, UUID, bool] | None:
    """Primary key and public id of the worker's live hand, and whether its time is over by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(LIVE, [project.pk, worker.pk])
        row: tuple[int, UUID, bool] | None = cursor.fetchone()
    return row
