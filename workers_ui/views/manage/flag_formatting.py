"""Why a worker needs a look, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from annotary_core.wording import format_count
from tasks.analytics.worker_flags import TIME_OF_OTHERS, FlagFigures
from workers_ui.templatetags.manage import percent


def describe_flags(flags: Sequence[FlagFigures]) -> str:
    """Describe the evidence: "0 of 3 check images right; agrees with others in 0 of 30"."""
    return "; ".join(_DESCRIBED[flag["signal"]](flag) for flag in flags)


def describe_findings(findings: Mapping[str, Any] | None) -> str:
    """Describe the newest test: "right on 1.5 of 4 check images; agrees with others in about 3 of 16"."""
    if findings is None:
        return ""
    parts = []
    if seen := findings["gold_seen"]:
        parts.append(f"right on {findings['gold_right']:.3g} of {format_count(seen, 'check image')}")
    if compared := findings["compared"]:
        parts.append(f"agrees with others in about {findings['agreeing']:.0f} of {compared:,}")
    if findings["timed"] and findings["fast"] * 4 > findings["timed"]:
        answers = format_count(findings["timed"], "answer")
        parts.append(f"{findings['fast']:,} of {answers} in under a third of the time others need")
    return "; ".join(parts)


def _time(flag: FlagFigures) -> str:
    return (
        f"most answers within {flag['value']:.1f} s, where others take at least {flag['limit'] / TIME_OF_OTHERS:.1f} s"
    )


_DESCRIBED: dict[str, Callable[[FlagFigures], str]] = {
    "gold": lambda flag: f"{flag['count']:,} of {format_count(flag['of'], 'check image')} right",
    "agreement": lambda flag: f"agrees with others in {flag['count']:,} of {flag['of']:,}",
    "accuracy": lambda flag: f"right in an estimated {percent(flag['value'])} of {flag['of']:,}",
    "objects_found": lambda flag: f"finds an estimated {percent(flag['value'])} of the objects",
    "repeats": lambda flag: f"always the same answer, also where others disagree ({flag['count']:,} of {flag['of']:,})",
    "streak": lambda flag: (
        f"one answer {format_count(flag['count'] or 0, 'time')} in a row, where it is right on {percent(flag['value'])}"
    ),
    "same_mistakes": lambda flag: (
        f"the same mistake as another worker on {flag['count']:,} of {format_count(flag['of'], 'image')}"
    ),
    "same_geometry": lambda flag: (
        f"exactly the same coordinates as another worker on {flag['count']:,} of {format_count(flag['of'], 'image')}"
    ),
    "same_times": lambda flag: (
        f"the same times as another worker on {flag['count']:,} of {format_count(flag['of'], 'image')}"
    ),
    "same_device": lambda flag: f"the same device as {format_count(flag['of'], 'other account')}",
    "same_network": lambda flag: f"the same network as {format_count(flag['of'], 'other account')}",
    "rejected": lambda flag: f"{flag['count']:,} of {format_count(flag['of'], 'reviewed answer')} rejected",
    "time": _time,
    "returns": lambda flag: f"returned {format_count(round(flag['value']), 'image')} within a day",
}
