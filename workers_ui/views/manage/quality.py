"""How far to trust the labels: agreement, calibration, likely errors, confused classes, workers' accuracy."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import display_names
from annotary_core.wording import format_count
from projects.models import Project
from projects.selectors import class_names
from tasks.analytics.calibration import CalibrationBin, DoubtfulLabel, WorkerQuality
from tasks.analytics.inter_annotator_agreement import PAIRS, Confusion, PeriodAgreement
from tasks.analytics.quality_report import QualityReport
from tasks.analytics.reports import QUALITY, get_report
from tasks.batching.selectors import tasks_with_images
from workers_ui.templatetags.manage import share_of
from workers_ui.views.manage.base import project_role_required, render_project_page
from workers_ui.views.manage.label_formatting import Names, class_name, describe_answer

#: Krippendorff's own thresholds: draw no conclusions below the lower one; above the upper one labels are reliable.
FAIR, GOOD = 0.667, 0.8
#: With fewer judged labels, the calibration is only a first impression.
FEW_JUDGED = 50
#: Seconds; over a shorter span there is no trend to show.
MIN_TREND_SPAN = 3600
MAX_EXAMPLES = 6
MAX_WORKERS = 100


@require_safe
@project_role_required(Role.MANAGER)
def quality(request: HttpRequest, project: Project) -> HttpResponse:
    """Render the page; `?part=figures` is the part that is reloaded while the report is being computed."""
    report = get_report(QUALITY, project=project)
    context: dict[str, Any] = {"report": report, "figures": None}
    if report.body is not None and report.body["answers"]:
        context["figures"] = shown(project, report.body)
    template = "_quality.html" if request.GET.get("part") == "figures" else "quality.html"
    return render_project_page(request, project, template, context, tab="quality")


@require_POST
@project_role_required(Role.MANAGER)
def again(request: HttpRequest, project: Project) -> HttpResponse:
    """Recompute the report now."""
    get_report(QUALITY, project=project, again=True)
    return redirect(reverse("workers_ui:quality", args=[project.public_id]))


def shown(project: Project, body: QualityReport) -> dict[str, Any]:
    """Add display texts to the report, leaving its figures unchanged."""
    names = class_names(project=project)
    agreement, calibration = body["agreement"], body["calibration"]
    return {
        **body,
        "alpha_words": describe_alpha(agreement["about"], alpha=agreement["alpha"], same=agreement["same"]),
        "periods": [{**row, "until": datetime.fromtimestamp(row["until"], UTC)} for row in agreement["over_time"]],
        "by_class": [{**row, "name": class_name(names, row["class"])} for row in agreement["by_class"]],
        "over_time": _over_time(agreement["over_time"]),
        "judged": describe_calibration(calibration["bins"]),
        "few_judged": 0 < calibration["n"] < FEW_JUDGED,
        "curve": _curve(calibration["bins"]),
        "doubtful": _doubtful(project, body["doubtful"], names),
        "confusions": [_confusion(project, row, names) for row in body["confusions"]],
        "workers": _workers(body["workers"]),
        "pairs": PAIRS,
        "has_detection": any(row["detection"] is not None for row in body["workers"]),
        "workers_left": max(0, len(body["workers"]) - MAX_WORKERS),
    }


def describe_alpha(about: str, *, alpha: float | None, same: float | None) -> tuple[str, str]:
    """Return (state, sentence).

    The thresholds apply to classes only: chance rarely puts two objects in the same place, so alpha on objects is
    stricter and is shown without a verdict.
    """
    if about != "classes" and alpha is not None and same is not None:
        compare = f"Compare this figure only with itself over time. It is lower for {about} than for classes."
        match = f"{round(100 * same)}% match in place and class"
        return "", f"Of the objects that two workers draw on an image, {match}. {compare}"
    if alpha is None:
        return "", "Agreement appears once at least two people have answered the same images, in more than one class."
    if alpha >= GOOD:
        return "ok", "Workers agree. The labels are reliable."
    if alpha >= FAIR:
        return "", "Workers mostly agree. This is good enough to continue, but check the confused classes below."
    if alpha > 0:
        return (
            "warn",
            "Workers often disagree. The classes or instructions may be unclear. Check the confused classes below.",
        )
    return "bad", "Workers agree no more than by chance. Test the instructions on a few images before you continue."


def describe_calibration(bins: Sequence[CalibrationBin]) -> str:
    """Describe the bin with the most labels: "Of 120 labels with 90 to 100% confidence, 97% were correct"."""
    if not bins:
        return ""
    row = max(bins, key=lambda each: each["n"])
    low, high = round(100 * row["low"]), round(100 * row["high"])
    labels = f"{format_count(row['n'], 'label')} with {low} to {high}% confidence"
    right = share_of(row["right"], row["n"]).split(" of ")[0]
    return f"Of {labels}, {right} {'was' if right == '1' else 'were'} correct."


def _over_time(rows: Sequence[PeriodAgreement]) -> dict[str, Any] | None:
    if len(rows) < 2 or rows[-1]["until"] - rows[0]["from"] < MIN_TREND_SPAN:
        return None
    return {
        "x": [row["until"] for row in rows],
        "series": [{"label": "Agreement", "values": [row["alpha"] for row in rows], "tone": "ink"}],
        "from": min(0.0, *(row["alpha"] for row in rows)),
        "to": 1,
    }


def _curve(bins: Sequence[CalibrationBin]) -> dict[str, Any]:
    low = min([0.5, *(min(row["said"], row["right"]) for row in bins)])
    start = max(0.0, int(low * 10) / 10)
    ends = {"unit": "share", "from": start, "to": 1}
    return {
        "x": {"label": "Stated confidence", **ends},
        "y": {"label": "Share of correct labels", **ends},
        "series": [
            {"label": "Ideal", "points": [[start, start], [1, 1]], "mark": "line"},
            {"label": "Measured", "points": [[row["said"], row["right"]] for row in bins], "mark": "full"},
        ],
    }


def _doubtful(project: Project, rows: Sequence[DoubtfulLabel], names: Names) -> list[dict[str, Any]]:
    tasks = tasks_with_images(project=project, public_ids=[row["task"] for row in rows])
    return [
        {
            **row,
            "task": tasks[row["task"]],
            "words": describe_answer(row["label"], names) if row["label"] else "no label yet",
            "other": class_name(names, row["other"]) if row["other"] is not None else "",
        }
        for row in rows
        if row["task"] in tasks
    ]


def _confusion(project: Project, row: Confusion, names: Names) -> dict[str, Any]:
    tasks = tasks_with_images(project=project, public_ids=row["tasks"][:MAX_EXAMPLES])
    examples = [tasks[key] for key in row["tasks"] if key in tasks]
    return {**row, "sentence": describe_confusion(row, names), "examples": examples}


def describe_confusion(row: Confusion, names: Names) -> str:
    """Describe a confusion: "14 of 20 workers mix up “horse” and “pony”", and what to do about it."""
    if row["unclear"]:
        advice = "Check what the instructions say about both"
    elif row["workers"] == 1 and row["of_workers"] > 1:
        advice = "It is only one person, so the instructions are probably not the cause"
    else:
        advice = "That is few so far, so look at the images before you change the instructions"
    people = f"{row['workers']:,} of {format_count(row['of_workers'], 'worker')}"
    verb = "mixes" if row["workers"] == 1 else "mix"
    return f"{people} {verb} up “{class_name(names, row['a'])}” and “{class_name(names, row['b'])}”. {advice}."


def _workers(rows: Sequence[WorkerQuality]) -> list[dict[str, Any]]:
    names = display_names(actors=[row["worker"] for row in rows[:MAX_WORKERS]])
    return [{**row, "name": names[row["worker"]]} for row in rows[:MAX_WORKERS]]
