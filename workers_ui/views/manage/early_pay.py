"""Approving pay before its date: what waits of a worker, or of the sets of a batch, and the decision."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.selectors import display_names
from kernel.errors import NotFound
from projects.models import Project
from tasks.batching.selectors import batch_for
from tasks.pay.early_approval import approve_early, waiting_pay
from tasks.pay.errors import ApprovalRefused
from tasks.standing.selectors import get_worker_standing
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action, worker_of


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def early_pay(request: HttpRequest, project: Project) -> HttpResponse:
    """Show what waits of `?worker=` or `?batch=`; POST approves what was shown."""
    sent = request.POST if request.method == "POST" else request.GET
    whose, name, back = _whose(project, sent)
    if request.method == "POST":
        until = _moment(sent.get("until", ""))

        def act() -> None:
            if until is None:
                raise ApprovalRefused("This page is out of date. Look at what waits, then approve it.")
            approve_early(project=project, by=actor_of(request), until=until, **whose)

        return run_action(request, back, act, f"The pay of {name} is approved.")
    waiting = waiting_pay(project=project, **whose)
    kind = "worker" if "worker" in whose else "batch"
    context = {
        "name": name,
        "back": back,
        "waiting": waiting,
        "until": waiting.until.isoformat(),
        "kind": kind,
        "id": whose[kind].public_id,
    }
    tab = "workers" if kind == "worker" else "project"
    return render_project_page(request, project, "early_pay.html", context, tab=tab)


def _whose(project: Project, sent: QueryDict) -> tuple[dict[str, Any], str, str]:
    """Return the worker or the batch, its name, and the page to go back to. Raises NotFound."""
    if batch_id := sent.get("batch", ""):
        batch = batch_for(project=project, public_id=batch_id)
        return {"batch": batch}, f"batch {batch.number}", reverse("workers_ui:project", args=[project.public_id])
    worker_id = worker_of(sent.get("worker", ""))
    if worker_id is None:
        raise NotFound
    worker = get_worker_standing(project=project, public_id=worker_id).worker
    name = display_names(actors=[worker_id])[str(worker_id)]
    return {"worker": worker}, name, reverse("workers_ui:worker", args=[project.public_id, worker_id])


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
