"""The policies of a project: their names and ranges, and the messages for invalid values. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from annotary_core.wording import format_count
from projects.errors import PolicyRefused
from projects.pay_terms import HOUR, PAY_BY, PayTerms

MAX_PRICE = Decimal(1000)
MAX_BUDGET = Decimal(10_000_000)
#: Policies that are not a number in a range.
OTHERS = ("price", "hourly_floor", "currency", "budget", "answers_mode")
FIXED, DYNAMIC = "fixed", "dynamic"
_PRECISION = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class IntegerRange:
    """An integer in a range."""

    label: str
    low: int
    high: int

    def read(self, raw: object) -> int:
        number = _number(raw)
        if number is None or number != number.to_integral_value() or not self.low <= number <= self.high:
            raise PolicyRefused(f"{self.label} must be a whole number from {self.low:,} to {self.high:,}.")
        return int(number)


@dataclass(frozen=True, slots=True)
class DecimalRange:
    """A decimal fraction in a range."""

    label: str
    low: float
    high: float

    def read(self, raw: object) -> float:
        number = _number(raw)
        if number is None or not Decimal(str(self.low)) <= number <= Decimal(str(self.high)):
            raise PolicyRefused(
                f"{self.label} must be a number from {self.low:g} to {self.high:g}. For example, 0.5 is half."
            )
        return float(number)


@dataclass(frozen=True, slots=True)
class OptionalTime:
    """A point in time, or None."""

    label: str

    def read(self, raw: object) -> datetime | None:
        if raw is None:
            return None
        try:
            moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(raw) if isinstance(raw, str) else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # the second: before the year 1 or after 9999 in UTC
            pass
        raise PolicyRefused(f"{self.label} must be a time with its offset, such as 2027-03-31T18:00:00Z, or null.")


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    label: str
    words: tuple[str, ...]

    def read(self, raw: object) -> str:
        if raw not in self.words:
            raise PolicyRefused(f"{self.label} must be {' or '.join(self.words)}.")
        return str(raw)


Policy = IntegerRange | DecimalRange | OptionalTime | OneOf

POLICIES: dict[str, Policy] = {
    "answers_min": IntegerRange("Answers per image", 1, 50),
    "answers_max": IntegerRange("Maximum answers per image", 1, 50),
    "confidence_target": DecimalRange("Confidence", 0.5, 1),
    "gold_rate": DecimalRange("Share of check images", 0, 0.5),
    "gold_iou": DecimalRange("Overlap on check images", 0.1, 1),
    "gold_when_out": OneOf("What happens without check images", ("go_on", "stop")),
    "lease_seconds": IntegerRange("Time per set in seconds", 30, 7 * 24 * 3600),
    "batch_size": IntegerRange("Images per batch", 1, 10_000),
    "hand_size": IntegerRange("Images per set", 1, 100),
    "set_minutes": IntegerRange("Minutes per set", 0, 240),
    "returns_per_day": IntegerRange("Images returned per worker a day", 1, 100_000),
    "images_per_day": IntegerRange("Images per worker a day (0 for no limit)", 0, 1_000_000),
    "share_per_worker": DecimalRange("Share of the images per worker", 0.001, 1),
    "priority": IntegerRange("Priority", -1000, 1000),
    "deadline_at": OptionalTime("The deadline"),
    "skips_to_manager": IntegerRange("Workers who skip an image before it is set aside", 0, 50),
    "seconds_per_answer": IntegerRange("Seconds per answer", 1, 3600),
    "share_reviewed": DecimalRange("Share of labels to review", 0, 1),
    "appeal_days": IntegerRange("Days to appeal (0 for no appeals)", 0, 90),
    "applications": OneOf("Applications", ("off", "listed")),
    "send_back_days": IntegerRange("Days to correct (0 to send nothing back)", 0, 30),
    "split_train": DecimalRange("Share for training", 0, 1),
    "split_val": DecimalRange("Share for validation", 0, 1),
    "pay_by": OneOf("What the price is for", PAY_BY),
    "paid_seconds": IntegerRange("Seconds paid per answer at most", 1, 7200),
    "paid_objects": IntegerRange("Objects paid per answer at most", 1, 1000),
    "approval_days": IntegerRange("Days until pay is approved", 0, 60),
}


def read_policy(changes: Mapping[str, Any], *, current: Callable[[str], Any]) -> dict[str, Any]:
    """Return the changes as values of project fields; `current` returns the value of an unchanged field.

    Raises PolicyRefused for an unknown name, a value out of range, or values that contradict each other.
    """
    unknown = sorted(name for name in changes if name not in POLICIES and name not in OTHERS)
    if unknown:
        known = ", ".join([*POLICIES, *OTHERS])
        raise PolicyRefused(f"There is no policy {unknown[0][:60]!r}. Choose from {known}.")
    values: dict[str, Any] = {name: POLICIES[name].read(raw) for name, raw in changes.items() if name in POLICIES}
    if "price" in changes:
        values["price"] = read_money(changes["price"])
    if "hourly_floor" in changes:
        values["hourly_floor"] = read_floor(changes["hourly_floor"])
    if "currency" in changes:
        values["currency"] = read_currency(changes["currency"])
    if "budget" in changes:
        values["budget"] = read_budget(changes["budget"])

    def value(name: str) -> Any:
        return values[name] if name in values else current(name)

    values |= _answers(
        values, mode=read_mode(changes["answers_mode"]) if "answers_mode" in changes else None, value=value
    )
    if value("answers_min") > value("answers_max"):
        raise PolicyRefused("Maximum answers per image cannot be below answers per image. Raise the maximum.")
    if value("set_minutes") * 60 > value("lease_seconds"):
        raise PolicyRefused("A set must be possible within the time per set. Lower the minutes or raise the time.")
    if value("send_back_days") and not value("appeal_days"):
        raise PolicyRefused(
            "Workers who correct an answer see why it was rejected, and must be able to appeal. Set days to appeal, or"
            " set days to correct to 0."
        )
    _check_pay(values, value=value)
    if value("split_train") + value("split_val") > 1 + 1e-9:
        raise PolicyRefused("The shares for training and validation add up to more than 1. Lower one.")
    return values


def read_money(raw: object, *, label: str = "The price") -> Decimal:
    """Parse a price: 0 to 1,000, at most six decimals. Floats are refused: they cannot hold 0.1 exactly."""
    amount = None if isinstance(raw, float) else _number(raw)
    if amount is None or not 0 <= amount <= MAX_PRICE or amount != amount.quantize(_PRECISION):
        raise PolicyRefused(f'{label} must be an amount from 0 to 1,000, sent as text such as "0.02".')
    return amount.quantize(_PRECISION)


def read_floor(raw: object) -> Decimal | None:
    """Parse what an hour pays at least: None or 0 for no floor, or an amount like a price."""
    return None if raw is None else read_money(raw, label="The least pay of an hour") or None


def read_budget(raw: object) -> Decimal | None:
    """Parse what a project may cost in total: None, or 0 to 10,000,000 with at most six decimals."""
    if raw is None:
        return None
    amount = None if isinstance(raw, float) else _number(raw)
    if amount is None or not 0 <= amount <= MAX_BUDGET or amount != amount.quantize(_PRECISION):
        raise PolicyRefused(
            'The budget must be an amount from 0 to 10,000,000, sent as text such as "250.00", or null for no limit.'
        )
    return amount.quantize(_PRECISION)


def read_mode(raw: object) -> str:
    if raw not in (FIXED, DYNAMIC):
        raise PolicyRefused(f"Answers per image are {FIXED} or {DYNAMIC}. Send one of the two as answers_mode.")
    return str(raw)


def _check_pay(values: Mapping[str, Any], *, value: Callable[[str], Any]) -> None:
    """Raises PolicyRefused if the terms of pay contradict each other or the budget."""
    named = {"budget", "price", "pay_by", "hourly_floor", "paid_seconds", "paid_objects"}
    if not values.keys() & {*named, "seconds_per_answer"}:
        return
    terms = PayTerms(*map(value, ("pay_by", "price", "hourly_floor", "paid_seconds", "paid_objects")))
    if terms.pay_by == HOUR and terms.hourly_floor is not None:
        raise PolicyRefused(
            "Paid by the hour, the price is what an hour pays. Leave out the least pay of an hour, or pay by answer."
        )
    if terms.pays_time and terms.paid_seconds < value("seconds_per_answer"):
        expected = format_count(value("seconds_per_answer"), "second")
        raise PolicyRefused(
            f"An answer is expected to take {expected}, so at least as many must be paid. Raise the seconds paid per"
            " answer, or lower the seconds per answer."
        )
    if named & values.keys() and value("budget") is not None and value("budget") < terms.most_per_answer:
        raise PolicyRefused(
            "The budget does not cover a single answer. Raise it, send null for no limit, or pause the project to stop"
            " work."
        )


def _answers(values: Mapping[str, Any], *, mode: str | None, value: Callable[[str], Any]) -> dict[str, Any]:
    """Return the maximum that the changes of the answers per image imply; `mode` is the one they name, if any.

    Raises PolicyRefused if the changes contradict the mode.
    """
    least, most = value("answers_min"), value("answers_max")
    if mode == FIXED:
        if values.get("answers_max", least) != least:
            raise PolicyRefused(
                f"Fixed means that every image gets the same number of answers, but the minimum is {least} and the"
                f" maximum {most}. Leave out answers_max, or choose dynamic."
            )
        return {"answers_max": least}
    if mode == DYNAMIC:
        if most <= least:
            raise PolicyRefused(
                f"Dynamic needs room for more answers: the maximum must be above the minimum of {least}. Raise"
                " answers_max, or choose fixed."
            )
        return {}
    # One answer per image is how a team works, with a review after it: no second person is asked unless requested.
    if "answers_min" in values and "answers_max" not in values and (least == 1 or least > most):
        return {"answers_max": least}
    return {}


def read_currency(raw: object) -> str:
    if not isinstance(raw, str) or len(raw) != 3 or not (raw.isascii() and raw.isalpha()):
        raise PolicyRefused("The currency must be a three-letter code, such as USD.")
    return raw.upper()


def _number(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 12 else None
