"""Ending leases whose time is over, and finishing hands that are over with them.

Two sweeps at once are harmless: each step locks its rows and looks again. Work goes in small transactions, one batch
each, so that a claim never waits long for the sweep.
"""

import logging
from collections.abc import Iterator
from itertools import groupby
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import close_leases
from tasks.flow.settlement import settle_hand

logger = logging.getLogger(__name__)

CHUNK = 500
# A beat comes every 15 seconds; what is more than this waits for the next.
MOST = 10_000


def expire_leases() -> int:
    """Locks batch, tasks, assignments, one batch at a time; then settles hands. End leases; returns how many."""
    ended = 0
    for project_id, lease_ids in _over():
        ended += _end(project_id, lease_ids)
    settle_hands_over()
    return ended


def settle_hands_over() -> int:
    """Settle the hands whose time is over; returns how many. One that fails is told to the log and tried again."""
    settled = 0
    for worker, hand_id in _hands_over():
        try:
            settle_hand(worker=worker, hand_id=hand_id)
        except Exception:
            logger.exception("hand %s could not be settled; the next sweep tries again", hand_id)
        else:
            settled += 1
    return settled


def _over() -> Iterator[tuple[int, list[int]]]:
    """Leases that ran out, the longest ago first in line, in groups of one batch (or of a project's gold)."""
    rows = list(
        Assignment.objects.filter(state=Assignment.State.LEASED, expires_at__lte=ClockTimestamp())
        .order_by("expires_at")
        .values_list("project_id", "task__batch_id", "pk")[:MOST]
    )
    rows.sort(key=_place)
    for (project_id, _batch_id), group in groupby(rows, key=_place):
        ids = [row[2] for row in group]
        for start in range(0, len(ids), CHUNK):
            yield project_id, ids[start : start + CHUNK]


def _place(row: tuple[int, int | None, int]) -> tuple[int, int]:
    return row[0], row[1] or 0


@transaction.atomic
def _end(project_id: int, lease_ids: list[int]) -> int:
    """Leases of which an answer is arriving right now are locked by it and left to it."""
    count = close_leases(assignment_ids=lease_ids, state=Assignment.State.EXPIRED, only_over=True, skip_locked=True)
    if count:
        record_event(project_id=project_id, kind="assignment.expired", leased=-count, expired=count)
    return count


def _hands_over() -> list[tuple[Actor, UUID]]:
    hands = Hand.objects.filter(state=Hand.State.LIVE, expires_at__lte=ClockTimestamp()).exclude(
        assignments__state=Assignment.State.LEASED
    )
    rows = hands.select_related("worker").order_by("expires_at")[:CHUNK]
    return [(hand.worker, hand.public_id) for hand in rows]
