"""What every page shares: the main navigation for the person's roles, and typed access to the signed-in actor."""

from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from accounts.models import Actor, Role, User
from accounts.selectors import roles_of
from tasks.notices.selectors import count_unread
from tasks.standing.selectors import is_worker

STAFF_ROLES = (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT)


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str
    url: str
    current: bool


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in actor; for views behind `login_required`."""
    return cast(User, request.user).actor


def is_staff(roles: frozenset[str]) -> bool:
    """Whether any of these roles has access to the managers' pages."""
    return any(role in roles for role in STAFF_ROLES)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give every template `nav`, the main navigation by the person's roles, and `unread_notices`, how many there are.
    Both are read only where they are shown."""
    return {
        "nav": SimpleLazyObject(lambda: _main_navigation(request)),
        "unread_notices": SimpleLazyObject(lambda: _unread_notices(request)),
    }


def _unread_notices(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    return count_unread(recipient=user.actor) if user is not None and user.is_authenticated else 0


def _main_navigation(request: HttpRequest) -> list[NavItem]:
    """Return the links to the pages of projects for members of a team, and of work for those who label or have."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    roles, here = roles_of(actor=user.actor), request.path
    projects = NavItem("Projects", "/projects/", here.startswith("/projects/"))
    settings = NavItem("Settings", "/settings/", here.startswith("/settings/"))
    own = ("questions", "standing", "earnings")
    current = next((name for name in own if here.startswith(f"/work/{name}/")), None)
    work = [
        NavItem("Work", "/work/", here.startswith("/work/") and current is None),
        *(NavItem(name.capitalize(), f"/work/{name}/", name == current) for name in own),
    ]
    if not is_staff(roles):
        return work
    works = Role.WORKER in roles or is_worker(actor=user.actor)
    payouts = NavItem("Payouts", "/payouts/", here.startswith("/payouts/"))
    manages = Role.MANAGER in roles or Role.OWNER in roles
    return [projects, *([payouts] if manages else []), *(work if works else []), settings]


def page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page of workers, or of everybody."""
    return render(request, template, context, status=status)
