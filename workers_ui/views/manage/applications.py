"""Applications to work in a project: who waits for an answer, and whether the project lists itself."""

import uuid
from collections.abc import Callable

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import display_names
from kernel.errors import Refused
from projects.models import Applications, Project
from tasks.flow.applications import accept, decline
from tasks.flow.policy_change import change_project_policy
from tasks.standing.applications import application_to, count_waiting, decided_for, waiting_for
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action

PAGE_SIZE = 50
LISTS = {"waiting": "To decide", "decided": "Decided"}


@require_safe
@project_role_required(Role.MANAGER)
def applications(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = "decided" if request.GET.get("list") == "decided" else "waiting"
    rows = (decided_for if chosen == "decided" else waiting_for)(project=project)
    shown, pager = paginate(request, Paginator(rows, PAGE_SIZE))
    names = display_names(actors=[row.worker.public_id for row in shown])
    context = {
        "rows": [{"it": row, "name": names[str(row.worker.public_id)]} for row in shown],
        "page": pager,
        "query": f"&list={chosen}",
        "lists": list(LISTS.items()),
        "chosen": chosen,
        "waiting": count_waiting(project=project),
        "is_listed": project.applications == Applications.LISTED,
    }
    return render_project_page(request, project, "applications.html", context, tab="workers")


@require_POST
@project_role_required(Role.MANAGER)
def decide(request: HttpRequest, project: Project, application_id: uuid.UUID) -> HttpResponse:
    row = application_to(project=project, public_id=application_id)
    name = display_names(actors=[row.worker.public_id])[str(row.worker.public_id)]
    reason, by = request.POST.get("reason", ""), actor_of(request)
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "accept": (lambda: accept(application=row, by=by), f"{name} is in the project."),
        "decline": (
            lambda: decline(application=row, by=by, reason=reason),
            f"{name} is declined and sees your reason.",
        ),
    }
    act, done = actions.get(request.POST.get("step", ""), (_unknown_action, ""))
    return run_action(request, reverse("workers_ui:applications", args=[project.public_id]), act, done)


@require_POST
@project_role_required(Role.MANAGER)
def listing(request: HttpRequest, project: Project) -> HttpResponse:
    """Say whether the project lists itself."""
    back = reverse("workers_ui:applications", args=[project.public_id])
    listed = "listed" in request.POST
    changes = {"applications": Applications.LISTED if listed else Applications.OFF}
    done = (
        f"Workers of {project.organisation.name} see the project and can apply." if listed else "Nobody can apply now."
    )
    return run_action(request, back, lambda: change_project_policy(project=project, changes=changes), done)


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
