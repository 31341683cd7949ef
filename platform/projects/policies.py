"""The policies of a project: what may be set, in which range, and the sentence when it is not. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from projects.errors import PolicyRefused

MAX_PRICE = Decimal(1000)
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range."""

    label: str
    low: int
    high: int

    def read(self, raw: object) -> int:
        number = _number(raw)
        if number is None or number != number.to_integral_value() or not self.low <= number <= self.high:
            raise PolicyRefused(f"{self.label} is a whole number from {self.low:,} to {self.high:,}.")
        return int(number)


@dataclass(frozen=True, slots=True)
class Share:
    """A share between two bounds, written as a decimal."""

    label: str
    low: float
    high: float

    def read(self, raw: object) -> float:
        number = _number(raw)
        if number is None or not Decimal(str(self.low)) <= number <= Decimal(str(self.high)):
            raise PolicyRefused(
                f"{self.label} is a share from {self.low:g} to {self.high:g}, as a decimal: 0.5 is half."
            )
        return float(number)


POLICIES: dict[str, Whole | Share] = {
    "answers_min": Whole("Answers per image", 1, 50),
    "answers_max": Whole("Most answers per image", 1, 50),
    "confidence_target": Share("The confidence wanted", 0.5, 1),
    "gold_rate": Share("The share of check images", 0, 0.5),
    "gold_iou": Share("The overlap a box needs on check images", 0.1, 1),
    "lease_seconds": Whole("The time for a set in seconds", 30, 7 * 24 * 3600),
    "batch_size": Whole("The size of a batch", 1, 10_000),
    "hand_size": Whole("The size of a set", 1, 100),
    "seconds_per_answer": Whole("The expected seconds per answer", 1, 3600),
    "share_reviewed": Share("The share reviewed", 0, 1),
    "split_train": Share("The share for training", 0, 1),
    "split_val": Share("The share for validation", 0, 1),
}


def read_policy(changes: Mapping[str, Any], *, present: Callable[[str], Any]) -> dict[str, Any]:
    """The changes as values for the project's fields; `present` gives the value of a field that stays.

    Raises PolicyRefused for an unknown name, a value out of range, or values that contradict each other.
    """
    unknown = sorted(name for name in changes if name not in POLICIES and name not in ("price", "currency"))
    if unknown:
        known = ", ".join([*POLICIES, "price", "currency"])
        raise PolicyRefused(f"There is no policy {unknown[0][:60]!r}; choose from {known}.")
    values: dict[str, Any] = {name: POLICIES[name].read(raw) for name, raw in changes.items() if name in POLICIES}
    if "price" in changes:
        values["price"] = read_money(changes["price"])
    if "currency" in changes:
        values["currency"] = read_currency(changes["currency"])

    def value(name: str) -> Any:
        return values[name] if name in values else present(name)

    least = values.get("answers_min")
    # One answer an image is the team's way, with a review after it: nobody else is asked unless it says so.
    if least is not None and "answers_max" not in changes and (least == 1 or least > present("answers_max")):
        values["answers_max"] = least
    if value("answers_min") > value("answers_max"):
        raise PolicyRefused("The most answers per image cannot be below the answers per image; raise the former.")
    if value("split_train") + value("split_val") > 1 + 1e-9:
        raise PolicyRefused("The shares for training and validation are more than the whole together; lower one.")
    return values


def read_money(raw: object) -> Decimal:
    """A price for one answer: 0 to 1,000 with six decimals at most. Floats are refused: 0.1 is none of them."""
    amount = None if isinstance(raw, float) else _number(raw)
    if amount is None or not 0 <= amount <= MAX_PRICE or amount != amount.quantize(_PLACES):
        raise PolicyRefused('The price of an answer is an amount from 0 to 1,000, sent as text such as "0.02".')
    return amount.quantize(_PLACES)


def read_currency(raw: object) -> str:
    if not isinstance(raw, str) or len(raw) != 3 or not (raw.isascii() and raw.isalpha()):
        raise PolicyRefused("A currency is written with its three letters: EUR, USD, INR.")
    return raw.upper()


def _number(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 12 else None
