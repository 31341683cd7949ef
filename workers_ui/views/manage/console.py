"""The console of a project: expected completion, quality, cost, and live activity."""

from datetime import UTC, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Role
from kernel.clock import utc_now
from kernel.events import stream_snapshot
from projects.models import Project
from tasks.analytics.dashboard import project_figures
from tasks.assignment.models import Assignment
from tasks.batching.selectors import batches_of
from workers_ui.views.manage.activity import activity
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page
from workers_ui.views.manage.next_step import first_steps, next_step

BATCHES_PER_PAGE = 25
HOURS = 24
#: Running totals of the live stream shown above the figures: (name in the stream, label that fits any count).
TOTALS = (
    ("submitted", "submitted"),
    ("leased", "in progress"),
    ("approved", "approved"),
    ("workers", "joined"),
)


@require_safe
@project_role_required(Role.MANAGER)
def console(request: HttpRequest, project: Project) -> HttpResponse:
    """Render the page; `?part=board` is the part that changes, reloaded on live events."""
    batches = batches_of(project=project)
    page = paginate(request, batches.count(), BATCHES_PER_PAGE)
    steps = first_steps(project=project)
    totals = stream_snapshot(project_id=project.pk).totals
    hours = throughput(project=project)
    context = {
        "figures": project_figures(project=project),
        "batches": batches[page["start"] : page["start"] + BATCHES_PER_PAGE],
        "page": page,
        "steps": steps,
        "next_step": next_step(project=project, steps=steps),
        "lines": activity(project=project),
        "throughput": hours,
        "has_answers": any(hours["series"][0]["values"]),
        "totals": [(name, label, totals.get(name, 0)) for name, label in TOTALS],
    }
    is_part = request.GET.get("part") == "board"
    template = "_board.html" if is_part else "project.html"
    return render_project_page(request, project, template, context | {"is_part": is_part}, tab="project")


def throughput(*, project: Project) -> dict[str, Any]:
    """Return answers per hour over the last 24 hours, as chart data: whole UTC hours, the current one last."""
    now = utc_now()
    last = now.replace(minute=0, second=0, microsecond=0)
    since = last - timedelta(hours=HOURS - 1)
    answers = Assignment.objects.filter(project=project, submitted_at__gte=since)
    by_hour = answers.values_list(TruncHour("submitted_at", tzinfo=UTC)).annotate(answers=Count("pk"))
    counts = dict(by_hour.order_by())
    hours = [since + timedelta(hours=number) for number in range(HOURS)]
    return {
        "x": [int(hour.timestamp()) for hour in hours],
        "series": [{"label": "Answers", "values": [counts.get(hour, 0) for hour in hours], "tone": "ink"}],
    }
