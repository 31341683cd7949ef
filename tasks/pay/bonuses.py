"""Bonuses: what a manager adds to a worker's pay, with a reason that the worker sees."""

from decimal import Decimal, InvalidOperation

from django.db import transaction

from accounts.models import Actor
from kernel.events import record_event
from kernel.locks import lock_money
from projects.models import Project
from tasks.assignment.budget import committed
from tasks.pay.errors import BonusBeyondBudget, BonusGiven, BonusRefused
from tasks.pay.models import MAX_REASON, LedgerEntry

LEAST, MOST = Decimal("0.01"), Decimal(1000)


@transaction.atomic
def give_bonus(*, project: Project, worker: Actor, by: Actor, amount: object, reason: str, key: str) -> LedgerEntry:
    """Waits for the project's claims; locks the worker's total. Add a bonus to what the worker earned, once for `key`.

    It is approved at once and counts against the budget. A repeated call returns the entry of the first. Raises
    BonusRefused, BonusBeyondBudget, and BonusGiven if another bonus has the key.
    """
    value, words = _read_amount(amount), reason.strip()
    if not 0 < len(words) <= MAX_REASON or "\0" in words or not 0 < len(key) <= 100:
        raise BonusRefused
    if worker.pk == by.pk:
        raise BonusRefused("You cannot give a bonus to yourself. Ask another manager.")
    lock_money(project_id=project.pk)
    cause = f"bonus {key}"
    given = LedgerEntry.objects.filter(project=project, kind=LedgerEntry.Kind.BONUS, cause=cause).first()
    if given is not None:
        if (given.worker_id, given.amount) != (worker.pk, value):
            raise BonusGiven
        return given
    row = Project.objects.get(pk=project.pk)
    if row.budget is not None and committed(project=row) + value > row.budget:
        raise BonusBeyondBudget
    entry = LedgerEntry.objects.create(
        project=row,
        worker=worker,
        kind=LedgerEntry.Kind.BONUS,
        amount=value,
        currency=row.currency,
        cause=cause,
        reason=words,
        made_by=by,
    )
    people = {"worker": str(worker.public_id), "by": str(by.public_id)}
    record_event(project_id=row.pk, kind="bonus.given", data={**people, "amount": str(value), "reason": words})
    return entry


def _read_amount(raw: object) -> Decimal:
    if isinstance(raw, float | bool) or not isinstance(raw, str | int | Decimal):
        raise BonusRefused
    try:
        amount = Decimal(str(raw).strip())
    except InvalidOperation as error:
        raise BonusRefused from error
    if not amount.is_finite() or not LEAST <= amount <= MOST or amount != amount.quantize(LEAST):
        raise BonusRefused
    return amount.quantize(LEAST)
