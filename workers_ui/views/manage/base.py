"""What every page of a manager has: signed in, its project found for the role, its navigation, its live address."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import Role
from accounts.selectors import COVERS, role_in
from kernel.errors import AnnotaryError
from projects.models import Project
from projects.selectors import project_for
from workers_ui.views.shell import NavItem, actor_of, roles_of

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a project: its place, its words, and the role that it takes."""

    name: str
    label: str
    role: str


TABS = (
    Tab("project", "Overview", Role.MANAGER),
    Tab("images", "Images", Role.MANAGER),
    Tab("checks", "Check images", Role.MANAGER),
    Tab("workers", "Workers", Role.MANAGER),
    Tab("review", "Review", Role.REVIEWER),
    Tab("quality", "Quality", Role.MANAGER),
    Tab("what-if", "What if", Role.MANAGER),
    Tab("releases", "Releases", Role.CLIENT),
    Tab("project-settings", "Settings", Role.MANAGER),
)


def for_project(role: str) -> Callable[[View], View]:
    """A view `(request, project, **kwargs)` of somebody who has that role in the project's organisation."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def found(request: HttpRequest, project_id: uuid.UUID, **kwargs: Any) -> HttpResponseBase:
            project = project_for(actor=actor_of(request), public_id=project_id, role=role)
            return view(request, project, **kwargs)

        return cast(View, found)

    return decorate


def project_page(
    request: HttpRequest, project: Project, template: str, context: dict[str, Any], *, tab: str, status: int = 200
) -> HttpResponse:
    """The page with the project's head and tabs; a template whose name begins with "_" is a part without them."""
    role = role_in(actor=actor_of(request), organisation_id=project.organisation_id)
    covered = COVERS.get(role or "", frozenset())
    tabs = [
        {
            "label": each.label,
            "url": reverse(f"workers_ui:{each.name}", args=[project.public_id]),
            "current": each.name == tab,
        }
        for each in TABS
        if each.role in covered
    ]
    given = {
        "project": project,
        "tabs": tabs,
        "is_manager": Role.MANAGER in covered,
        "live_url": live_url(request, project),
    }
    return render(request, f"workers_ui/manage/{template}", given | main_page(request) | context, status=status)


def main_page(request: HttpRequest) -> dict[str, Any]:
    """The navigation above all pages of a manager; those who also label get the way to their work."""
    here = request.path
    items = [
        NavItem("Projects", reverse("workers_ui:projects"), here.startswith("/projects/")),
        NavItem("Settings", reverse("workers_ui:settings"), here.startswith("/settings/")),
    ]
    actor = actor_of(request)
    if Role.WORKER in roles_of(actor) or actor.standings.exists():
        items.insert(1, NavItem("Work", "/work/", False))
    return {"nav": items}


def first_page(project: Project, role: str) -> str:
    """Where a member with that role begins in the project; empty for workers, who have pages of their own."""
    tab = next((each for each in TABS if each.role in COVERS.get(role, frozenset())), None)
    return reverse(f"workers_ui:{tab.name}", args=[project.public_id]) if tab else ""


def live_url(request: HttpRequest, project: Project) -> str:
    """Where the page opens its websocket: a path, or a full address where websockets have a place of their own."""
    path = f"/ws/projects/{project.public_id}/"
    if not settings.ANNOTARY_WS_URL.startswith(":"):
        return f"{settings.ANNOTARY_WS_URL}{path}"
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    name = f"[{host}]" if ":" in host else host
    return f"{'wss' if request.is_secure() else 'ws'}://{name}{settings.ANNOTARY_WS_URL}{path}"


def try_step(request: HttpRequest, back: str, act: Callable[[], object], done: str = "") -> HttpResponse:
    """Take the step that a form asks for, and lead back to its page with a word: what was done, or why it was not."""
    try:
        act()
    except AnnotaryError as error:
        messages.error(request, error.detail)
    else:
        if done:
            messages.success(request, done)
    return redirect(back)


def page_of(request: HttpRequest, count: int, size: int) -> dict[str, int | bool]:
    """Which slice of `count` rows `?page=` asks for: a page that is not there is the nearest that is."""
    pages = max(1, -(-count // size))
    asked = request.GET.get("page", "1")
    number = min(max(1, int(asked)), pages) if asked.isdecimal() and len(asked) < 10 else 1
    start = (number - 1) * size
    return {
        "number": number,
        "pages": pages,
        "count": count,
        "start": start,
        "first": start + 1 if count else 0,
        "last": min(start + size, count),
        "previous": number - 1,
        "next": number + 1 if number < pages else 0,
    }
