"""What a manager does with batches: open, pause, approve, prioritize."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from accounts.models import Role
from kernel.errors import Refused
from projects.models import Project
from tasks.batching.errors import DeadlineRefused, PriorityRefused
from tasks.batching.models import Batch
from tasks.batching.selectors import batch_for
from tasks.batching.services import change_batch, open_all_batches, open_batch, pause_batch, set_deadline, set_priority
from tasks.flow.requeue import requeue_stuck
from tasks.review.services import approve_batch
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, run_action


@require_POST
@project_role_required(Role.MANAGER)
def change(request: HttpRequest, project: Project, batch_id: uuid.UUID) -> HttpResponse:
    batch = batch_for(project=project, public_id=batch_id)
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "open": (lambda: open_batch(batch=batch), f"Batch {batch.number} is open."),
        "pause": (
            lambda: pause_batch(batch=batch),
            f"Batch {batch.number} is paused. Workers can still finish the sets they have.",
        ),
        "approve": (
            lambda: approve_batch(reviewer=actor_of(request), batch=batch),
            f"Batch {batch.number} is approved.",
        ),
        "priority": (
            lambda: _set_priority(batch, request.POST.get("priority", "")),
            f"The priority of batch {batch.number} is saved.",
        ),
        "deadline": (
            lambda: _set_deadline(batch, request.POST.get("deadline", "")),
            f"The deadline of batch {batch.number} is saved.",
        ),
        "no-deadline": (
            lambda: set_deadline(batch=batch, deadline_at=None),
            f"Batch {batch.number} has no deadline.",
        ),
        "team": (
            lambda: change_batch(batch=batch, changes={"team": request.POST.get("team", "")}),
            f"Saved who gets the images of batch {batch.number}.",
        ),
    }
    act, done = actions.get(request.POST.get("step", ""), (_unknown_action, ""))
    return run_action(request, reverse("workers_ui:project", args=[project.public_id]), act, done)


@require_POST
@project_role_required(Role.MANAGER)
def open_all(request: HttpRequest, project: Project) -> HttpResponse:
    back = reverse("workers_ui:project", args=[project.public_id])
    return run_action(request, back, lambda: open_all_batches(project=project), "All batches are open.")


@require_POST
@project_role_required(Role.MANAGER)
def go_on(request: HttpRequest, project: Project) -> HttpResponse:
    back = reverse("workers_ui:project", args=[project.public_id])
    done = "Images without an answer are offered again. The rest keep their answers."
    return run_action(request, back, lambda: requeue_stuck(project=project), done)


def _set_priority(batch: Batch, text: str) -> None:
    try:
        priority = int(text)
    except ValueError as error:
        raise PriorityRefused from error
    set_priority(batch=batch, priority=priority)


def _set_deadline(batch: Batch, text: str) -> None:
    """`text` is in ISO 8601 with the zone; the page's script writes it from the manager's local time."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise DeadlineRefused("This is not a date with a time. Choose both in the calendar.")
    set_deadline(batch=batch, deadline_at=moment)


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
