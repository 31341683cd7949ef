"""Pay statements: for a worker by line and by project, for a manager by worker and period.

A line is a settled hand, or another entry of the ledger. It is Waiting until it is approved, then Approved, and Paid
once a payout contains all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db.models import BigIntegerField, Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from accounts.models import Actor, Organisation
from tasks.assignment.models import Assignment, Hand
from tasks.pay.models import LedgerEntry, LedgerTotal
from tasks.pay.selectors import waiting_amount, waits


@dataclass(frozen=True, slots=True)
class WaitingSet:
    """The answers in a hand of a project that is not settled yet. It is settled automatically at `until`.

    amount: what they pay; `is_estimate` if that depends on the time or the objects until then.
    """

    project_id: int
    project_name: str
    currency: str
    answers: int
    amount: Decimal
    until: datetime
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """From a time until just before another; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> Q:
        start = Q() if self.since is None else Q(created_at__gte=self.since)
        return start if self.until is None else start & Q(created_at__lt=self.until)


ALWAYS = Period()


def statement_of(
    *, worker: Actor, period: Period = ALWAYS, organisation: Organisation | None = None
) -> QuerySet[LedgerEntry, dict[str, Any]]:
    """Return the worker's statement, newest first: ledger entries, with the credits of a hand summed to one line.

    Rows: {kind, currency, hand_id, project_name, reason, total, answers, time, at, approved, waits, paid_at, unpaid}.
    `approved` is None if it was approved at once; `waits` is how many of its entries are not approved yet, and `unpaid`
    how many are in no payout; `paid_at` is the time of the latest payout. The sum of `total` over all rows is the
    balance.
    """
    # NULL for credits, which are grouped by hand; its own key for every other entry, which stays a line of its own.
    own_line = Case(When(kind=LedgerEntry.Kind.CREDIT, then=None), default=F("pk"), output_field=BigIntegerField())
    lines = (
        _entries(worker, period, organisation)
        .annotate(own_line=own_line)
        .values("kind", "currency", "hand_id", "own_line", "reason", project_name=F("project__name"))
        .annotate(
            total=Sum("amount"),
            answers=Count("assignment"),
            time=Sum("seconds"),
            at=Max("created_at"),
            approved=Max(Coalesce("early_item__approval__created_at", "approved_at")),
            waits=Count("pk", filter=waits()),
            paid_at=Max("paid_item__payout__run__created_at"),
            unpaid=Count("pk") - Count("paid_item"),
        )
        .order_by("-at", "-hand_id")
    )
    return cast("QuerySet[LedgerEntry, dict[str, Any]]", lines)


def line_state(line: Mapping[str, Any]) -> str:
    """Return "waiting", "approved" or "paid" for a line of a statement."""
    if line["kind"] == LedgerEntry.Kind.PAYOUT or not line["unpaid"]:
        return "paid"
    return "waiting" if line["waits"] else "approved"


def _entries(worker: Actor, period: Period, organisation: Organisation | None) -> QuerySet[LedgerEntry]:
    rows = LedgerEntry.objects.filter(period.condition, worker=worker)
    return rows if organisation is None else rows.filter(project__organisation=organisation)


def waiting_sets(*, worker: Actor) -> list[WaitingSet]:
    """Return the worker's live hands that contain answers, with what they will pay when settled."""
    submitted = Q(assignments__state=Assignment.State.SUBMITTED)
    hands = (
        Hand.objects.filter(worker=worker, state=Hand.State.LIVE)
        .annotate(answers=Count("assignments", filter=submitted), price=Sum("assignments__price", filter=submitted))
        .filter(answers__gt=0)
        .select_related("project")
        .order_by("pk")
    )
    return [
        WaitingSet(
            project_id=hand.project_id,
            project_name=hand.project.name,
            currency=hand.project.currency,
            answers=hand.answers,
            amount=hand.price if hand.pay_terms is None else waiting_amount(hand=hand),
            until=hand.expires_at,
            is_estimate=hand.pay_terms is not None,
        )
        for hand in hands
    ]


@dataclass(frozen=True, slots=True)
class PaySums:
    """What one worker earned in one currency, in one project or over all; amounts in `currency`, times in seconds.

    pay: the credits of answers. top_ups, bonuses, corrections: the other entries. paid: what was paid out. waiting: of
    what was earned, what is not approved yet. next_approval: when the first of that is.
    """

    currency: str
    answers: int
    seconds: Decimal
    pay: Decimal
    top_ups: Decimal
    bonuses: Decimal
    corrections: Decimal
    paid: Decimal
    waiting: Decimal
    next_approval: datetime | None
    waiting_answers: int
    paid_at: datetime | None

    @property
    def earned(self) -> Decimal:
        return self.pay + self.top_ups + self.bonuses + self.corrections

    @property
    def unpaid(self) -> Decimal:
        return self.earned - self.paid


def sums_by_project(
    *, worker: Actor, period: Period = ALWAYS, organisation: Organisation | None = None
) -> list[tuple[str, PaySums]]:
    """Return (name of the project, what the worker earned in it), by name."""
    rows = _entries(worker, period, organisation)
    found = _sums(rows, "project__name", "project_id").order_by("project__name", "project_id", "currency")
    return [(row["project__name"], _pay_sums(row)) for row in found]


def sums_in_projects(*, worker: Actor, organisation: Organisation | None = None) -> dict[int, list[PaySums]]:
    """Return {project id: what the worker earned in it, by currency}."""
    sums: dict[int, list[PaySums]] = {}
    for row in _sums(_entries(worker, ALWAYS, organisation), "project_id").order_by("project_id", "currency"):
        sums.setdefault(row["project_id"], []).append(_pay_sums(row))
    return sums


def paid_workers(*, organisation: Organisation) -> QuerySet[Actor]:
    """Return everybody who has entries in the organization's ledger, in the order in which they joined Annotary."""
    totals = LedgerTotal.objects.filter(project__organisation=organisation, worker=OuterRef("pk"))
    return Actor.objects.filter(Exists(totals)).order_by("pk")


def sums_by_worker(
    *, organisation: Organisation, workers: Collection[Actor], period: Period = ALWAYS
) -> dict[int, list[PaySums]]:
    """Return {row id of a worker: what they earned in the period, by currency}; reads the entries of these workers."""
    rows = LedgerEntry.objects.filter(period.condition, worker__in=workers, project__organisation=organisation)
    sums: dict[int, list[PaySums]] = {worker.pk: [] for worker in workers}
    for row in _sums(rows, "worker_id").order_by("worker_id", "currency"):
        sums[row["worker_id"]].append(_pay_sums(row))
    return sums


def _sums(rows: QuerySet[LedgerEntry], *keys: str) -> QuerySet[LedgerEntry, dict[str, Any]]:
    kind, zero, unapproved = LedgerEntry.Kind, Value(Decimal(0)), waits()

    def of(*kinds: str) -> Coalesce:
        return Coalesce(Sum("amount", filter=Q(kind__in=kinds)), zero)

    found = rows.values("currency", *keys).annotate(
        answers=Count("pk", filter=Q(kind=kind.CREDIT)),
        time=Coalesce(Sum("seconds", filter=Q(kind=kind.CREDIT)), zero),
        pay=of(kind.CREDIT),
        top_ups=of(kind.TOP_UP),
        bonuses=of(kind.BONUS),
        corrections=of(kind.CORRECTION),
        paid=of(kind.PAYOUT),
        waiting=Coalesce(Sum("amount", filter=unapproved), zero),
        next_approval=Min("approved_at", filter=unapproved),
        waiting_answers=Count("pk", filter=unapproved & Q(kind=kind.CREDIT)),
        paid_at=Max("created_at", filter=Q(kind=kind.PAYOUT)),
    )
    return cast("QuerySet[LedgerEntry, dict[str, Any]]", found)


def _pay_sums(row: dict[str, Any]) -> PaySums:
    same = ("currency", "answers", "pay", "top_ups", "bonuses", "corrections", "waiting", "next_approval")
    names = (*same, "waiting_answers", "paid_at")
    return PaySums(**{name: row[name] for name in names}, seconds=row["time"], paid=-row["paid"])
