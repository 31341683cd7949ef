"""Writing to the ledger."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from accounts.models import Actor
from kernel.clock import database_now
from projects.models import Project
from projects.pay_terms import PayTerms
from tasks.assignment.models import Assignment, Hand
from tasks.pay.amounts import fix_amounts, terms_of
from tasks.pay.approvals import tell_when_approved
from tasks.pay.models import LedgerEntry

# A correction is credited with its price of 0, however the set is paid: the image was paid before.
# The unique index on credits makes this safe to repeat: a second run credits nothing. A late answer that arrived after
# the amounts were computed is left to its own job.
POST_CREDITS = """
WITH now AS MATERIALIZED (
    SELECT clock_timestamp() AS at
), posted AS (
    INSERT INTO tasks_ledgerentry (
        public_id, project_id, worker_id, kind, assignment_id, hand_id, amount, currency, cause, seconds, created_at,
        approved_at)
    SELECT gen_random_uuid(), a.project_id, a.worker_id, 'credit', a.id, a.hand_id, a.price, p.currency, '',
        t.seconds, now.at, CASE WHEN p.approval_days > 0 THEN now.at + p.approval_days * interval '1 day' END
    FROM now CROSS JOIN tasks_assignment a JOIN projects_project p ON p.id = a.project_id
    LEFT JOIN unnest(%(ids)s::bigint[], %(seconds)s::numeric[]) AS t(id, seconds) ON t.id = a.id
    WHERE a.hand_id = %(hand)s AND a.state = 'submitted' AND (NOT %(measured)s OR t.id IS NOT NULL OR a.is_correction)
    ORDER BY a.id
    ON CONFLICT (assignment_id) WHERE kind = 'credit' DO NOTHING
    RETURNING amount, assignment_id, approved_at
)
SELECT coalesce(sum(amount), 0), coalesce(array_agg(assignment_id), '{}'), max(approved_at) FROM posted
"""

MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class PostedCredits:
    """The newly posted credits, by assignment, with the top-up to the hourly floor; in the project's currency."""

    amount: Decimal
    assignment_ids: list[int]
    top_up: Decimal = field(default=Decimal(0))

    @property
    def answers(self) -> int:
        return len(self.assignment_ids)

    @property
    def micros(self) -> int:
        """The amount in millionths of the currency, the ledger's precision."""
        return int((self.amount + self.top_up) / MICRO)


def post_credits(*, hand: Hand) -> PostedCredits:
    """Needs the locks of hand and assignments; locks the worker's time, then the total. Credit each submitted answer of
    the hand once, at its pinned price or at what its time or its objects earn, and top it up to the hourly floor.
    """
    terms = terms_of(hand)
    earned = fix_amounts(hand=hand, terms=terms) if terms else None
    seconds = earned.time.seconds if earned and earned.time else {}
    ids = list(earned.amounts) if earned else []
    params: dict[str, Any] = {
        "hand": hand.pk,
        "measured": terms is not None,
        "ids": ids,
        "seconds": [seconds.get(pk) for pk in ids],
    }
    with connection.cursor() as cursor:
        cursor.execute(POST_CREDITS, params)
        row = cursor.fetchone()
    assert row is not None
    top_up = _top_up(hand, terms) if terms and earned and earned.amounts else Decimal(0)
    if row[2] is not None:
        tell_when_approved(worker_id=hand.worker_id, approved_at=row[2])
    return PostedCredits(amount=row[0], assignment_ids=row[1], top_up=top_up)


def _top_up(hand: Hand, terms: PayTerms) -> Decimal:
    """Needs the locks of `post_credits`. Post what the hand is short of its floor, with its credits; return it.

    An answer that comes late is topped up with what it adds. What was topped up is never taken back.
    """
    zero = Decimal(0)
    sums = LedgerEntry.objects.filter(hand=hand, kind__in=[LedgerEntry.Kind.CREDIT, LedgerEntry.Kind.TOP_UP]).aggregate(
        earned=Sum("amount", default=zero), seconds=Sum("seconds", filter=Q(kind="credit"), default=zero)
    )
    missing = terms.top_up(sums["seconds"], sums["earned"])
    if missing:
        LedgerEntry.objects.create(
            project=hand.project,
            worker=hand.worker,
            kind=LedgerEntry.Kind.TOP_UP,
            hand=hand,
            amount=missing,
            currency=hand.project.currency,
            seconds=sums["seconds"],
            approved_at=approval_time(hand.project),
        )
    return missing


def approval_time(project: Project) -> datetime | None:
    """Return when what is earned now is approved by itself, None for at once."""
    return database_now() + timedelta(days=project.approval_days) if project.approval_days else None


def post_correction(
    *,
    project: Project,
    worker: Actor,
    amount: Decimal,
    cause: str,
    assignment: Assignment | None = None,
    reason: str = "",
) -> None:
    """Locks the worker's total. Add to what the worker earned, or take from it if negative; once for each cause.

    `assignment`: if it is about the pay for one answer. The worker reads the `reason`.
    """
    if amount:
        LedgerEntry.objects.create(
            project=project,
            worker=worker,
            kind=LedgerEntry.Kind.CORRECTION,
            amount=amount,
            currency=project.currency,
            cause=cause,
            assignment=assignment,
            reason=reason,
        )
