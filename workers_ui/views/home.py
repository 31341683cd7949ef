"""The start page: redirects people to their own pages, and shows visitors the landing page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.selectors import roles_of
from workers_ui.views.base import actor_of, is_staff, page


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return page(request, "workers_ui/home/landing.html")
    return redirect("/projects/" if is_staff(roles_of(actor=actor_of(request))) else "workers_ui:work")
