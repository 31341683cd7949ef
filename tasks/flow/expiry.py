"""The sweep: expires leases whose time is over, settles the hands that are over, ends corrections that nobody takes,
and compares late answers.

Everything happens in small transactions, so that claims and answers never wait long for the sweep, and a backlog of any
size is worked off in bounded steps. What cannot be done at once (another transaction holds it, or it fails) is put
behind everything else, so it holds up nothing. Several sweeps share the work: each passes over what another holds, and
checks every row again under its lock.
"""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import structlog
from django.db import connection, transaction

from kernel.events import record_event
from kernel.statements import run_prepared
from tasks.assignment.slots import expire_overdue
from tasks.flow.corrections import end_corrections
from tasks.flow.gold_comparison import compare_late_answers
from tasks.flow.settlement import settle_if_over
from tasks.standing.services import record_returns

logger = structlog.get_logger(__name__)

#: Leases of one transaction.
STEP = 200
#: Leases, and hands, that are read at once.
WINDOW = 10_000
#: Seconds after which a sweep leaves the rest to the next one, for leases and for hands; its job has a limit of 120.
SECONDS = 40.0

# The subselect is evaluated once, so the index gives those that are over; `clock_timestamp()` alone would be compared
# with every live lease.
OVERDUE_LEASES = """
SELECT a.expires_at, a.id, a.project_id, coalesce(t.batch_id, 0)
FROM tasks_assignment a LEFT JOIN tasks_task t ON t.id = a.task_id
WHERE a.state = 'leased' AND a.position > 0 AND a.expires_at <= (SELECT clock_timestamp())
  AND (a.expires_at, a.id) > (%(at)s::timestamptz, %(id)s::bigint)
ORDER BY a.expires_at, a.id
LIMIT %(window)s
"""
OVERDUE_HANDS = """
SELECT h.expires_at, h.id FROM tasks_hand h
WHERE h.state = 'live' AND h.expires_at <= (SELECT clock_timestamp())
  AND (h.expires_at, h.id) > (%(at)s::timestamptz, %(id)s::bigint)
  AND NOT EXISTS (SELECT FROM tasks_assignment a WHERE a.hand_id = h.id AND a.state = 'leased')
ORDER BY h.expires_at, h.id
LIMIT %(window)s
"""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

#: A project, and the leases of one transaction.
Step = tuple[int, list[int]]

_rng = random.SystemRandom()


def expire_leases(*, seconds: float = SECONDS) -> int:
    """Locks batches, tasks, assignments, standings, for some leases at a time; then settles hands and compares late
    answers. Stops after `seconds` for the leases and as many for the hands; the next sweep goes on.

    Returns the number of expired leases.
    """
    expired = _expire_all(until=time.monotonic() + seconds)
    settle_expired_hands(seconds=seconds)
    end_corrections()
    compare_late_answers()
    return expired


def settle_expired_hands(*, seconds: float = SECONDS) -> int:
    """Settle hands that are over, oldest first; returns their number. Failures are logged and retried by the next
    sweep."""
    until = time.monotonic() + seconds
    settled = 0
    for window in _windows(OVERDUE_HANDS):
        for _, hand_id in window:
            if time.monotonic() > until:
                return settled
            try:
                settled += settle_if_over(hand_id=hand_id, wait=False)
            except Exception:
                _raise_if_disconnected()
                logger.exception("set not settled; the next sweep retries it", hand=hand_id)
    return settled


def _expire_all(*, until: float) -> int:
    """Expire overdue leases, oldest first; then those whose batches were held, then those of the steps that failed."""
    expired = 0
    held: list[Step] = []
    failed: list[Step] = []
    for window in _windows(OVERDUE_LEASES):
        for project_id, leases in _steps(window):
            if time.monotonic() > until:
                return expired
            try:
                count, busy = _expire(project_id, leases, wait=False)
            except Exception:
                _raise_if_disconnected()
                failed.append((project_id, leases))
                continue
            expired += count
            if busy:
                held.append((project_id, busy))
    return expired + sum(_expire_in_halves(*step, until=until) for step in [*held, *failed])


def _expire_in_halves(project_id: int, leases: list[int], *, until: float) -> int:
    """Waits for batches. Expire the leases; if that fails, each half by itself, down to the one that cannot expire."""
    if time.monotonic() > until:
        return 0
    try:
        return _expire(project_id, leases, wait=True)[0]
    except Exception:
        _raise_if_disconnected()
        if len(leases) == 1:
            logger.exception("lease not expired; the next sweep retries it", assignment=leases[0])
            return 0
    middle = len(leases) // 2
    return sum(_expire_in_halves(project_id, half, until=until) for half in (leases[:middle], leases[middle:]))


@transaction.atomic
def _expire(project_id: int, leases: list[int], *, wait: bool) -> tuple[int, list[int]]:
    """Expire leases of a project; returns how many, and those whose batches another transaction holds."""
    expired, busy = expire_overdue(assignment_ids=leases, wait=wait)
    count = sum(expired.values())
    if count:
        record_event(project_id=project_id, kind="assignment.expired", leased=-count, expired=count)
        record_returns(project_id=project_id, images=expired)
    return count, busy


def _raise_if_disconnected() -> None:
    """Raise the exception that is being handled if the connection is lost: every further step would fail too."""
    if not connection.is_usable():
        raise  # noqa: PLE0704


def _windows(statement: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a statement, a window at a time: each row once, whether or not it could be dealt with."""
    at, row_id = _BEGINNING, 0
    while rows := list(run_prepared(statement, {"at": at, "id": row_id, "window": WINDOW})):
        yield rows
        at, row_id = rows[-1][:2]


def _steps(rows: list[tuple[Any, ...]]) -> list[Step]:
    """Return (project, leases) for each transaction, leases of the same batch next to each other.

    In random order, so that sweeps that have read the same rows seldom come to the same ones.
    """
    rows.sort(key=lambda row: (row[2], row[3], row[1]))
    steps: list[Step] = []
    for project_id, group in groupby(rows, key=lambda row: row[2]):
        ids = [row[1] for row in group]
        steps += [(project_id, ids[start : start + STEP]) for start in range(0, len(ids), STEP)]
    _rng.shuffle(steps)
    return steps
