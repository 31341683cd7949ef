"""Changes of approved labels that new estimates propose: both labels side by side, and the manager's decision."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import display_names_for
from annotary_core.labels.answer import Answer
from annotary_core.labels.shapes import SHAPES
from annotary_core.wording import format_count
from kernel.errors import Refused
from projects.models import Project
from projects.selectors import class_names
from tasks.analytics.proposed_changes import (
    MAX_PROPOSALS,
    MAX_WORKERS,
    MIN_SHIFT,
    AccuracyShift,
    accuracy_shifts,
    proposal_rows,
    proposed_changes,
    reviewed_by_people,
    worker_shifts,
)
from tasks.consensus.label_proposals import keep_labels, proposals_token, send_to_review
from tasks.consensus.models import LabelProposal
from workers_ui.templatetags.manage import percent
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action
from workers_ui.views.manage.label_formatting import (
    Names,
    describe_answer,
    describe_changes,
    join_shortened,
)

PAGE_SIZE = 20
DECISIONS = {"send": (send_to_review, "sent back to review"), "keep": (keep_labels, "kept as approved")}


class NothingChosen(Refused):
    """Choose what to do with the proposed changes."""


@require_safe
@project_role_required(Role.REVIEWER)
def changes(request: HttpRequest, project: Project) -> HttpResponse:
    # Before the rows: a change that appears in between makes the token stale, and is not decided unseen.
    token = proposals_token(project=project)
    page, pager = paginate(request, Paginator(proposal_rows(project=project), PAGE_SIZE))
    reviewed = reviewed_by_people(label_ids=[row.label_id for row in page])
    names = class_names(project=project)
    shifts = worker_shifts(project=project)
    whys = [accuracy_shifts(before=row.label.evidence, now=row.evidence) for row in page]
    workers = display_names_for(
        actor_of(request),
        organisation_id=project.organisation_id,
        actors={shift.worker for shift in shifts if not shift.is_model}
        | {shift.worker for why in whys for shift in why if not shift.is_model},
    )
    context = {
        "token": token,
        "figures": proposed_changes(project=project),
        "page": pager,
        "changes": [
            change_row(row, names, why=describe_shifts(why, workers), is_reviewed=row.label_id in reviewed)
            for row, why in zip(page, whys, strict=True)
        ],
        "shifts": [{"shift": each, "who": workers.get(each.worker, each.worker)} for each in shifts[:MAX_WORKERS]],
        "shifts_count": len(shifts),
        "most_proposals": MAX_PROPOSALS,
    }
    return render_project_page(request, project, "proposed_changes.html", context, tab="review")


@require_POST
@project_role_required(Role.MANAGER)
def decide(request: HttpRequest, project: Project) -> HttpResponse:
    """Send labels back to review, or keep them: one of the list, or all of the list that the manager saw."""
    back = reverse("workers_ui:proposed-changes", args=[project.public_id])
    return run_action(request, back, lambda: _decide(request, project))


def _decide(request: HttpRequest, project: Project) -> None:
    step, one = request.POST.get("step", ""), request.POST.get("id")
    if step not in DECISIONS:
        raise NothingChosen
    act, done = DECISIONS[step]
    ids = [_uuid(one)] if one else None
    count = act(project=project, by=actor_of(request), ids=ids, token=request.POST.get("token", ""))
    messages.success(request, f"{format_count(count, 'label')} {done}.")


def change_row(row: LabelProposal, names: Names, *, why: str, is_reviewed: bool) -> dict[str, Any]:
    image, label = row.task.image, row.label
    return {
        "id": row.public_id,
        "task": row.task,
        "image": image,
        "approved": {"words": describe_answer(label.body, names), "outlines": outlines(label.body)},
        "proposed": {"words": describe_answer(row.body, names), "outlines": outlines(row.body)},
        # The words of two classes say everything; of two sets of objects, they do not.
        "words": describe_changes(label.body, row.body, names) if label.body["objects"] or row.body["objects"] else "",
        "before": label.confidence,
        "now": row.label_confidence,
        "confidence": row.confidence,
        "why": why,
        "is_reviewed": is_reviewed,
    }


def describe_shifts(shifts: Sequence[AccuracyShift], workers: Mapping[str, str]) -> str:
    """Describe whose answers count differently: "Wren 82% → 41%, new predictions of owl-net"; workers: their names."""
    words = [
        f"new predictions of {shift.worker}"
        if shift.before is None
        else f"{workers.get(shift.worker, shift.worker)} {percent(shift.before)} → {percent(shift.now)}"
        for shift in sorted(shifts, key=_size, reverse=True)
        if shift.before is None or abs(shift.now - shift.before) >= MIN_SHIFT
    ]
    return join_shortened(words)


def _size(shift: AccuracyShift) -> float:
    return 1.0 if shift.before is None else abs(shift.now - shift.before)


def outlines(body: Mapping[str, Any]) -> list[str]:
    """Return the objects as path data of an SVG element, in pixels."""
    return [SHAPES[item.tool].svg_path(item.geom) for item in Answer.from_json(body).objects]


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NothingChosen from error
