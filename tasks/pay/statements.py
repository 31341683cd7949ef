"""What a worker reads about pay: a line for each set handed in, each correction and each payout."""

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
    """Answers in a set that is not handed in yet. It is handed in by itself at `until`."""

    project_name: str
    currency: str
    answers: int
    amount: Decimal
    until: datetime


def statement_of(*, worker: Actor) -> QuerySet[LedgerEntry, dict[str, Any]]:
    """Ledger entries, the credits of a set summed to one line; newest first.

    Rows: {kind, currency, hand_id, project_name, total, answers, at}. The sum of `total` over all rows is the balance.
    """
    alone = Case(When(kind=LedgerEntry.Kind.CREDIT, then=None), default=F("pk"), output_field=BigIntegerField())
    lines = (
        LedgerEntry.objects.filter(worker=worker)
        .annotate(alone=alone)
        .values("kind", "currency", "hand_id", "alone", project_name=F("project__name"))
        .annotate(total=Sum("amount"), answers=Count("assignment"), at=Max("created_at"))
        .order_by("-at", "-hand_id")
    )
    return cast("QuerySet[LedgerEntry, dict[str, Any]]", lines)


def waiting_of(*, worker: Actor) -> list[WaitingSet]:
    """Live sets with answers in them: what they will pay when they are handed in."""
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
