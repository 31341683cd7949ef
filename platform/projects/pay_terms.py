"""What an answer pays: by answer, object or hour, with an hourly floor. Pure and exact; money in one currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

ANSWER, OBJECT, HOUR = "answer", "object", "hour"
PAY_BY = (ANSWER, OBJECT, HOUR)
MICRO = Decimal("0.000001")
_HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class PayTerms:
    """The terms of a set, pinned when it is claimed.

    rate: for an answer, an object or an hour, as `pay_by` says. hourly_floor: what a set pays at least for each hour of
    its measured time; None without a floor. paid_seconds, paid_objects: the time and the objects of one answer that are
    paid at most, so that neither idling nor drawing without end is.
    """

    pay_by: str
    rate: Decimal
    hourly_floor: Decimal | None = None
    paid_seconds: int = 60
    paid_objects: int = 50

    @property
    def pays_time(self) -> bool:
        return self.pay_by == HOUR or self.hourly_floor is not None

    @property
    def is_fixed(self) -> bool:
        """Whether every answer pays the rate, whatever is in it and however long it took."""
        return self.pay_by == ANSWER and self.hourly_floor is None

    @property
    def most_per_answer(self) -> Decimal:
        """What one answer can pay, with its share of the floor: what a claim sets aside of the budget for it."""
        most = {ANSWER: self.rate, OBJECT: self.rate * self.paid_objects, HOUR: self._hours(self.paid_seconds)}
        floor = self._floor(Decimal(self.paid_seconds))
        return max(most[self.pay_by], floor).quantize(MICRO, ROUND_UP)

    def expected_per_answer(self, seconds: float, *, objects: float | None = None) -> Decimal:
        """What an answer pays that takes this long; by the object the most, unless it is known how many there are."""
        time = min(Decimal(str(seconds)), Decimal(self.paid_seconds))
        if self.pay_by == HOUR:
            pay = self._hours(time)
        elif self.pay_by == OBJECT:
            count = self.paid_objects if objects is None else min(objects, self.paid_objects)
            pay = self.rate * Decimal(str(count))
        else:
            pay = self.rate
        return max(pay, self._floor(time)).quantize(MICRO, ROUND_HALF_UP)

    def amount(self, seconds: Decimal, objects: int) -> Decimal:
        """What an answer pays without the floor; `seconds` is its measured time."""
        if self.pay_by == HOUR:
            pay = self._hours(min(seconds, Decimal(self.paid_seconds)))
        else:
            pay = self.rate * min(objects, self.paid_objects) if self.pay_by == OBJECT else self.rate
        return min(pay.quantize(MICRO, ROUND_HALF_UP), self.most_per_answer)

    def top_up(self, seconds: Decimal, earned: Decimal) -> Decimal:
        """What is missing to the floor after `seconds` of measured time; 0 without a floor. Never rounded up, so that
        the parts of a set never exceed what was set aside for them."""
        floor = self._floor(seconds)
        return max((floor - earned).quantize(MICRO, ROUND_DOWN), Decimal(0))

    def to_json(self) -> dict[str, Any]:
        return {
            "pay_by": self.pay_by,
            "rate": str(self.rate),
            "hourly_floor": None if self.hourly_floor is None else str(self.hourly_floor),
            "paid_seconds": self.paid_seconds,
            "paid_objects": self.paid_objects,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PayTerms:
        floor = stored["hourly_floor"]
        return cls(
            pay_by=stored["pay_by"],
            rate=Decimal(stored["rate"]),
            hourly_floor=None if floor is None else Decimal(floor),
            paid_seconds=stored["paid_seconds"],
            paid_objects=stored["paid_objects"],
        )

    def _hours(self, seconds: Decimal | int) -> Decimal:
        return self.rate * seconds / _HOUR

    def _floor(self, seconds: Decimal) -> Decimal:
        return (self.hourly_floor or Decimal(0)) * seconds / _HOUR
