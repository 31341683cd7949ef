"""A worker applies for a project that lists itself, and withdraws an application."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from kernel.errors import AnnotaryError
from tasks.flow.applications import apply
from tasks.flow.applications import withdraw as withdraw_application
from tasks.standing.applications import MAX_NOTE, application_of, has_applied, opening_for
from workers_ui.views.base import actor_of, page
from workers_ui.views.project_card import project_offer_for


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def opening(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    """GET shows what the project is and pays; POST applies."""
    worker, refused = actor_of(request), ""
    project = opening_for(worker=worker, public_id=project_id)
    if request.method == "POST":
        try:
            apply(project=project, worker=worker, note=request.POST.get("note", ""))
            messages.success(request, f"You have applied for {project.name}. The answer appears here.")
            return redirect("workers_ui:work")
        except AnnotaryError as error:
            refused = error.detail
    context = {
        "project": project,
        "offer": project_offer_for(project),
        "waiting": has_applied(worker=worker, project=project),
        "refused": refused,
        "most": MAX_NOTE,
    }
    return page(request, "workers_ui/work/opening.html", status=409 if refused else 200, **context)


@login_required
@require_POST
def withdraw(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    try:
        withdraw_application(application=application_of(worker=actor_of(request), public_id=application_id))
        messages.success(request, "Your application is withdrawn.")
    except AnnotaryError as error:
        messages.error(request, error.detail)
    return redirect("workers_ui:work")
