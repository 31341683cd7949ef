"""Replay the project's own answers under other settings: their cost, and how correct the labels would be."""

from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from annotary_core.wording import format_count
from projects.models import Project
from tasks.analytics.reports import REPLAY, get_report
from tasks.analytics.what_if import MAX_ANSWERS, METHODS, ReplayReport, ReplayRow, ReplaySettings
from workers_ui.templatetags.manage import percent
from workers_ui.views.manage.base import project_role_required, render_project_page

METHOD_LABELS = {
    "blend": "Weighted by worker accuracy",
    "one-coin": "Weighted by one accuracy per worker",
    "majority": "Every answer counts the same",
}

HEADINGS = (
    ("asked", "Your settings"),
    ("today", "Today"),
    ("dynamic", "More answers where workers disagree"),
    ("fixed", "The same number for every image"),
)


class ShownRow(ReplayRow):
    """A policy as a row of the table. words: its settings. share: of correct labels, or of those that stay the same.
    use: link that applies its settings."""

    words: str
    share: float | None
    use: str


@require_safe
@project_role_required(Role.MANAGER)
def what_if(request: HttpRequest, project: Project) -> HttpResponse:
    """Render the page; `?part=figures` is the part that is reloaded while the answers are being replayed."""
    requested = read(request.GET, project)
    report = get_report(REPLAY, project=project, **requested.to_json())
    context = {
        "report": report,
        "asked": requested,
        "confidence": round(100 * requested.confidence),
        "methods": [(name, METHOD_LABELS[name]) for name in METHODS],
        "most": MAX_ANSWERS,
        "headings": HEADINGS,
        "figures": shown(project, report.body) if report.body is not None and report.body["answers"] else None,
        "query": _query_string(requested),
    }
    template = "_what_if.html" if request.GET.get("part") == "figures" else "what_if.html"
    return render_project_page(request, project, template, context, tab="what-if")


@require_POST
@project_role_required(Role.MANAGER)
def again(request: HttpRequest, project: Project) -> HttpResponse:
    """Replay the answers again now."""
    requested = read(request.GET, project)
    get_report(REPLAY, project=project, again=True, **requested.to_json())
    return redirect(f"{reverse('workers_ui:what-if', args=[project.public_id])}?{_query_string(requested)}")


def read(query: QueryDict, project: Project) -> ReplaySettings:
    """Read the requested settings; the project's own replace what is not a number, the rest is clamped to its range."""
    low = _answer_count(query.get("answers_min"), project.answers_min)
    high = _answer_count(query.get("answers_max"), project.answers_max)
    confidence = query.get("confidence", "")
    method = query.get("method", "")
    return ReplaySettings(
        answers_min=min(low, high),
        answers_max=max(low, high),
        confidence=min(100, max(50, int(confidence))) / 100 if _is_short(confidence) else project.confidence_target,
        method=method if method in METHODS else METHODS[0],
    )


def _is_short(text: str) -> bool:
    return text.isdecimal() and len(text) < 4


def _query_string(requested: ReplaySettings) -> str:
    """Return the query string that `read` turns back into these settings."""
    return urlencode({**requested.to_json(), "confidence": round(100 * requested.confidence)})


def _answer_count(text: str | None, default: int) -> int:
    return min(MAX_ANSWERS, max(1, int(text))) if text and _is_short(text) else min(MAX_ANSWERS, default)


def shown(project: Project, body: ReplayReport) -> dict[str, Any]:
    """Return the replayed policies as table rows, each with a link that applies its settings, and as chart data."""
    judged = body["judged"] > 0
    measure = measure_label(body["kind"], judged=body["judged"])
    rows = [_row(project, row) for row in body["rows"]]
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind, _ in HEADINGS}
    by_kind["dynamic"] = _distinct(by_kind["dynamic"])
    return {
        **body,
        "by_kind": by_kind,
        "best": _saving(by_kind, judged),
        "measure": measure,
        "chart": _chart(by_kind, measure),
    }


def _distinct(rows: list[ShownRow]) -> list[ShownRow]:
    """Drop rows with the same results as the row before."""
    pairs = zip([None, *rows], rows, strict=False)
    return [row for before, row in pairs if before is None or _results(before) != _results(row)]


def _results(row: ShownRow) -> tuple[float | None, ...]:
    return row["answers_per_image"], row["accuracy"], row["agreement"]


def _row(project: Project, row: ReplayRow) -> ShownRow:
    low, high = row["answers_min"], row["answers_max"]
    fixed = row["kind"] == "fixed" or low == high
    words = (
        format_count(low, "answer") if fixed else f"{low} to {high} answers, until {percent(row['confidence'])} sure"
    )
    settings: dict[str, float] = {"answers_min": low, "answers_max": high}
    if row["confidence"] is not None:
        settings["confidence_target"] = round(100 * row["confidence"], 2)
    return {
        **row,
        "words": words,
        "share": row["accuracy"] if row["accuracy"] is not None else row["agreement"],
        "use": f"{reverse('workers_ui:project-settings', args=[project.public_id])}?{urlencode(settings)}#policy",
    }


def _saving(by_kind: dict[str, list[ShownRow]], judged: bool) -> dict[str, Any] | None:
    """Compare the requested settings with all submitted answers, in percent of answers and points of accuracy."""
    if not by_kind["today"] or not by_kind["asked"]:
        return None
    today, requested = by_kind["today"][0], by_kind["asked"][0]
    if not today["answers_per_image"] or today["share"] is None or requested["share"] is None:
        return None
    saved = 1 - requested["answers_per_image"] / today["answers_per_image"]
    points = today["share"] - requested["share"]
    widths = [width for width in map(_interval_width, (today, requested)) if width is not None]
    return {
        "saved": saved,
        "more": -saved,
        "points": points,
        "judged": judged,
        # Both are judged on the same images, so a difference beyond half of the wider interval is more than chance.
        "is_chance": len(widths) == 2 and abs(points) < max(widths) / 2,
        "shares": (requested["share"], today["share"]),
    }


def _interval_width(row: ShownRow) -> float | None:
    return None if row["low"] is None or row["high"] is None else row["high"] - row["low"]


def measure_label(kind: str, *, judged: int) -> str:
    """Return the name of the measure; without ground truth, policies are compared with the labels from all answers."""
    if not judged:
        return "Same as with all answers"
    return "Correct labels" if kind == "classes" else f"Correct {kind} (F1)"


def _share_axis(shares: list[float]) -> dict[str, float]:
    """Return the ends of an axis of shares: it ends at 100%, and begins at a full 5% below the lowest."""
    low = min(shares, default=1.0)
    return {"from": max(0.0, (ceil(round(20 * low, 9)) - 1) / 20), "to": 1}


def _chart(by_kind: dict[str, list[ShownRow]], measure: str) -> dict[str, Any]:
    def points(kind: str) -> list[list[float]]:
        rows = sorted(by_kind[kind], key=lambda row: row["answers_per_image"])
        return [[round(row["answers_per_image"], 3), row["share"]] for row in rows if row["share"] is not None]

    series = [
        {"label": "The same number for every image", "points": points("fixed"), "mark": "hollow"},
        {"label": "More answers where workers disagree", "points": points("dynamic"), "mark": "full"},
        {"label": "Today", "points": points("today"), "mark": "named"},
        {"label": "Your settings", "points": points("asked"), "mark": "named"},
    ]
    shares = [row["share"] for rows in by_kind.values() for row in rows if row["share"] is not None]
    return {
        "x": {"label": "Answers per image", "unit": ""},
        "y": {"label": measure, "unit": "share", **_share_axis(shares)},
        "series": [each for each in series if each["points"]],
    }
