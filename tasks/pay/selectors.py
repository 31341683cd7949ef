"""Reading what was earned."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.pay.models import LedgerEntry

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Balance:
    """Money of a worker in one currency. `waiting`: answered, in a set that is not finished. `approved`: credited and
    not paid out yet. `paid`: paid out. Payouts stand in the ledger as negative entries."""

    currency: str
    waiting: Decimal
    approved: Decimal
    paid: Decimal


def balance(*, worker: Actor, project: Project | None = None) -> list[Balance]:
    """By currency, in alphabetical order; a currency in which there is nothing is left out."""
    only = Q() if project is None else Q(project=project)
    waiting: dict[str, Decimal] = defaultdict(Decimal)
    approved: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    # A late answer to a settled hand waits for a moment too; so the credit decides, not the state of the hand.
    open_answers = (
        Assignment.objects.filter(only, worker=worker, state=Assignment.State.SUBMITTED)
        .exclude(ledger__kind=LedgerEntry.Kind.CREDIT)
        .values_list("project__currency")
        .annotate(Sum("price"))
    )
    for currency, amount in open_answers:
        waiting[currency] += amount
    for currency, kind, amount in _entries(worker, only):
        approved[currency] += amount
        if kind == LedgerEntry.Kind.PAYOUT:
            paid[currency] -= amount
    return [
        Balance(currency, waiting=waiting[currency], approved=approved[currency], paid=paid[currency])
        for currency in sorted({*waiting, *approved, *paid})
    ]


def ledger_of(*, worker: Actor, project: Project | None = None) -> QuerySet[LedgerEntry]:
    """The worker's entries, newest first."""
    rows = LedgerEntry.objects.filter(worker=worker).select_related("project").order_by("-id")
    return rows if project is None else rows.filter(project=project)


def _entries(worker: Actor, only: Q) -> QuerySet[LedgerEntry, tuple[str, str, Decimal]]:
    return LedgerEntry.objects.filter(only, worker=worker).values_list("currency", "kind").annotate(Sum("amount"))
