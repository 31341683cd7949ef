"""Pay statements for workers: one line per settled hand, correction and payout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db.models import BigIntegerField, Case, Count, F, Max, QuerySet, Sum, When

from accounts.models import Actor
from tasks.assignment.models import Assignment, Hand
from tasks.pay.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class WaitingSet:
    """The answers in a hand that is not settled yet. It is settled automatically at `until`."""

    project_name: str
    currency: str
    answers: int
    amount: Decimal
    until: datetime


def statement_of(*, worker: Actor) -> QuerySet[LedgerEntry, dict[str, Any]]:
    """Return the worker's statement, newest first: ledger entries, with the credits of a hand summed to one line.

    Rows: {kind, currency, hand_id, project_name, total, answers, at}. The sum of `total` over all rows is the balance.
    """
    # NULL for credits, which are grouped by hand; its own key for every other entry, which stays a line of its own.
    own_line = Case(When(kind=LedgerEntry.Kind.CREDIT, then=None), default=F("pk"), output_field=BigIntegerField())
    lines = (
        LedgerEntry.objects.filter(worker=worker)
        .annotate(own_line=own_line)
        .values("kind", "currency", "hand_id", "own_line", project_name=F("project__name"))
        .annotate(total=Sum("amount"), answers=Count("assignment"), at=Max("created_at"))
        .order_by("-at", "-hand_id")
    )
    return cast("QuerySet[LedgerEntry, dict[str, Any]]", lines)


def waiting_sets(*, worker: Actor) -> list[WaitingSet]:
    """Return the worker's live hands that contain answers, with what they will pay when settled."""
    rows = (
        Assignment.objects.filter(worker=worker, hand__state=Hand.State.LIVE, state=Assignment.State.SUBMITTED)
        .values("hand_id", "hand__expires_at", "project__name", "project__currency")
        .annotate(answers=Count("pk"), amount=Sum("price"))
        .order_by("hand_id")
    )
    return [
        WaitingSet(
            project_name=row["project__name"],
            currency=row["project__currency"],
            answers=row["answers"],
            amount=row["amount"],
            until=row["hand__expires_at"],
        )
        for row in rows
    ]
