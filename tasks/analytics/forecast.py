"""When work will be done at its present pace, and whether that is before a deadline. Pure."""

from enum import StrEnum, auto
from math import sqrt
from typing import TypedDict

#: The two-sided 95% quantile of a normal distribution, times 1/2, the deviation of the square root of a Poisson count.
_HALF_WIDTH = 1.96 / 2


class Forecast(TypedDict):
    """Hours until the remaining answers are in, with a 95% interval; see `forecast`."""

    hours: float
    low: float
    high: float | None
    answers_left: int


class Outlook(StrEnum):
    """Whether a deadline will be met at the pace of the last hour."""

    MET = auto()
    LIKELY = auto()
    UNLIKELY = auto()
    MISSED = auto()
    PASSED = auto()
    ANSWERED = auto()
    UNKNOWN = auto()


class DeadlineOutlook(TypedDict):
    """hours_late: by how many hours the deadline is expected to be missed, or was."""

    outlook: Outlook
    hours_late: float


class Deadline(DeadlineOutlook):
    """at: in RFC 3339."""

    at: str


def forecast(*, left: int, done: int, hours: float) -> Forecast | None:
    """Hours until the remaining answers are in, with a 95% interval, at the pace of the last `hours`.

    The interval treats the answers in the window as a Poisson count, whose square root has a deviation of about 1/2
    whatever its mean (Bartlett 1936): the few answers of a quiet hour give a wide interval. `high` is None if the
    window is compatible with no work at all. Returns None without an answer in the window.
    """
    if left <= 0:
        return {"hours": 0.0, "low": 0.0, "high": 0.0, "answers_left": 0}
    if done <= 0:
        return None
    low_count = max(sqrt(done) - _HALF_WIDTH, 0.0) ** 2
    high_count = (sqrt(done + 1) + _HALF_WIDTH) ** 2
    return {
        "hours": round(left * hours / done, 3),
        "low": round(left * hours / high_count, 3),
        "high": round(left * hours / low_count, 3) if low_count > 0 else None,
        "answers_left": left,
    }


def deadline_outlook(*, hours_left: float, ahead: Forecast | None) -> DeadlineOutlook:
    """Say whether a deadline in `hours_left` will be met by a forecast, and by how many hours it would be missed.

    `met` and `missed` hold for the whole interval of the forecast, `likely` and `unlikely` for its middle alone.
    """
    if ahead is not None and not ahead["answers_left"]:
        return {"outlook": Outlook.ANSWERED, "hours_late": 0.0}
    if hours_left <= 0:
        return {"outlook": Outlook.PASSED, "hours_late": round(-hours_left, 3)}
    if ahead is None:
        return {"outlook": Outlook.UNKNOWN, "hours_late": 0.0}
    hours_late = round(max(0.0, ahead["hours"] - hours_left), 3)
    if ahead["high"] is not None and ahead["high"] <= hours_left:
        return {"outlook": Outlook.MET, "hours_late": hours_late}
    if ahead["low"] > hours_left:
        return {"outlook": Outlook.MISSED, "hours_late": hours_late}
    return {"outlook": Outlook.UNLIKELY if hours_late else Outlook.LIKELY, "hours_late": hours_late}
