"""How far to trust the labels: agreement, calibration, what is likely wrong, what is confused, who does how well."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from projects.models import Project
from tasks.analytics.listings import names_of
from tasks.analytics.reports import report_of
from tasks.batching.models import Task
from workers_ui.views.manage.base import for_project, project_page
from workers_ui.views.manage.label_formatting import Names, answer_words, class_names, many, name_of

#: Krippendorff's own limits: below the lower one nothing should be concluded, above the upper one labels are reliable.
FAIR, GOOD = 0.667, 0.8
#: Judged labels below which a calibration is a first impression.
FEW_JUDGED = 50
#: Seconds; a shorter time has no course to show.
SHORT = 3600
EXAMPLES = 6
CLASSES = 100
WORKERS = 100

Json = dict[str, Any]


@require_safe
@for_project(Role.MANAGER)
def quality(request: HttpRequest, project: Project) -> HttpResponse:
    """The page; `?part=figures` is what is loaded again while the figures are made."""
    report = report_of(project=project, name="quality")
    context: Json = {"report": report, "figures": None}
    if report.body is not None and report.body["answers"]:
        context["figures"] = shown(project, report.body)
    template = "_quality.html" if request.GET.get("part") == "figures" else "quality.html"
    return project_page(request, project, template, context, tab="quality")


@require_POST
@for_project(Role.MANAGER)
def again(request: HttpRequest, project: Project) -> HttpResponse:
    """Have the figures made now."""
    report_of(project=project, name="quality", again=True)
    return redirect(reverse("workers_ui:quality", args=[project.public_id]))


def shown(project: Project, body: Json) -> Json:
    """The report with its words; the figures themselves stay as they came."""
    names = class_names(project=project)
    calibration = body["calibration"]
    return {
        **body,
        "alpha_words": alpha_words(body["agreement"]),
        "periods": [
            {**row, "until": datetime.fromtimestamp(row["until"], UTC)} for row in body["agreement"]["over_time"]
        ],
        "by_class": [{**row, "name": name_of(names, row["class"])} for row in body["agreement"]["by_class"][:CLASSES]],
        "over_time": _over_time(body["agreement"]["over_time"]),
        "judged": judged_words(calibration),
        "few_judged": 0 < calibration["n"] < FEW_JUDGED,
        "curve": _curve(calibration["bins"]),
        "doubtful": _doubtful(project, body["doubtful"], names),
        "confusions": [_confusion(project, row, names) for row in body["confusions"]],
        "workers": _workers(body["workers"]),
        "has_detection": any(row["detection"] is not None for row in body["workers"]),
        "workers_left": max(0, len(body["workers"]) - WORKERS),
    }


def alpha_words(agreement: Json) -> tuple[str, str]:
    """(state, sentence). The limits are those of classes: chance seldom puts two boxes in one place, so that an alpha
    of boxes is stricter, and is told without a verdict."""
    alpha = agreement["alpha"]
    if agreement["about"] == "boxes" and alpha is not None:
        same = f"{round(100 * agreement['same'])} % is the same in place and class"
        compare = "Compare the figure with itself over time: of boxes it is lower than of classes."
        return "", f"Of what two people draw on an image, {same}. {compare}"
    if alpha is None:
        return "", "Agreement shows when at least two people have answered the same images in different classes."
    if alpha >= GOOD:
        return "ok", "People see the images the same way; the labels are reliable."
    if alpha >= FAIR:
        return "", "People mostly agree. Good enough to go on; look at what is confused below."
    if alpha > 0:
        return (
            "warn",
            "People often disagree: classes or instructions leave room. Look at what is confused below.",
        )
    return "bad", "People agree no more than chance would. Read the instructions with a few images before going on."


def judged_words(calibration: Json) -> str:
    """ "Of 120 labels we called 90 to 100 % sure, 97 % were right." of the surest bin that has any weight."""
    bins = [row for row in calibration["bins"] if row["n"]]
    if not bins:
        return ""
    row = max(bins, key=lambda each: each["n"])
    low, high = round(100 * row["low"]), round(100 * row["high"])
    said = f"{many(row['n'], 'label')} that we called {low} to {high} % sure"
    return f"Of {said}, {round(100 * row['right'])} % were right."


def _over_time(rows: Sequence[Json]) -> Json | None:
    if len(rows) < 2 or rows[-1]["until"] - rows[0]["from"] < SHORT:
        return None
    return {
        "x": [row["until"] for row in rows],
        "series": [{"label": "Agreement", "values": [row["alpha"] for row in rows], "tone": "ink"}],
        "from": min(0.0, *(row["alpha"] for row in rows)),
        "to": 1,
    }


def _curve(bins: Sequence[Json]) -> Json:
    low = min([0.5, *(min(row["said"], row["right"]) for row in bins)])
    start = max(0.0, int(low * 10) / 10)
    ends = {"unit": "share", "from": start, "to": 1}
    return {
        "x": {"label": "How sure we said we are", **ends},
        "y": {"label": "How many were right", **ends},
        "series": [
            {"label": "As it should be", "points": [[start, start], [1, 1]], "mark": "line"},
            {"label": "As it is", "points": [[row["said"], row["right"]] for row in bins], "mark": "full"},
        ],
    }


def _doubtful(project: Project, rows: Sequence[Json], names: Names) -> list[Json]:
    found = _tasks(project, [row["task"] for row in rows])
    return [
        {
            **row,
            "task": found[row["task"]],
            "words": answer_words(row["label"], names) if row["label"] else "no label yet",
            "other": name_of(names, row["other"]) if row.get("other") is not None else "",
        }
        for row in rows
        if row["task"] in found
    ]


def _confusion(project: Project, row: Json, names: Names) -> Json:
    found = _tasks(project, row["tasks"][:EXAMPLES])
    examples = [found[key] for key in row["tasks"] if key in found]
    return {**row, "sentence": confusion_words(row, names), "examples": examples}


def confusion_words(row: Json, names: Names) -> str:
    """ "“horse” and “pony” are mixed up by 14 of 20 workers: look at what the instructions say of both." """
    if row["unclear"]:
        advice = "look at what the instructions say of both"
    elif row["workers"] == 1 and row["of_workers"] > 1:
        advice = "one person alone, so it is hardly the instructions"
    else:
        advice = "few so far; look at the images before you change the instructions"
    people = f"{row['workers']:,} of {many(row['of_workers'], 'worker')}"
    return f"“{name_of(names, row['a'])}” and “{name_of(names, row['b'])}” are mixed up by {people}: {advice}."


def _tasks(project: Project, public_ids: Sequence[str]) -> Mapping[str, Task]:
    rows = Task.objects.filter(project=project, public_id__in=[UUID(key) for key in public_ids])
    return {str(row.public_id): row for row in rows.select_related("image")}


def _workers(rows: Sequence[Json]) -> list[Json]:
    names = names_of(actors=[row["worker"] for row in rows[:WORKERS]])
    return [{**row, "name": names[row["worker"]]} for row in rows[:WORKERS]]
