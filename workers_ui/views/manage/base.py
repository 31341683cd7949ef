"""What every manager page shares: sign-in, the project for the required role, navigation, and the websocket URL."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.models import Role
from accounts.selectors import COVERS, role_in
from annotary_core.labels.shapes import SHAPES, measure_of, noun_of
from kernel.errors import AnnotaryError, Forbidden
from projects.models import Project
from projects.selectors import object_tools_of, project_for, require_not_archived
from projects.socket_urls import console_socket_url
from tasks.review.models import ReviewStage
from tasks.review.stages import own_stages, stages_of
from workers_ui.views.base import actor_of

Row = TypeVar("Row")
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a project: its URL name, its label, and the role that it requires."""

    name: str
    label: str
    role: str


TABS = (
    Tab("project", "Overview", Role.MANAGER),
    Tab("images", "Images", Role.MANAGER),
    Tab("gold", "Check images", Role.MANAGER),
    Tab("workers", "Workers", Role.MANAGER),
    Tab("qualifications", "Qualifications", Role.MANAGER),
    Tab("review", "Review", Role.REVIEWER),
    Tab("questions-asked", "Questions", Role.REVIEWER),
    Tab("quality", "Quality", Role.MANAGER),
    Tab("what-if", "What if", Role.MANAGER),
    Tab("releases", "Releases", Role.CLIENT),
    Tab("project-settings", "Settings", Role.MANAGER),
)


def project_role_required(
    role: str, *, while_archived: bool = False, or_in_stage: bool = False
) -> Callable[[View], View]:
    """Decorate a view `(request, project, **kwargs)` that requires this role in the project's organization, or
    (`or_in_stage`) to be a client who reviews in one of its stages.

    Of an archived project it only shows things, unless it is for those too (`while_archived`). Browsers do not store
    its pages: "back" must not show a list as it was before something was saved.
    """

    def decorate(view: View) -> View:
        @never_cache
        @login_required
        @wraps(view)
        def with_project(request: HttpRequest, project_id: uuid.UUID, **kwargs: Any) -> HttpResponseBase:
            try:
                project = project_for(actor=actor_of(request), public_id=project_id, role=role)
            except Forbidden:
                if not or_in_stage:
                    raise
                project = project_for(actor=actor_of(request), public_id=project_id, role=Role.CLIENT)
                if not _stages_of_client(request, project):
                    raise
            if request.method == "POST" and not while_archived:
                require_not_archived(project=project)
            return view(request, project, **kwargs)

        return cast(View, with_project)

    return decorate


def render_project_page(
    request: HttpRequest, project: Project, template: str, context: dict[str, Any], *, tab: str, status: int = 200
) -> HttpResponse:
    """Render a page with the project's header and tabs; a template whose name begins with "_" is a part without."""
    role = role_in(actor=actor_of(request), organisation_id=project.organisation_id)
    covered = COVERS.get(role or "", frozenset())
    has_stage = role == Role.CLIENT and bool(_stages_of_client(request, project))
    tabs = [
        {
            "label": each.label,
            "url": reverse(f"workers_ui:{each.name}", args=[project.public_id]),
            "current": each.name == tab,
        }
        for each in TABS
        if each.role in covered or (has_stage and each.name == "review")
    ]
    tools = object_tools_of(project=project)
    shared = {
        "project": project,
        "noun": noun_of(tools),
        "measure": measure_of(tools or SHAPES),
        "tabs": tabs,
        "is_manager": Role.MANAGER in covered,
        "is_reviewer": Role.REVIEWER in covered,
        "live_url": console_socket_url(request, project),
    }
    return render(request, f"workers_ui/manage/{template}", shared | context, status=status)


def _stages_of_client(request: HttpRequest, project: Project) -> list[ReviewStage]:
    return own_stages(actor=actor_of(request), project=project, stages=stages_of(project=project))


def landing_url(project: Project, role: str) -> str:
    """Return the first page of the project for a member with this role; empty for workers, who have their own pages."""
    tab = next((each for each in TABS if each.role in COVERS.get(role, frozenset())), None)
    return reverse(f"workers_ui:{tab.name}", args=[project.public_id]) if tab else ""


def run_action(request: HttpRequest, back: str, act: Callable[[], object], done: str = "") -> HttpResponse:
    """Run the action that a form requests, and redirect back with a message: what was done, or why it was not."""
    try:
        act()
    except AnnotaryError as error:
        messages.error(request, error.detail)
    else:
        if done:
            messages.success(request, done)
    return redirect(back)


def worker_of(text: str) -> uuid.UUID | None:
    """Return the worker's id in a query; None, which shows all workers, if it is not one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def paginate(
    request: HttpRequest, paginator: Paginator[Row], parameter: str = "page"
) -> tuple[Page[Row], dict[str, Any]]:
    """Return the rows that `?page=` requests and the figures of their pager; numbers out of range are clamped.

    A page with several lists names the parameter of each.
    """
    requested = request.GET.get(parameter, "1")
    number = int(requested) if requested.isdecimal() and len(requested) < 10 else 1
    rows = paginator.page(min(max(1, number), paginator.num_pages))
    pager = {
        "parameter": parameter,
        "number": rows.number,
        "pages": paginator.num_pages,
        "count": paginator.count,
        "first": rows.start_index(),
        "last": rows.end_index(),
        "previous": rows.number - 1,
        "next": rows.number + 1 if rows.has_next() else 0,
    }
    return rows, pager
