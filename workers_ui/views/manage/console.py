"""The console of a project: expected completion, quality, cost, and live activity."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.selectors import display_names
from accounts.teams import teams_of
from kernel.events import stream_snapshot
from projects.models import Project
from tasks.analytics.batch_deadlines import deadline_forecasts
from tasks.analytics.dashboard import answers_per_hour, board_figures
from tasks.analytics.project_progress import project_progress
from tasks.analytics.worker_figures import workers_to_check
from tasks.batching.selectors import BatchList
from tasks.standing.selectors import active_in_teams, count_paused
from workers_ui.views.manage.activity import activity
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page
from workers_ui.views.manage.flag_formatting import describe_flags
from workers_ui.views.manage.next_step import first_steps, next_step

BATCHES_PER_PAGE = 25
HOURS = 24
#: The worst of the flagged workers; the others are on the page of workers.
FLAGGED_SHOWN = 3
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
    """Render the page; `?part=board` is its board, reloaded once a minute while there are live events; in between, its
    figures move by the events' deltas. `?part=feed` is the activity alone, which costs little.
    """
    if request.GET.get("part") == "feed":
        return render_project_page(request, project, "_feed.html", {"lines": activity(project=project)}, tab="project")
    # Read first: the browser reloads the board if its stream begins with a later number.
    stream = stream_snapshot(project_id=project.pk)
    batches, pager = paginate(request, Paginator(BatchList(project=project), BATCHES_PER_PAGE))
    progress = project_progress(project=project)
    steps = first_steps(project=project, progress=progress)
    hours = throughput(project=project)
    figures = board_figures(project=project)
    teams = list(teams_of(organisation=project.organisation))
    context = {
        "figures": figures,
        "batches": batches,
        "teams": teams,
        "team_workers": active_in_teams(project=project, team_ids=[each.pk for each in teams]) if teams else {},
        "deadlines": deadline_forecasts(project=project, batches=list(batches), throughput=figures["throughput"]),
        "page": pager,
        "steps": steps,
        "next_step": next_step(project=project, progress=progress, steps=steps),
        "flagged": flagged(project=project),
        "lines": activity(project=project),
        "throughput": hours,
        "has_answers": any(hours["series"][0]["values"]),
        "stream_number": stream.number,
        "totals": [(name, label, stream.totals.get(name, 0)) for name, label in TOTALS],
    }
    is_part = request.GET.get("part") == "board"
    template = "_board.html" if is_part else "project.html"
    return render_project_page(request, project, template, context | {"is_part": is_part}, tab="project")


def flagged(*, project: Project) -> dict[str, Any]:
    """Return the worst of the workers who need a look, each with the evidence in words, how many more there are, and
    how many workers are paused."""
    flags = workers_to_check(project=project)
    shown = list(flags)[:FLAGGED_SHOWN]
    names = display_names(actors=shown)
    rows = [{"worker": each, "name": names[each], "evidence": describe_flags(flags[each])} for each in shown]
    return {"rows": rows, "count": len(flags), "more": len(flags) - len(rows), "paused": count_paused(project=project)}


def throughput(*, project: Project) -> dict[str, Any]:
    """Return answers per hour over the last 24 hours, as chart data: whole UTC hours, the current one last."""
    hours = answers_per_hour(project=project, hours=HOURS)
    return {
        "x": [int(start.timestamp()) for start, _ in hours],
        "series": [{"label": "Answers", "values": [answers for _, answers in hours], "tone": "ink"}],
    }
