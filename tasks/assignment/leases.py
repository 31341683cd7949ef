"""How long a worker may hold a hand: an answer renews its lease, a worker can ask for more time, up to one limit.

Every lease of a hand ends with the hand, so both are changed by one statement. A lease whose end has passed is never
renewed: whoever has seen that it is over may rely on it, once they hold the lock of the hand.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from kernel.errors import NotFound
from kernel.statements import run_prepared
from tasks.assignment.errors import SetOver, TimeLimitReached
from tasks.assignment.models import Assignment, Hand

#: A hand ends at the latest this many times the project's `lease_seconds` after its claim. The policy is the time
#: that a set usually takes; with four times as much, a slow worker finishes it, and one who answers an image now and
#: then, to keep the rest from other people, cannot hold it for longer than that.
MOST_LEASES = 4

_ENDS = (
    "least({now} + p.lease_seconds * interval '1 second',"
    f" h.created_at + {MOST_LEASES} * p.lease_seconds * interval '1 second')"
)
_HALF_USED = (
    "h.expires_at > {now} AND h.expires_at < least({now} + p.lease_seconds * interval '500 milliseconds',"
    f" h.created_at + {MOST_LEASES} * p.lease_seconds * interval '1 second')"
)

_RENEW = """
WITH due AS MATERIALIZED (
    SELECT h.id, {ends} AS ends
    FROM tasks_hand h JOIN projects_project p ON p.id = h.project_id, (SELECT clock_timestamp() AS now) t
    WHERE h.id = %(hand)s AND h.state = 'live' AND {condition}
    FOR NO KEY UPDATE OF h {skip_locked}
), renewed AS (
    UPDATE tasks_hand h SET expires_at = due.ends FROM due WHERE h.id = due.id
    RETURNING h.id, h.expires_at
), lease AS MATERIALIZED (
    SELECT a.id FROM tasks_assignment a
    WHERE a.hand_id = (SELECT id FROM renewed) AND a.state = 'leased'
    ORDER BY a.id
    FOR NO KEY UPDATE OF a {skip_locked}
), leases AS (
    UPDATE tasks_assignment a SET expires_at = renewed.expires_at FROM lease, renewed WHERE a.id = lease.id
)
SELECT expires_at FROM renewed
"""
_ENDS_NOW, _IS_HALF_USED = _ENDS.format(now="t.now"), _HALF_USED.format(now="t.now")
# An answer holds its assignment, which comes after the hand in the lock order; so it waits for nothing here. Another
# transaction that holds the hand ends or renews it, and one that holds a lease answers, skips or ends it.
RENEW_WITHOUT_WAITING = _RENEW.format(ends=_ENDS_NOW, condition=_IS_HALF_USED, skip_locked="SKIP LOCKED")
EXTEND = _RENEW.format(ends=_ENDS_NOW, condition=f"h.expires_at > t.now AND h.expires_at < {_ENDS_NOW}", skip_locked="")

SELECT_END = f"""
SELECT h.state = 'live', h.expires_at, h.expires_at <= t.now, {_IS_HALF_USED}
FROM tasks_hand h JOIN projects_project p ON p.id = h.project_id, (SELECT clock_timestamp() AS now) t
WHERE h.id = %(hand)s
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class HandEnd:
    """Whether a hand is live, when it ends, whether that has passed, and whether an answer renews its lease now."""

    is_live: bool
    at: datetime
    is_over: bool
    is_renewal_due: bool


class HandEnds:
    """When the hands of some answers end, and which of them these answers renew."""

    def __init__(self) -> None:
        self._ends: dict[int, datetime] = {}
        self._due: set[int] = set()

    def add(self, hand_id: int, end: datetime, *, is_renewal_due: bool) -> None:
        self._ends[hand_id] = end
        if is_renewal_due:
            self._due.add(hand_id)

    def of(self, assignment: Assignment) -> datetime:
        return self._ends[assignment.hand_id]

    def renew_due(self) -> None:
        """Locks the hands and their leases, without waiting: see `renew_lease`."""
        for hand_id in self._due:
            self._ends[hand_id] = renew_lease(hand_id=hand_id) or self._ends[hand_id]


def is_renewal_due(*, now: str) -> str:
    """Return an SQL condition on a hand `h` of a project `p`: less than half of its lease is left, and it may get more.

    `now` is an expression for the present time.
    """
    return _HALF_USED.format(now=now)


def latest_end(*, hand: Hand, lease_seconds: int) -> datetime:
    """Return the time after which a hand is renewed no more."""
    return hand.created_at + timedelta(seconds=MOST_LEASES * lease_seconds)


def renew_lease(*, hand_id: int) -> datetime | None:
    """Locks the hand and its leases, without waiting. Renew them because of an answer, if that is due.

    Returns the new end. None means that it was not due, or that another transaction has just renewed or is settling it.
    """
    rows = run_prepared(RENEW_WITHOUT_WAITING, {"hand": hand_id})
    return rows[0][0] if rows else None


def read_end(*, hand_id: int) -> HandEnd:
    (row,) = run_prepared(SELECT_END, {"hand": hand_id})
    return HandEnd(*row)


@transaction.atomic
def extend_hand(*, worker: Actor, hand_id: UUID) -> Hand:
    """Locks the hand, then its leases. Give the worker a whole lease from now, up to the limit, and return the hand.

    Repeating it adds nothing but the time since. Raises NotFound, SetOver once its time is up or it is settled, and
    TimeLimitReached.
    """
    # Locked first: the statement below would compare the time at which it began to wait.
    hands = Hand.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    hand = hands.filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    rows = run_prepared(EXTEND, {"hand": hand.pk})
    if rows:
        hand.expires_at = rows[0][0]
        return hand
    end = read_end(hand_id=hand.pk)
    if end.is_over or not end.is_live:
        raise SetOver
    if end.at >= latest_end(hand=hand, lease_seconds=hand.project.lease_seconds):
        raise TimeLimitReached
    return hand  # a manager has shortened the time for a set: it ends later than a new lease would
