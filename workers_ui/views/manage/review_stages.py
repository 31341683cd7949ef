"""The stages of a project's review, on one form: each row is a stage, and the last one is empty, for a new one."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.selectors import display_names, staff_of
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.qualification.filter_language import MAX_LENGTH
from tasks.review.models import ReviewStage
from tasks.review.stage_settings import MOST_STAGES, StageSpec, set_stages
from tasks.review.stages import count_waiting, stages_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page

WHO = {"reviewer": "Reviewers and managers", "client": "Clients and managers", "named": "Only these people"}
LABELS = {
    "all": "All",
    "share": "A share of the images",
    "doubtful": "Those with a confidence below",
    "rejected": "Images that the stage before rejected",
}

Row = dict[str, Any]


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def review_stages(request: HttpRequest, project: Project) -> HttpResponse:
    """GET shows them; POST sets all, in the order of the numbers in the first field."""
    if request.method != "POST":
        return _show(request, project, _present(project))
    rows = _sent(request)
    try:
        set_stages(project=project, specs=[_spec(row) for row in rows], by=actor_of(request))
    except AnnotaryError as error:
        messages.error(request, error.detail)
        return _show(request, project, rows)
    messages.success(request, "Saved. Labels that wait go on with these stages." if rows else "Saved. No stages.")
    return redirect("workers_ui:review-stages", project.public_id)


def _show(request: HttpRequest, project: Project, rows: list[Row]) -> HttpResponse:
    team = [row.actor.public_id for row in staff_of(organisation=project.organisation)]
    names = display_names(actors=team)
    empty = {"order": len(rows) + 1, "who": "reviewer", "labels": "all", "percent": "100", "price": "0", "members": []}
    context = {
        "rows": [*rows, *([empty] if len(rows) < MOST_STAGES else [])],
        "who": WHO.items(),
        "labels": LABELS.items(),
        "team": [(str(each), names[str(each)]) for each in team],
        "max_filter": MAX_LENGTH,
    }
    return render_project_page(request, project, "review_stages.html", context, tab="project-settings")


def _present(project: Project) -> list[Row]:
    stages = stages_of(project=project)
    waiting = count_waiting(project=project, stages=stages)
    return [
        {
            "order": stage.position,
            "id": str(stage.public_id),
            "name": stage.name,
            "who": "named" if stage.members else stage.role,
            "members": stage.members,
            "filter": stage.people_filter,
            "labels": stage.labels,
            "percent": f"{stage.share * 100:g}",
            "price": f"{stage.price.normalize():f}",
            "waiting": waiting[stage.public_id],
        }
        for stage in stages
    ]


def _sent(request: HttpRequest) -> list[Row]:
    """Return the rows with a name that are not taken out, in their order."""
    post, rows = request.POST, []
    for number in range(MOST_STAGES):
        name = post.get(f"name-{number}", "").strip()
        if name and f"out-{number}" not in post:
            fields = ("id", "who", "filter", "labels", "percent", "price", "order")
            row: Row = {field: post.get(f"{field}-{number}", "").strip() for field in fields}
            rows.append(row | {"name": name, "members": post.getlist(f"members-{number}")})
    return sorted(rows, key=lambda row: _number(row["order"]))


def _spec(row: Row) -> StageSpec:
    is_named = row["who"] == "named"
    return StageSpec(
        name=row["name"],
        id=_uuid(row["id"]),
        role=ReviewStage.Who.REVIEWER if is_named else row["who"],
        members=[each for each in map(_uuid, row["members"]) if each] if is_named else (),
        people_filter=row["filter"],
        labels=row["labels"],
        share=_number(row["percent"]) / 100,
        price=row["price"],
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    """Return a number that was typed; 0, which the service refuses for a share, if it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
