"""What answers earn in the model, and what a payout pays. Pure; all answers of the simulation take `SECONDS`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal

#: What a revision of an answer is said to take, and the most that is paid of an answer.
SECONDS, MOST_SECONDS = Decimal("4.5"), Decimal(60)
_MICRO, _HOUR = Decimal("0.000001"), Decimal(3600)


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """What a set pays: by the answer, with or without a floor for each hour, or by the hour."""

    pay_by: str
    rate: Decimal
    floor: Decimal | None

    @property
    def is_measured(self) -> bool:
        return self.pay_by == "hour" or self.floor is not None

    @property
    def most(self) -> Decimal:
        """What is set aside for an answer."""
        own = self.rate if self.pay_by == "answer" else self.rate * MOST_SECONDS / _HOUR
        return max(own, (self.floor or 0) * MOST_SECONDS / _HOUR).quantize(_MICRO, ROUND_UP)

    def amount(self, revisions: int) -> Decimal:
        pay = self.rate if self.pay_by == "answer" else self.rate * _seconds(revisions) / _HOUR
        return pay.quantize(_MICRO, ROUND_HALF_UP)

    def missing(self, revisions: Sequence[int], earned: Decimal) -> Decimal:
        """What answers of so many revisions each are short of the floor."""
        floor = (self.floor or Decimal(0)) * sum(map(_seconds, revisions), Decimal(0)) / _HOUR
        return max(floor - earned, Decimal(0)).quantize(_MICRO, ROUND_DOWN)


def _seconds(revisions: int) -> Decimal:
    return min(SECONDS * revisions, MOST_SECONDS)


@dataclass(slots=True)
class ModelEntry:
    """An entry of the ledger that is no payout. hand: of a top-up. is_paid: whether a payout has it."""

    worker: int
    kind: str
    amount: Decimal
    approved_at: datetime | None = None
    hand: int | None = None
    is_paid: bool = False


@dataclass(frozen=True, slots=True)
class Paid:
    """What a payout paid a worker, and left over."""

    amount: Decimal
    entries: int
    carried: Decimal


class ModelPayouts:
    """The payouts of an organization."""

    def __init__(self) -> None:
        self.carried: dict[int, Decimal] = {}

    def run(self, entries: Sequence[ModelEntry], now: datetime) -> dict[int, Paid]:
        """Pay what is approved now, in whole cents; return what each worker gets. What was taken back counts now."""
        paid: dict[int, Paid] = {}
        for worker in sorted({row.worker for row in entries}):
            due = [row for row in entries if row.worker == worker and not row.is_paid and _is_due(row, now)]
            total = sum((row.amount for row in due), self.carried.get(worker, Decimal(0)))
            amount = total.quantize(Decimal("0.01"), ROUND_DOWN)
            if amount > 0:
                self.carried[worker] = total - amount
                paid[worker] = Paid(amount, len(due), total - amount)
                for row in due:
                    row.is_paid = True
        return paid


def _is_due(row: ModelEntry, now: datetime) -> bool:
    return row.approved_at is None or row.approved_at <= now or row.amount < 0
