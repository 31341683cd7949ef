"""The workers of a project: their figures, who may work, and invitation links."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Actor, Invitation, Role
from kernel.clock import utc_now
from kernel.errors import Refused
from projects.models import Project
from tasks.analytics.dashboard import worker_figures
from tasks.analytics.listings import names_of
from tasks.standing.selectors import worker_in
from tasks.standing.services import pause, resume
from workers_ui.views.manage.base import for_project, page_of, project_page, try_step
from workers_ui.views.manage.invitations import fresh_link

PAGE_SIZE = 50
MAX_INVITATIONS = 20


@require_safe
@for_project(Role.MANAGER)
def workers(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = request.GET.get("worker", "")
    figures = [row for row in worker_figures(project=project) if chosen in ("", row["worker"])]
    page = page_of(request, len(figures), PAGE_SIZE)
    shown = figures[page["start"] : page["start"] + PAGE_SIZE]
    names = names_of(actors=[row["worker"] for row in shown])
    open_links = Invitation.objects.filter(
        project_id=project.pk, role=Role.WORKER, revoked_at__isnull=True, expires_at__gt=utc_now()
    )
    context = {
        "rows": [{**row, "name": names[str(row["worker"])]} for row in shown],
        "page": page,
        "chosen": chosen,
        "invitations": open_links.order_by("-id")[:MAX_INVITATIONS],
        "fresh": fresh_link(request, project.pk),
    }
    return project_page(request, project, "workers.html", context, tab="workers")


@require_POST
@for_project(Role.MANAGER)
def change(request: HttpRequest, project: Project, worker_id: uuid.UUID) -> HttpResponse:
    """Pause a worker, with a reason that the worker reads, or let the worker resume."""
    worker = worker_in(project=project, public_id=worker_id).worker
    name = names_of(actors=[worker_id])[str(worker_id)]
    reason = request.POST.get("reason", "").strip()[:300]
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "pause": (lambda: _pause(project, worker, reason), f"{name} is paused."),
        "resume": (lambda: resume(project=project, worker=worker), f"{name} can work again."),
    }
    act, done = actions.get(request.POST.get("step", ""), (_unknown_action, ""))
    return try_step(request, reverse("workers_ui:workers", args=[project.public_id]), act, done)


def _pause(project: Project, worker: Actor, reason: str) -> None:
    if not reason:
        raise Refused("Enter a reason that the worker can read.")
    pause(project=project, worker=worker, reason=reason)


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
