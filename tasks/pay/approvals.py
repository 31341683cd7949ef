"""Notices about pay that is approved by itself, when its time has come: one a day, with the sum of the day (UTC).

Nothing is written to the ledger then, so a job is queued with what is earned, for the day on which it is approved.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kernel.job_kinds import JobKind
from kernel.jobs import enqueue
from tasks.notices.models import Notice
from tasks.notices.services import write_notices_from


@dataclass(frozen=True, slots=True)
class ApprovedDay:
    """What of a worker (row id) is approved on a day, as ISO 8601, in UTC."""

    worker_id: int
    day: str


TELL_APPROVED = JobKind("notices.tell_approved", ApprovedDay)

APPROVED = """
SELECT e.worker_id AS actor_id, p.organisation_id, NULL::bigint AS project_id,
    'approved ' || %(day)s || ' ' || p.organisation_id || ' ' || e.currency AS key,
    jsonb_build_object('amount', sum(e.amount)::text, 'currency', e.currency) AS data
FROM tasks_ledgerentry e JOIN projects_project p ON p.id = e.project_id
WHERE e.worker_id = %(worker)s AND e.approved_at >= %(start)s AND e.approved_at < %(end)s
GROUP BY e.worker_id, p.organisation_id, e.currency HAVING sum(e.amount) > 0
"""


def tell_when_approved(*, worker_id: int, approved_at: datetime) -> None:
    """Queue the notice of the day on which this is approved, unless it is queued. In the caller's transaction."""
    day = approved_at.astimezone(UTC).date()
    enqueue(
        TELL_APPROVED,
        ApprovedDay(worker_id, day.isoformat()),
        dedupe_key=f"{TELL_APPROVED.name}:{worker_id}:{day}",
        not_before=_bounds(day)[1] + timedelta(minutes=1),
    )


def tell_approved(*, worker_id: int, day: date) -> int:
    """Tell the worker what was approved on a day that is over; return the number of notices. Twice tells it once."""
    start, end = _bounds(day)
    params = {"worker": worker_id, "day": day.isoformat(), "start": start, "end": end}
    return write_notices_from(kind=Notice.Kind.MONEY_APPROVED, source=APPROVED, params=params)


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), tzinfo=UTC)
    return start, start + timedelta(days=1)
