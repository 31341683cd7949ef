"""Template filters that format figures and states on the managers' pages."""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from typing import Any

from django import template
from django.template.defaultfilters import pluralize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.models import Project
from workers_ui import money as words

register = template.Library()

#: A share of fewer than this is shown as a number of them.
FEW = 10

# Each state as (label, chip tone, icon). Color is never the only signal.
PROJECT_STATES = {
    "draft": ("Draft", "", "edit"),
    "open": ("Open", "ok", "play"),
    "paused": ("Paused", "warn", "pause"),
    "closed": ("Closed", "", "check"),
}
BATCH_STATES = {
    "draft": ("Not open yet", "", "clock"),
    "open": ("Open", "ok", "play"),
    "paused": ("Paused", "warn", "pause"),
    "approved": ("Approved", "earned", "seal"),
}
TASK_STATES = {
    "open": ("Waiting", "", "clock"),
    "answered": ("Answered", "", "eye"),
    "approved": ("Approved", "ok", "check"),
    "left_out": ("Left out", "", "x"),
}
STANDINGS = {
    "active": ("Active", "ok", "check"),
    "flagged": ("Needs a look", "bad", "alert"),
    "paused": ("Paused", "warn", "pause"),
    "removed": ("Removed", "bad", "x"),
}
RELEASE_STATES = {
    "building": ("Building", "", "clock"),
    "ready": ("Ready", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
EXPORT_STATES = {
    "queued": ("Queued", "", "clock"),
    "writing": ("Writing", "", "clock"),
    "verifying": ("Verifying", "", "eye"),
    "ready": ("Ready", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
IMPORT_STATES = {
    "receiving": ("Uploading", "", "upload"),
    "working": ("Processing", "", "clock"),
    "done": ("Done", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
DEADLINE_STATES = {
    "answered": ("Answered", "", "check"),
    "met": ("On time", "ok", "check"),
    "likely": ("Might be late", "warn", "clock"),
    "unlikely": ("Probably late", "bad", "alert"),
    "missed": ("Too late", "bad", "alert"),
    "passed": ("Overdue", "bad", "alert"),
    "unknown": ("Nobody works on it", "warn", "clock"),
    "not_open": ("Not open", "warn", "pause"),
}
REPAIR_STATES = {
    "voiding": ("In progress", "warn", "clock"),
    "voided": ("Void", "bad", "x"),
    "restoring": ("Being undone", "warn", "clock"),
    "restored": ("Undone", "", "undo"),
}
CLASS_CHANGE_STATES = {
    "applying": ("In progress", "warn", "clock"),
    "applied": ("Done", "ok", "check"),
    "restoring": ("Being undone", "warn", "clock"),
    "restored": ("Undone", "", "undo"),
}
QUALIFICATION_STATES = {
    "draft": ("Draft", "", "clock"),
    "open": ("Open", "ok", "play"),
    "closed": ("Closed", "", "pause"),
}
ATTEMPT_STATES = {
    "live": ("In progress", "", "clock"),
    "done": ("Finished", "", "check"),
    "passed": ("Passed", "ok", "check"),
    "failed": ("Not passed", "bad", "x"),
}
STATES = {
    "project": PROJECT_STATES,
    "batch": BATCH_STATES,
    "deadline": DEADLINE_STATES,
    "task": TASK_STATES,
    "standing": STANDINGS,
    "release": RELEASE_STATES,
    "export": EXPORT_STATES,
    "import": IMPORT_STATES,
    "repair": REPAIR_STATES,
    "class_change": CLASS_CHANGE_STATES,
    "qualification": QUALIFICATION_STATES,
    "attempt": ATTEMPT_STATES,
}


@register.inclusion_tag("workers_ui/components/chip.html")
def state_chip(kind: str, state: str) -> dict[str, str]:
    word, tone, icon = STATES[kind][state]
    return {"word": word, "state": tone, "icon": icon}


@register.inclusion_tag("workers_ui/components/chip.html")
def project_chip(project: Project) -> dict[str, str]:
    """The state of a project; an archived one is archived, whatever state it was in."""
    word, tone, icon = ("Archived", "", "inbox") if project.archived_at else PROJECT_STATES[project.state]
    return {"word": word, "state": tone, "icon": icon}


@register.filter
def money(amount: Any, currency: str) -> str:
    """Format an amount with the currency's own decimals, or as many more as it needs, up to six: $0.02, $0.005."""
    return "–" if amount is None else words.money(round(Decimal(str(amount)), 6), currency)


@register.filter
def skill_value(value: float | None) -> str:
    """Format a skill's value with as many digits as it has: 0.9, 12."""
    return "–" if value is None else f"{value:,.6f}".rstrip("0").rstrip(".")


@register.filter
def about(amount: Any, currency: str) -> str:
    """Format an estimate to the cent, or to two significant digits when cents would hide it."""
    if amount is None:
        return "–"
    value = Decimal(str(amount))
    return money(value.quantize(Decimal("0.01")) if value >= Decimal("0.1") or not value else f"{value:.2g}", currency)


@register.filter
def signed(number: int) -> str:
    """Format a change of a count: +1,200, −3, 0."""
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{abs(number):,}"


@register.filter
def percent(share: float | None) -> str:
    """Format a share: 0.973 is "97%". 0.999 is not rounded up to certainty."""
    if share is None:
        return "–"
    value = share * 100
    if 99 < value < 100:
        return f"{int(value * 10) / 10:g}%"
    return f"{round(value)}%"


@register.filter
def share_of(share: float | None, whole: int) -> str:
    """Format a share of few as their number, which a percentage would hide: "0 of 1"; of more, as a percentage."""
    return percent(share) if share is None or whole >= FEW else f"{round(share * whole):,} of {whole:,}"


@register.filter
def share_of_answers(share: float, answers: int) -> str:
    """Format a share of answers: "78% of 204 answers", "1 of 3 answers"."""
    return f"{share_of(share, answers)}{f' of {answers:,}' if answers >= FEW else ''} answer{pluralize(answers)}"


@register.filter
def points(share: float | None) -> str:
    """Format a difference between shares: 0.123 is "12 points". A difference that rounds to zero says so."""
    if share is None:
        return "–"
    value = round(share * 100)
    if value == 0:
        return "nothing" if share == 0 else "under 1 point"
    return f"{value} point" if value == 1 else f"{value} points"


@register.filter
def fine_points(share: float) -> str:
    """Format a small difference between shares, without its sign: 0.0123 is "1.2 points"."""
    value = f"{abs(share) * 100:.1f}".removesuffix(".0")
    return f"{value} point" if value == "1" else f"{value} points"


@register.filter
def fine_percent(share: float | None) -> str:
    """Format a share to one decimal: 0.9234 is "92.3%"."""
    return "–" if share is None else f"{share * 100:.1f}%"


@register.filter
def duration(hours: float | None) -> str:
    """Format a duration in one unit: 40 minutes, 3 hours, 2 days."""
    if hours is None:
        return "–"
    for size, unit in ((24 * 365.25, "year"), (24 * 30.4, "month"), (24.0, "day"), (1.0, "hour")):
        if hours >= 2 * size:
            return f"{round(hours / size)} {unit}s"
    minutes = max(1, round(hours * 60))
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"


@register.filter
def at_least_zero(share: float) -> str:
    """Clamp a share for a bar; agreement can be below chance."""
    return f"{max(share, 0):.4f}"


@register.filter
def round_up(count: float) -> int:
    """Round up an expected number of wrong labels, so that a few never shows as none."""
    return ceil(round(count, 6))


@register.filter
def percent_of(part: int, whole: int) -> int:
    return int(100 * part / whole) if whole else 0


@register.filter
def short_hash(text: str) -> str:
    return text[:12]


@register.filter
def item(mapping: Any, key: Any) -> Any:
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def local(moment: Any, style: str = "") -> SafeString | str:
    """Render a time, which the page's script shows in the reader's time zone; without scripts it is in UTC."""
    if not moment:
        return "–"
    iso = moment if isinstance(moment, str) else moment.isoformat()
    text = iso[:16].replace("T", " ") + " UTC"
    return format_html(
        '<time datetime="{}" data-controller="local-time" data-local-time-style="{}">{}</time>', iso, style, text
    )


@register.filter
def of_id(values: Mapping[int, Any], row_id: int) -> Any:
    """Return what a mapping has for a row, 0 without one."""
    return values.get(row_id, 0)
