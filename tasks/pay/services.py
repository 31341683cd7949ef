"""Writing to the ledger."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.pay.models import LedgerEntry

# The unique index on credits makes this safe to repeat: a second run credits nothing.
POST_CREDITS = """
WITH posted AS (
    INSERT INTO tasks_ledgerentry (
        public_id, project_id, worker_id, kind, assignment_id, hand_id, amount, currency, cause, created_at)
    SELECT gen_random_uuid(), a.project_id, a.worker_id, 'credit', a.id, a.hand_id, a.price, p.currency, '',
        clock_timestamp()
    FROM tasks_assignment a JOIN projects_project p ON p.id = a.project_id
    WHERE a.hand_id = %s AND a.state = 'submitted'
    ORDER BY a.id
    ON CONFLICT (assignment_id) WHERE kind = 'credit' DO NOTHING
    RETURNING amount, assignment_id
)
SELECT coalesce(sum(amount), 0), coalesce(array_agg(assignment_id), '{}') FROM posted
"""

MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class PostedCredits:
    """The newly posted credits, by assignment; the amount is in the project's currency."""

    amount: Decimal
    assignment_ids: list[int]

    @property
    def answers(self) -> int:
        return len(self.assignment_ids)

    @property
    def micros(self) -> int:
        """The amount in millionths of the currency, the ledger's precision."""
        return int(self.amount / MICRO)


def post_credits(*, hand: Hand) -> PostedCredits:
    """Needs the hand's lock. Credit each submitted answer of the hand once, at its pinned price."""
    with connection.cursor() as cursor:
        cursor.execute(POST_CREDITS, [hand.pk])
        row = cursor.fetchone()
    assert row is not None
    return PostedCredits(amount=row[0], assignment_ids=row[1])


def post_correction(
    *, project: Project, worker: Actor, amount: Decimal, cause: str, assignment: Assignment | None = None
) -> None:
    """Locks the worker's total. Add to what the worker earned, or take from it if negative; once for each cause.

    `assignment`: if it is about the pay for one answer.
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
        )
