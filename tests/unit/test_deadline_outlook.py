"""Whether a deadline will be met, from a forecast with its interval."""

import pytest

from tasks.analytics.forecast import Forecast, deadline_outlook

AHEAD: Forecast = {"hours": 10.0, "low": 8.0, "high": 14.0, "answers_left": 5}


@pytest.mark.parametrize(
    ("hours_left", "ahead", "outlook", "hours_late"),
    [
        (20, AHEAD, "met", 0),
        (14, AHEAD, "met", 0),
        (12, AHEAD, "likely", 0),
        (12, {**AHEAD, "high": None}, "likely", 0),
        (9, AHEAD, "unlikely", 1),
        (2, AHEAD, "missed", 8),
        (-3, AHEAD, "passed", 3),
        (-3, None, "passed", 3),
        (5, None, "unknown", 0),
        (-3, {"hours": 0.0, "low": 0.0, "high": 0.0, "answers_left": 0}, "answered", 0),
    ],
)
def test_the_outlook(hours_left: float, ahead: Forecast | None, outlook: str, hours_late: float) -> None:
    assert deadline_outlook(hours_left=hours_left, ahead=ahead) == {"outlook": outlook, "hours_late": hours_late}
