"""Payout runs: everything of an organization that was approved until a date is paid, each ledger entry once.

Runs of an organization take turns. The key of an item is the ledger entry that it pays, so the database refuses to pay
one twice, whatever happens. Amounts are exact: what is less than the currency's smallest coin is carried over.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Max, QuerySet, Sum

from accounts.models import Actor, Organisation
from kernel.clock import database_now
from kernel.errors import NotFound
from kernel.locks import lock_named
from tasks.notices.models import Notice
from tasks.notices.services import write_notices_from
from tasks.pay.errors import NothingToPay, PayoutRefused
from tasks.pay.models import Payout, PayoutRun
from tasks.pay.providers import DEFAULT, PROVIDERS

#: Currencies without a smaller coin, and with three decimals; all others have two.
WITHOUT_DECIMALS = ("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "RWF")
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")

COINS = """
CASE WHEN currency = ANY(%(no_decimals)s) THEN 0 WHEN currency = ANY(%(three_decimals)s) THEN 3 ELSE 2 END
"""

# What a run would pay now, from the totals and what waits, without reading the ledger: a page shows it. The balance
# is what is in no payout, with what the last one left over.
READY = f"""
WITH owed AS (
    SELECT t.worker_id, t.currency, sum(t.earned - t.paid) AS balance
    FROM tasks_ledgertotal t JOIN projects_project p ON p.id = t.project_id
    WHERE p.organisation_id = %(org)s
    GROUP BY t.worker_id, t.currency HAVING sum(t.earned - t.paid) > 0
), ready AS (
    SELECT currency, trunc(balance - coalesce((
        SELECT sum(e.amount) FROM tasks_ledgerentry e JOIN projects_project p ON p.id = e.project_id
        WHERE e.worker_id = owed.worker_id AND e.approved_at > clock_timestamp() AND e.amount > 0
          AND NOT EXISTS (SELECT FROM tasks_earlyapprovalitem i WHERE i.entry_id = e.id)
          AND e.currency = owed.currency AND p.organisation_id = %(org)s), 0), {COINS}) AS amount
    FROM owed
)
SELECT currency, count(*), sum(amount) FROM ready WHERE amount > 0 GROUP BY currency ORDER BY currency
"""  # noqa: S608

# Only workers are read to whom the organization owes something. What was taken back since the date counts, too.
# Whoever's sum is below the smallest coin, or negative after a correction, is left for a later run with all entries.
DUE = f"""
WITH owed AS MATERIALIZED (
    SELECT t.worker_id, t.currency, array_agg(t.project_id) AS projects
    FROM tasks_ledgertotal t JOIN projects_project p ON p.id = t.project_id
    WHERE p.organisation_id = %(org)s
    GROUP BY t.worker_id, t.currency HAVING sum(t.earned - t.paid) > 0
), due AS MATERIALIZED (
    SELECT e.id, e.project_id, e.worker_id, e.currency, e.amount
    FROM owed o CROSS JOIN unnest(o.projects) AS p(id)
    JOIN tasks_ledgerentry e ON e.worker_id = o.worker_id AND e.project_id = p.id AND e.currency = o.currency
    WHERE e.kind <> 'payout' AND (e.amount < 0 OR coalesce((
        SELECT early.created_at
        FROM tasks_earlyapprovalitem i JOIN tasks_earlyapproval early ON early.id = i.approval_id
        WHERE i.entry_id = e.id), e.approved_at, e.created_at) <= %(until)s)
      AND NOT EXISTS (SELECT FROM tasks_payoutitem i WHERE i.entry_id = e.id)
), sums AS (
    SELECT worker_id, currency, count(*) AS entries, sum(amount) AS earned, coalesce((
        SELECT o.carried FROM tasks_payout o JOIN tasks_payoutrun r ON r.id = o.run_id
        WHERE o.worker_id = due.worker_id AND o.currency = due.currency AND r.organisation_id = %(org)s
        ORDER BY o.id DESC LIMIT 1), 0) AS brought
    FROM due GROUP BY worker_id, currency
), payable AS MATERIALIZED (
    SELECT sums.*, trunc(earned + brought, {COINS}) AS amount
    FROM sums
)
"""  # noqa: S608

# The entry of the ledger is one for each project. What is carried over stays with the project that earned most.
PAY = f"""
{DUE}, payout AS (
    INSERT INTO tasks_payout (public_id, run_id, worker_id, currency, entries, earned, brought, amount, carried,
        payee_name, payee_email)
    SELECT gen_random_uuid(), %(run)s, y.worker_id, y.currency, y.entries, y.earned, y.brought, y.amount,
        y.earned + y.brought - y.amount, coalesce(u.name, ''), coalesce(u.email, '')
    FROM payable y LEFT JOIN accounts_user u ON u.actor_id = y.worker_id
    WHERE y.amount > 0
    ORDER BY y.currency, y.worker_id
    RETURNING id, public_id, worker_id, currency, brought - carried AS difference
), item AS (
    INSERT INTO tasks_payoutitem (entry_id, payout_id)
    SELECT due.id, payout.id FROM due JOIN payout USING (worker_id, currency)
), part AS (
    SELECT payout.*, due.project_id, sum(due.amount) AS earned,
        row_number() OVER (PARTITION BY payout.id ORDER BY sum(due.amount) DESC, due.project_id) AS place
    FROM payout JOIN due USING (worker_id, currency)
    GROUP BY payout.id, payout.public_id, worker_id, currency, payout.difference, due.project_id
), entry AS (
    INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, amount, currency, cause, created_at)
    SELECT gen_random_uuid(), project_id, worker_id, 'payout',
        -(earned + CASE WHEN place = 1 THEN difference ELSE 0 END), currency, 'payout ' || public_id, clock_timestamp()
    FROM part ORDER BY project_id, worker_id
)
SELECT count(*) FROM payout
"""  # noqa: S608


# Whom a run pays, for their notices.
PAID = """
SELECT worker_id AS actor_id, %(org)s::bigint AS organisation_id, NULL::bigint AS project_id,
    'payout ' || public_id AS key, jsonb_build_object('amount', amount::text, 'currency', currency) AS data
FROM tasks_payout WHERE run_id = %(run)s
"""


@dataclass(frozen=True, slots=True)
class PayoutTotal:
    """How many workers get how much in one currency."""

    currency: str
    workers: int
    amount: Decimal


def payable(*, organisation: Organisation) -> list[PayoutTotal]:
    """Return what a run would pay now, by currency."""
    with connection.cursor() as cursor:
        cursor.execute(READY, _params(organisation))
        return [PayoutTotal(*row) for row in cursor.fetchall()]


@transaction.atomic
def run_payouts(*, organisation: Organisation, by: Actor, until: datetime | None = None) -> PayoutRun:
    """Waits for other runs of the organization; locks the totals of its workers. Mark everything that was approved
    until then as paid, and return the run. Without `until`, what is approved now.

    Raises PayoutRefused for a time that is still to come, and NothingToPay.
    """
    lock_named(f"payouts of organization {organisation.pk}")
    now = database_now()
    if until is not None and (until.tzinfo is None or until > now):
        raise PayoutRefused
    run = PayoutRun.objects.create(organisation=organisation, until=until or now, provider=DEFAULT, created_by=by)
    with connection.cursor() as cursor:
        cursor.execute(PAY, _params(organisation) | {"run": run.pk, "until": run.until})
        row = cursor.fetchone()
    if not row or not row[0]:
        raise NothingToPay
    run.refresh_from_db()
    write_notices_from(kind=Notice.Kind.MONEY_PAID, source=PAID, params={"org": organisation.pk, "run": run.pk})
    return run


def _params(organisation: Organisation) -> dict[str, Any]:
    return {
        "org": organisation.pk,
        "no_decimals": list(WITHOUT_DECIMALS),
        "three_decimals": list(THREE_DECIMALS),
    }


def runs_of(*, organisation: Organisation) -> QuerySet[PayoutRun]:
    """Return the runs, newest first."""
    return PayoutRun.objects.filter(organisation=organisation).select_related("created_by").order_by("-pk")


def last_payouts(*, organisations: Collection[int]) -> dict[int, datetime]:
    """Return {row id of an organization: the time of its last payout run}, without those that had none."""
    rows = PayoutRun.objects.filter(organisation__in=organisations).order_by().values_list("organisation_id")
    return dict(rows.annotate(Max("created_at")))


def run_for(*, organisation: Organisation, public_id: UUID) -> PayoutRun:
    """Raises NotFound for a run of another organization."""
    run = runs_of(organisation=organisation).filter(public_id=public_id).first()
    if run is None:
        raise NotFound
    return run


def totals_of(*, runs: list[PayoutRun]) -> dict[int, list[PayoutTotal]]:
    """Return {row id of a run: what it paid, by currency}."""
    rows = Payout.objects.filter(run__in=runs).values_list("run_id", "currency").order_by("run_id", "currency")
    totals: dict[int, list[PayoutTotal]] = {run.pk: [] for run in runs}
    for run_id, currency, workers, amount in rows.annotate(workers=Count("pk"), sum=Sum("amount")):
        totals[run_id].append(PayoutTotal(currency, workers, amount))
    return totals


def payout_file(*, run: PayoutRun) -> Generator[bytes, None, None]:
    """Yield the file of a run in chunks, the same bytes each time."""
    payouts = Payout.objects.filter(run=run).select_related("worker").order_by("pk")
    return PROVIDERS[run.provider].file(run, payouts.iterator(chunk_size=500))
