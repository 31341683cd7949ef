"""Queries on earnings."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Subquery, Sum

from accounts.models import Actor, Organisation
from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.pay.amounts import earned_so_far, terms_of
from tasks.pay.models import LedgerEntry, LedgerTotal
from tasks.repair.models import Repair
from tasks.repair.selectors import IN_FORCE

#: The precision of the ledger, in units of the currency.
LEDGER_DIGITS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Balance:
    """A worker's money in one currency. `waiting`: answered, in a hand that is not settled; if it depends on time or
    objects, as much as it would be now; and what was credited and is not approved yet. `approved`: approved but
    not paid out yet. `paid`: paid out. Payouts are negative entries in the ledger."""

    currency: str
    waiting: Decimal
    approved: Decimal
    paid: Decimal


def balance(
    *, worker: Actor, project: Project | None = None, organisation: Organisation | None = None
) -> list[Balance]:
    """Return the worker's balances by currency, in alphabetical order, without currencies that have no entries.

    With a project or an organization, only what was earned there; what was earned in deleted projects counts too.
    """
    in_project = Q() if project is None else Q(project=project)
    if organisation is not None:
        in_project &= Q(project__organisation=organisation)
    waiting: dict[str, Decimal] = defaultdict(Decimal)
    approved: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    # A late answer to a settled hand waits for a moment too, so for it the missing credit decides.
    unsettled = Q(hand__state=Hand.State.LIVE) | Q(late=True)
    uncredited = Assignment.objects.filter(
        in_project, unsettled, worker=worker, state=Assignment.State.SUBMITTED
    ).exclude(ledger__kind=LedgerEntry.Kind.CREDIT)
    fixed = uncredited.filter(hand__pay_terms__isnull=True)
    for currency, amount in fixed.values_list("project__currency").annotate(Sum("price")):
        waiting[currency] += amount
    measured = uncredited.filter(hand__pay_terms__isnull=False).values("hand_id")
    for hand in Hand.objects.filter(pk__in=measured).select_related("project"):
        waiting[hand.project.currency] += waiting_amount(hand=hand)
    totals = LedgerTotal.objects.filter(in_project, worker=worker)
    unapproved = LedgerEntry.objects.filter(in_project, waits(), worker=worker)
    for currency, amount in unapproved.values_list("currency").annotate(Sum("amount")):
        waiting[currency] += amount
        approved[currency] -= amount
    for currency, earned, paid_out in totals.values_list("currency").annotate(Sum("earned"), Sum("paid")):
        approved[currency] += earned - paid_out
        paid[currency] += paid_out
    return [
        Balance(currency, waiting=waiting[currency], approved=approved[currency], paid=paid[currency])
        for currency in sorted({*waiting, *approved, *paid})
    ]


def waits() -> Q:
    """Return the condition that an entry of the ledger waits for its approval."""
    return Q(approved_at__gt=ClockTimestamp(), early_item__isnull=True)


def waiting_amount(*, hand: Hand) -> Decimal:
    """Return what the answers of a hand with terms that are not credited yet would pay now, topped up to its floor.

    0 for a hand without terms, whose answers pay their prices.
    """
    terms = terms_of(hand)
    if terms is None:
        return Decimal(0)
    earned = earned_so_far(hand=hand, terms=terms)
    return earned.amount + terms.top_up(earned.seconds, earned.amount)


def ledger_of(*, worker: Actor, project: Project | None = None) -> QuerySet[LedgerEntry]:
    """Return the worker's ledger entries, newest first."""
    rows = LedgerEntry.objects.filter(worker=worker).select_related("project").order_by("-id")
    return rows if project is None else rows.filter(project=project)


def ledger_totals(*, project: Project) -> tuple[Decimal, Decimal, int]:
    """Return what all workers of the project have earned, what was paid out to them, and the number of paid answers."""
    zero = Decimal(0)
    sums = LedgerTotal.objects.filter(project=project).aggregate(
        earned=Sum("earned", default=zero), paid=Sum("paid", default=zero), answers=Sum("answers", default=0)
    )
    return sums["earned"], sums["paid"], sums["answers"]


def answers_waiting(*, project: Project) -> tuple[int, Decimal]:
    """Return how many answers are in hands that are not settled yet, and what they will pay at most."""
    rows = Assignment.objects.filter(project=project, hand__state=Hand.State.LIVE, state=Assignment.State.SUBMITTED)
    sums = rows.aggregate(answers=Count("pk"), amount=Sum("price", default=Decimal(0)))
    return sums["answers"], sums["amount"]


def earned_by_project(*, projects: Collection[Project]) -> dict[int, Decimal]:
    """Return {project id: what all of its workers have earned}, without projects in which nobody has."""
    totals = LedgerTotal.objects.filter(project__in=projects)
    return dict(totals.values_list("project_id").annotate(Sum("earned")))


def taken_back(*, assignment: Assignment) -> Decimal:
    """Return what corrections have taken from the pay for an answer: by itself, or with others by a repair in force."""
    own = LedgerEntry.objects.filter(assignment=assignment, kind=LedgerEntry.Kind.CORRECTION)
    taken: Decimal = -own.aggregate(total=Sum("amount", default=Decimal(0)))["total"]
    at = assignment.submitted_at
    repairs = Repair.objects.filter(
        Q(since__isnull=True) | Q(since__lte=at),
        project_id=assignment.project_id,
        worker_id=assignment.worker_id,
        until__gt=at,
        state__in=IN_FORCE,
        pay=Repair.Pay.TAKE_BACK,
    )
    if repairs.exists():
        taken += assignment.price
    return max(taken, Decimal(0))


def paid_again(*, project_id: int, worker_id: int, since: datetime | None, until: datetime, after: str) -> Decimal:
    """Return what corrections have added to the pay for single answers that were submitted in this time, since the
    correction with the cause `after`: not what they made good that an earlier repair had taken, and paid back less."""
    corrections = LedgerEntry.objects.filter(
        project_id=project_id, worker_id=worker_id, kind=LedgerEntry.Kind.CORRECTION
    )
    taken = corrections.filter(cause=after).values("pk")
    rows = corrections.filter(amount__gt=0, assignment__submitted_at__lt=until, pk__gt=Subquery(taken))
    rows = rows if since is None else rows.filter(assignment__submitted_at__gte=since)
    total: Decimal = rows.aggregate(total=Sum("amount", default=Decimal(0)))["total"]
    return total
