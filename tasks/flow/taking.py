"""Taking the next set, also when the last one's time ran out and no sweep came by yet."""

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.flow.settling import settle_hand


def take_hand(*, worker: Actor, project: Project) -> Hand | None:
    """Finish a hand of this worker whose time is over, then claim; results and errors as for `claim_hand`.

    Claiming alone would return the old hand, of which nothing can be done in time any more.
    """
    over = Hand.objects.filter(
        project=project, worker=worker, state=Hand.State.LIVE, expires_at__lte=ClockTimestamp()
    ).first()
    if over is not None:
        settle_hand(worker=worker, hand_id=over.public_id)
    return claim_hand(worker=worker, project=project)
