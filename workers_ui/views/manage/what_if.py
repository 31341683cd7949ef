"""What other settings would have cost, and how right the labels would be: the project's own answers played back."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from projects.models import Project
from tasks.analytics.reports import report_of
from tasks.analytics.what_if import METHODS, MOST, Asked
from workers_ui.templatetags.manage import percent
from workers_ui.views.manage.base import for_project, project_page
from workers_ui.views.manage.label_formatting import many

METHOD_WORDS = {
    "blend": "By how good each worker is",
    "one-coin": "By one accuracy for each worker",
    "majority": "Every answer counts the same",
}

HEADINGS = (
    ("asked", "What you ask for"),
    ("today", "Today"),
    ("dynamic", "More where people disagree"),
    ("fixed", "The same number for every image"),
)

Json = dict[str, Any]


@require_safe
@for_project(Role.MANAGER)
def what_if(request: HttpRequest, project: Project) -> HttpResponse:
    """The page; `?part=figures` is what is loaded again while the answers are replayed."""
    asked = read(request.GET, project)
    report = report_of(project=project, name="replay", **asked.to_json())
    context = {
        "report": report,
        "asked": asked,
        "confidence": round(100 * asked.confidence),
        "methods": [(name, METHOD_WORDS[name]) for name in METHODS],
        "most": MOST,
        "headings": HEADINGS,
        "figures": shown(project, report.body) if report.body is not None and report.body["answers"] else None,
        "query": _address(asked),
    }
    template = "_what_if.html" if request.GET.get("part") == "figures" else "what_if.html"
    return project_page(request, project, template, context, tab="what-if")


@require_POST
@for_project(Role.MANAGER)
def again(request: HttpRequest, project: Project) -> HttpResponse:
    """Have the answers replayed now."""
    asked = read(request.GET, project)
    report_of(project=project, name="replay", again=True, **asked.to_json())
    return redirect(f"{reverse('workers_ui:what-if', args=[project.public_id])}?{_address(asked)}")


def read(query: QueryDict, project: Project) -> Asked:
    """What is asked for; whatever is no number, or out of range, is the project's own."""
    low = _whole(query.get("answers_min"), project.answers_min)
    high = _whole(query.get("answers_max"), project.answers_max)
    sure = query.get("confidence", "")
    method = query.get("method", "")
    return Asked(
        answers_min=min(low, high),
        answers_max=max(low, high),
        confidence=min(100, max(50, int(sure))) / 100 if _is_short(sure) else project.confidence_target,
        method=method if method in METHODS else METHODS[0],
    )


def _is_short(text: str) -> bool:
    return text.isdecimal() and len(text) < 4


def _address(asked: Asked) -> str:
    """What `read` makes the same settings of."""
    return urlencode({**asked.to_json(), "confidence": round(100 * asked.confidence)})


def _whole(text: str | None, present: int) -> int:
    return min(MOST, max(1, int(text))) if text and _is_short(text) else min(MOST, present)


def shown(project: Project, body: Json) -> Json:
    """The replayed policies as rows, with the address of the settings that each comes to, and as the chart's points."""
    judged = body["judged"] > 0
    rows = [_row(project, row) for row in body["rows"]]
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind, _ in HEADINGS}
    by_kind["dynamic"] = _distinct(by_kind["dynamic"])
    return {
        **body,
        "by_kind": by_kind,
        "best": _saving(by_kind, judged),
        "measure": measure_words(body),
        "chart": _chart(by_kind, measure_words(body)),
    }


def _distinct(rows: list[Json]) -> list[Json]:
    """Without those that come to the same as the one before."""
    same = ("answers_per_image", "accuracy", "agreement")
    pairs = zip([None, *rows], rows, strict=False)
    return [row for before, row in pairs if before is None or any(before[name] != row[name] for name in same)]


def _row(project: Project, row: Json) -> Json:
    low, high = row["answers_min"], row["answers_max"]
    fixed = row["kind"] == "fixed" or low == high
    words = many(low, "answer") if fixed else f"{low} to {high} answers, until {percent(row['confidence'])} sure"
    settings: dict[str, float] = {"answers_min": low, "answers_max": high}
    if row["confidence"] is not None:
        settings["confidence_target"] = round(100 * row["confidence"], 2)
    return {
        **row,
        "words": words,
        "share": row["accuracy"] if row["accuracy"] is not None else row["agreement"],
        "use": f"{reverse('workers_ui:project-settings', args=[project.public_id])}?{urlencode(settings)}#policy",
    }


def _saving(by_kind: dict[str, list[Json]], judged: bool) -> Json | None:
    """What asked-for settings cost beside all the answers that were given, in points and per cent."""
    if not by_kind["today"] or not by_kind["asked"]:
        return None
    today, asked = by_kind["today"][0], by_kind["asked"][0]
    if not today["answers_per_image"] or today["share"] is None or asked["share"] is None:
        return None
    saved = 1 - asked["answers_per_image"] / today["answers_per_image"]
    points = today["share"] - asked["share"]
    return {
        "saved": saved,
        "more": -saved,
        "points": points,
        "judged": judged,
        # Both are judged by the same images, so half of the wider interval is more than chance makes of them.
        "is_chance": today["low"] is not None
        and asked["low"] is not None
        and abs(points) < max(row["high"] - row["low"] for row in (today, asked)) / 2,
        "shares": (asked["share"], today["share"]),
    }


def measure_words(body: Json) -> str:
    """What a policy is measured by; without anything known to be right, by the labels that all answers give."""
    if not body["judged"]:
        return "Same as with all answers"
    return "Right labels" if body["kind"] == "classes" else "Right boxes (F1)"


def _chart(by_kind: dict[str, list[Json]], measure: str) -> Json:
    def points(kind: str) -> list[list[float]]:
        rows = sorted(by_kind[kind], key=lambda row: row["answers_per_image"])
        return [[round(row["answers_per_image"], 3), row["share"]] for row in rows if row["share"] is not None]

    series = [
        {"label": "The same number for every image", "points": points("fixed"), "mark": "hollow"},
        {"label": "More where people disagree", "points": points("dynamic"), "mark": "full"},
        {"label": "Today", "points": points("today"), "mark": "named"},
        {"label": "What you ask for", "points": points("asked"), "mark": "named"},
    ]
    return {
        "x": {"label": "Answers an image", "unit": ""},
        "y": {"label": measure, "unit": "share"},
        "series": [each for each in series if each["points"]],
    }
