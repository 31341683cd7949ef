"""What the answers of a hand pay, if that depends on their time or on their objects.

Check images are measured and paid by the same statements as work. The worker sees sums of sets alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from kernel.locks import lock_named
from projects.pay_terms import PayTerms
from tasks.assignment.models import Hand
from tasks.pay.measured_time import Interval, MeasuredAnswer, PaidTime, measure, window_of
from tasks.pay.models import WorkedTime

# The arrival is that of the last revision, whose time is counted too.
UNPAID = """
SELECT a.id, a.leased_at, max(n.created_at), sum(n.seconds),
    max(jsonb_array_length(n.body->'objects')) FILTER (WHERE n.is_current)
FROM tasks_assignment a JOIN tasks_annotation n ON n.assignment_id = a.id
WHERE a.hand_id = %s AND a.state = 'submitted' AND NOT a.is_correction AND NOT EXISTS (
    SELECT FROM tasks_ledgerentry l WHERE l.assignment_id = a.id AND l.kind = 'credit')
GROUP BY a.id ORDER BY a.id
"""

# What is not needed of what the claim set aside is free again: a trigger notes the change of the price.
SET_PRICES = """
UPDATE tasks_assignment a SET price = r.price
FROM unnest(%s::bigint[], %s::numeric[]) AS r(id, price) WHERE a.id = r.id AND a.price <> r.price
"""


@dataclass(frozen=True, slots=True)
class Earned:
    """What unpaid answers earn without the floor: {row id of an assignment: amount}, and their paid time; None if it
    is not measured."""

    amounts: dict[int, Decimal]
    time: PaidTime | None

    @property
    def amount(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))

    @property
    def seconds(self) -> Decimal:
        return sum(self.time.seconds.values(), Decimal(0)) if self.time else Decimal(0)


def terms_of(hand: Hand) -> PayTerms | None:
    """Return the terms of a hand whose answers do not all pay the price of their assignments, or None."""
    return PayTerms.from_json(hand.pay_terms) if hand.pay_terms else None


def earned_so_far(*, hand: Hand, terms: PayTerms) -> Earned:
    """Return what the unpaid answers of the hand would earn if it were settled now."""
    answers = _unpaid(hand)
    time = None
    if terms.pays_time and answers:
        taken = _taken(hand, window_of(answers))
        time = measure(answers, terms=terms, expected_seconds=hand.project.seconds_per_answer, taken=taken)
    seconds = time.seconds if time else {}
    amounts = {
        each.assignment_id: terms.amount(seconds.get(each.assignment_id, Decimal(0)), each.objects) for each in answers
    }
    return Earned(amounts, time)


def fix_amounts(*, hand: Hand, terms: PayTerms) -> Earned:
    """Needs the locks of hand and assignments; locks the worker's time. Set the price of each unpaid answer to what it
    earns, and note its time as paid. The credits must follow in the same transaction.
    """
    if terms.pays_time:
        # Sets of other projects are settled under other locks.
        lock_named(f"worked time {hand.worker_id}")
    earned = earned_so_far(hand=hand, terms=terms)
    with connection.cursor() as cursor:
        cursor.execute(SET_PRICES, [list(earned.amounts), list(earned.amounts.values())])
    if earned.time:
        WorkedTime.objects.bulk_create(
            WorkedTime(
                worker_id=hand.worker_id,
                project_id=hand.project_id,
                hand_id=hand.pk,
                started_at=interval.start,
                ended_at=interval.end,
            )
            for interval in earned.time.intervals
        )
    return earned


def _unpaid(hand: Hand) -> list[MeasuredAnswer]:
    with connection.cursor() as cursor:
        cursor.execute(UNPAID, [hand.pk])
        return [MeasuredAnswer(*row) for row in cursor.fetchall()]


def _taken(hand: Hand, window: Interval) -> list[Interval]:
    """Return the time of the worker in the window that is paid already, in any project."""
    rows = WorkedTime.objects.filter(
        worker_id=hand.worker_id, ended_at__gt=window.start, started_at__lt=window.end
    ).order_by("started_at")
    return [Interval(*row) for row in rows.values_list("started_at", "ended_at")]
