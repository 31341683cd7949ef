"""Expires overdue leases and settles the hands that are over as a result.

Concurrent sweeps are safe: each step locks its rows and checks them again. Work is done in small transactions, one
batch each, so that claims never wait long for the sweep.
"""

from collections.abc import Iterator
from itertools import groupby
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import close_leases
from tasks.flow.settlement import settle_hand

logger = structlog.get_logger(__name__)

CHUNK = 500
# The beat runs every 15 seconds; further leases wait for the next one.
MAX_LEASES = 10_000


def expire_leases() -> int:
    """Locks batch, tasks, assignments, one batch at a time; then settles hands. Expire leases; returns their number."""
    expired = 0
    for project_id, lease_ids in _expired_leases():
        expired += _expire(project_id, lease_ids)
    settle_expired_hands()
    return expired


def settle_expired_hands() -> int:
    """Settle expired hands; returns their number. Failures are logged and retried by the next sweep."""
    settled = 0
    for worker, hand_id in _expired_hands():
        try:
            settle_hand(worker=worker, hand_id=hand_id)
        except Exception:
            logger.exception("set not settled; the next sweep retries it", hand=str(hand_id))
        else:
            settled += 1
    return settled


def _expired_leases() -> Iterator[tuple[int, list[int]]]:
    """Expired leases, oldest first, grouped by batch (or by project for gold)."""
    rows = list(
        Assignment.objects.filter(state=Assignment.State.LEASED, expires_at__lte=ClockTimestamp())
        .order_by("expires_at")
        .values_list("project_id", "task__batch_id", "pk")[:MAX_LEASES]
    )
    rows.sort(key=_group_key)
    for (project_id, _batch_id), group in groupby(rows, key=_group_key):
        ids = [row[2] for row in group]
        for start in range(0, len(ids), CHUNK):
            yield project_id, ids[start : start + CHUNK]


def _group_key(row: tuple[int, int | None, int]) -> tuple[int, int]:
    return row[0], row[1] or 0


@transaction.atomic
def _expire(project_id: int, lease_ids: list[int]) -> int:
    """Expire the leases; skips those that a concurrent submission holds."""
    count = close_leases(assignment_ids=lease_ids, state=Assignment.State.EXPIRED, only_over=True, skip_locked=True)
    if count:
        record_event(project_id=project_id, kind="assignment.expired", leased=-count, expired=count)
    return count


def _expired_hands() -> list[tuple[Actor, UUID]]:
    hands = Hand.objects.filter(state=Hand.State.LIVE, expires_at__lte=ClockTimestamp()).exclude(
        assignments__state=Assignment.State.LEASED
    )
    rows = hands.select_related("worker").order_by("expires_at")[:CHUNK]
    return [(hand.worker, hand.public_id) for hand in rows]
