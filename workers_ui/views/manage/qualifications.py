"""Qualifications: exams and practice of an organization, and which of them a project requires."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role
from accounts.selectors import display_names
from annotary_core.wording import format_count
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.analytics.images_for_gold import offered_for_gold
from tasks.qualification.filter_language import MAX_LENGTH
from tasks.qualification.models import Qualification
from tasks.qualification.selectors import (
    count_unqualified,
    exams_of,
    grants_of,
    image_of_qualification,
    images_of_qualification,
    qualification_for,
    qualifications_of,
    required_by,
    right_to_pass,
)
from tasks.qualification.setup import (
    NUMBERS,
    POOL_FACTOR,
    change_qualification,
    create_qualification,
    grant,
    retire_image,
    revoke,
    set_requirements,
)
from tasks.qualification.worker_filters import preview_filter, set_worker_filter
from tasks.standing.models import Standing
from tasks.standing.selectors import get_worker_standing, workers_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action
from workers_ui.views.manage.gold import PRELOADED, desk_image

PAGE_SIZE, IMAGES_PER_PAGE = 25, 24
#: Workers that the form to grant a qualification offers.
OFFERED = 500
SETTINGS = ("pass_mark", *NUMBERS)


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def qualifications(request: HttpRequest, project: Project) -> HttpResponse:
    """GET lists them; POST creates one."""
    if request.method == "POST":
        return _create(request, project)
    required = {row.pk: count_unqualified(project=project, qualification=row) for row in required_by(project=project)}
    rows = qualifications_of(organisation_id=project.organisation_id)
    shown, pager = paginate(request, Paginator(rows, PAGE_SIZE))
    context = {
        "rows": [_row(each, required) for each in shown],
        "page": pager,
        "worker_filter": request.GET.get("filter", project.worker_filter)[:MAX_LENGTH],
        "preview": _preview(request, project),
        "required": len(required),
        "without": max(required.values(), default=0),
    }
    return render_project_page(request, project, "qualifications.html", context, tab="qualifications")


@require_POST
@project_role_required(Role.MANAGER)
def save_filter(request: HttpRequest, project: Project) -> HttpResponse:
    back = reverse("workers_ui:qualifications", args=[project.public_id])
    text = request.POST.get("filter", "")
    done = "Saved. Workers who are not let in finish the sets they have." if text.strip() else "Everybody is let in."
    return run_action(request, back, lambda: set_worker_filter(project=project, text=text, by=actor_of(request)), done)


@require_POST
@project_role_required(Role.MANAGER)
def require(request: HttpRequest, project: Project) -> HttpResponse:
    """Change one requirement: `qualification` is needed if `need` is sent, and no more otherwise."""
    back = reverse("workers_ui:qualifications", args=[project.public_id])
    need = "need" in request.POST

    def act() -> None:
        row = _qualification(project, request.POST.get("qualification", ""))
        others = [each for each in required_by(project=project) if each.pk != row.pk]
        set_requirements(project=project, by=actor_of(request), qualifications=[*others, *([row] if need else [])])

    done = "Workers need it now to take sets. They finish the sets they have." if need else "Workers no longer need it."
    return run_action(request, back, act, done)


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def setup(request: HttpRequest, project: Project, qualification_id: uuid.UUID) -> HttpResponse:
    """GET shows a qualification; POST changes its settings or its state. `?part=images` is the list of its images."""
    row = qualification_for(organisation_id=project.organisation_id, public_id=qualification_id)
    if request.method == "POST":
        return _change(request, project, row)
    images, pager = paginate(request, Paginator(images_of_qualification(qualification=row), IMAGES_PER_PAGE))
    part = {"row": row, "images": images, "page": pager}
    if request.GET.get("part") == "images":
        return render_project_page(request, project, "_qualification_images.html", part, tab="qualifications")
    context = part | _setup_context(request, project, row)
    return render_project_page(request, project, "qualification.html", context, tab="qualifications")


@require_POST
@project_role_required(Role.MANAGER)
def remove_image(
    request: HttpRequest, project: Project, qualification_id: uuid.UUID, pool_image_id: uuid.UUID
) -> HttpResponse:
    row = qualification_for(organisation_id=project.organisation_id, public_id=qualification_id)
    image = image_of_qualification(qualification=row, public_id=pool_image_id)
    done = "The image is used no more. It does not become work, because workers may know its answer."
    return run_action(request, _address(project, row), lambda: retire_image(image=image), done)


@require_POST
@project_role_required(Role.MANAGER)
def holders(request: HttpRequest, project: Project, qualification_id: uuid.UUID) -> HttpResponse:
    """Give a worker of the project the qualification, or take it away, with `revoke`."""
    row = qualification_for(organisation_id=project.organisation_id, public_id=qualification_id)

    def act() -> None:
        worker_id = _uuid(request.POST.get("worker", ""))
        worker = get_worker_standing(project=project, public_id=worker_id).worker
        verb = revoke if "revoke" in request.POST else grant
        verb(qualification=row, worker=worker, by=actor_of(request))

    done = "Taken away." if "revoke" in request.POST else "Given."
    return run_action(request, _address(project, row), act, done)


def _preview(request: HttpRequest, project: Project) -> dict[str, str]:
    """What a filter in the query would do, or why it cannot be read; empty without one."""
    if "filter" not in request.GET:
        return {}
    try:
        counts = preview_filter(project=project, text=request.GET["filter"])
    except AnnotaryError as error:
        return {"problem": error.detail}
    return {"text": f"Lets in {counts.let_in:,} of {format_count(counts.workers, 'active worker')}."}


def _create(request: HttpRequest, project: Project) -> HttpResponse:
    values = {name: request.POST[name] for name in SETTINGS if request.POST.get(name)}
    try:
        row = create_qualification(
            project=project, by=actor_of(request), name=request.POST.get("name", ""), values=_as_share(values)
        )
    except AnnotaryError as error:
        messages.error(request, error.detail)
        return redirect("workers_ui:qualifications", project.public_id)
    return redirect(_address(project, row))


def _change(request: HttpRequest, project: Project, row: Qualification) -> HttpResponse:
    state = request.POST.get("state")
    values = {name: request.POST[name] for name in SETTINGS if name in request.POST}
    done = {"open": "Workers can take the exam now.", "closed": "Nobody can start the exam now."}.get(
        state or "", "Saved."
    )

    def act() -> None:
        change_qualification(
            qualification=row,
            name=request.POST.get("name"),
            values=_as_share(values),
            state=state if state in ("open", "closed") else None,
        )

    return run_action(request, _address(project, row), act, done)


def _as_share(values: dict[str, Any]) -> dict[str, Any]:
    """The form asks for the pass mark in percent."""
    if "pass_mark" not in values:
        return values
    text = str(values["pass_mark"]).strip().removesuffix("%")
    return values | {"pass_mark": float(text) / 100 if text.replace(".", "", 1).isdecimal() else text}


def _setup_context(request: HttpRequest, project: Project, row: Qualification) -> dict[str, Any]:
    grants, grants_page = paginate(request, Paginator(grants_of(qualification=row), PAGE_SIZE), "holders")
    exams, exams_page = paginate(request, Paginator(exams_of(qualification=row), PAGE_SIZE), "exams")
    standings = [each for each in workers_of(project=project)[:OFFERED] if each.state != Standing.State.REMOVED]
    workers = [*(row.worker for row in grants), *(row.worker for row in exams), *(row.worker for row in standings)]
    people = {str(worker.public_id) for worker in workers}
    names = display_names(actors=people)
    is_home = row.project_id == project.pk
    free = offered_for_gold(project=project, count=PRELOADED) if is_home else []
    pool = {"exam": row.exam_pool, "practice": row.practice_pool}  # type: ignore[attr-defined]  # annotated
    return {
        "grants": [(each, names[str(each.worker.public_id)]) for each in grants],
        "grants_page": grants_page,
        "exams": [(each, names[str(each.worker.public_id)]) for each in exams],
        "exams_page": exams_page,
        "people": [(str(each.worker.public_id), names[str(each.worker.public_id)]) for each in standings],
        "is_home": is_home,
        "right_to_pass": right_to_pass(row.pass_mark, row.exam_images),
        "exam_missing": max(0, POOL_FACTOR * row.exam_images - pool["exam"]),
        "enough": POOL_FACTOR * row.exam_images,
        "mark": round(row.pass_mark * 100),
        "desk": {
            "schema": project.schema.body if project.schema else None,
            "post": f"/api/v1/qualifications/{row.public_id}/images/",
            "have": sum(pool.values()),
            "enough": POOL_FACTOR * row.exam_images,
            "noun": "image",
            "images": [desk_image(image) for image in free],
        },
    }


def _row(row: Qualification, required: dict[int, int]) -> dict[str, Any]:
    return {"it": row, "is_required": row.pk in required, "without": required.get(row.pk, 0)}


def _qualification(project: Project, text: str) -> Qualification:
    return qualification_for(organisation_id=project.organisation_id, public_id=_uuid(text))


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


def _address(project: Project, row: Qualification) -> str:
    return reverse("workers_ui:qualification-setup", args=[project.public_id, row.public_id])
