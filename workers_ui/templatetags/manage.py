"""How figures and states are written on a manager's pages."""

from decimal import Decimal
from math import ceil
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# A state as (word, tone of its chip, icon). Colour is never the only sign.
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
}
STANDINGS = {
    "active": ("Active", "ok", "check"),
    "paused": ("Paused", "warn", "pause"),
    "removed": ("Removed", "bad", "x"),
}
RELEASE_STATES = {
    "building": ("Being made", "", "clock"),
    "ready": ("Ready", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
EXPORT_STATES = {
    "queued": ("Waits for its turn", "", "clock"),
    "writing": ("Being written", "", "clock"),
    "verifying": ("Being read back", "", "eye"),
    "ready": ("Ready", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
IMPORT_STATES = {
    "receiving": ("Being sent", "", "upload"),
    "working": ("Being taken in", "", "clock"),
    "done": ("Done", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
}
STATES = {
    "project": PROJECT_STATES,
    "batch": BATCH_STATES,
    "task": TASK_STATES,
    "standing": STANDINGS,
    "release": RELEASE_STATES,
    "export": EXPORT_STATES,
    "import": IMPORT_STATES,
}


@register.inclusion_tag("workers_ui/components/chip.html")
def state_chip(kind: str, state: str) -> dict[str, str]:
    word, tone, icon = STATES[kind][state]
    return {"word": word, "state": tone, "icon": icon}


@register.filter
def money(amount: Any, currency: str) -> str:
    """Two decimals, and as many more as the amount needs, up to six: 0.02, 1,204.50, 0.005."""
    if amount is None:
        return "–"
    text = f"{Decimal(str(amount)).normalize():f}"
    decimals = len(text.partition(".")[2])
    return f"{Decimal(text):,.{min(6, max(2, decimals))}f} {currency}"


@register.filter
def about(amount: Any, currency: str) -> str:
    """An estimate: to the cent, or to two digits where cents would hide it."""
    if amount is None:
        return "–"
    value = Decimal(str(amount))
    return money(value.quantize(Decimal("0.01")) if value >= Decimal("0.1") or not value else f"{value:.2g}", currency)


@register.filter
def percent(share: float | None) -> str:
    """0.973 is "97 %"; 0.999 is not rounded up to certainty."""
    if share is None:
        return "–"
    value = share * 100
    if 99 < value < 100:
        return f"{int(value * 10) / 10:g} %"
    return f"{round(value)} %"


@register.filter
def points(share: float | None) -> str:
    """A difference of shares: 0.123 is "12 points"; what rounds to nothing says so."""
    if share is None:
        return "–"
    value = round(share * 100)
    if value == 0:
        return "nothing" if share == 0 else "under 1 point"
    return f"{value} point" if value == 1 else f"{value} points"


@register.filter
def fine_points(share: float) -> str:
    """A small difference of shares, without its sign: 0.0123 is "1.2 points"."""
    value = f"{abs(share) * 100:.1f}".removesuffix(".0")
    return f"{value} point" if value == "1" else f"{value} points"


@register.filter
def fine_percent(share: float | None) -> str:
    """0.9234 is "92.3 %"."""
    return "–" if share is None else f"{share * 100:.1f} %"


@register.filter
def duration(hours: float | None) -> str:
    """A length of time in one unit: 40 minutes, 3 hours, 2 days."""
    if hours is None:
        return "–"
    for size, one in ((24 * 365.25, "year"), (24 * 30.4, "month"), (24.0, "day"), (1.0, "hour")):
        if hours >= 2 * size:
            return f"{round(hours / size)} {one}s"
    minutes = max(1, round(hours * 60))
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"


@register.filter
def at_least_zero(share: float) -> str:
    """For a bar: agreement may be below chance."""
    return f"{max(share, 0):.4f}"


@register.filter
def round_up(count: float) -> int:
    """A number of wrong labels that is expected: some is never none."""
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
    """A time that the page writes in the reader's own zone; without scripts it stands in UTC."""
    if not moment:
        return "–"
    iso = moment if isinstance(moment, str) else moment.isoformat()
    words = iso[:16].replace("T", " ") + " UTC"
    return format_html(
        '<time datetime="{}" data-controller="local-time" data-local-time-style="{}">{}</time>', iso, style, words
    )
