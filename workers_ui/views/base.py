"""What every page shares: the main navigation for the person's role, and typed access to the signed-in actor."""

from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Actor, Role, User
from accounts.selectors import roles_of

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


def worker_nav(request: HttpRequest) -> list[NavItem]:
    """Return the worker's navigation; managers who also work get a link back to their projects."""
    if not request.user.is_authenticated:
        return []
    here = request.path
    items = [
        NavItem("Work", "/work/", here.startswith("/work/") and not here.startswith("/work/earnings/")),
        NavItem("Earnings", "/work/earnings/", here.startswith("/work/earnings/")),
    ]
    if is_staff(roles_of(actor=actor_of(request))):
        items.insert(0, NavItem("Projects", "/projects/", here.startswith("/projects/")))
    return items


def page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page with the worker's navigation."""
    return render(request, template, {"nav": worker_nav(request), **context}, status=status)
