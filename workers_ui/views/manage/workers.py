"""The workers of a project: their figures, and invitation links. What is done about one is in `manage.worker`."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.selectors import display_names, open_links
from projects.models import Project
from tasks.analytics.worker_figures import WorkerFigures, WorkerRow, worker_flags
from tasks.analytics.worker_flags import FlagFigures
from tasks.standing.applications import count_waiting
from tasks.standing.selectors import awaiting_decision
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, worker_of
from workers_ui.views.manage.flag_formatting import describe_findings, describe_flags
from workers_ui.views.manage.invitations import fresh_link
from workers_ui.views.manage.label_formatting import example_reasons
from workers_ui.views.manage.set_aside import describe_reasons

PAGE_SIZE = 50
LINKS_PER_PAGE = 20


@require_safe
@project_role_required(Role.MANAGER)
def workers(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = worker_of(request.GET.get("worker", ""))
    flags = worker_flags(project=project)
    figures = WorkerFigures(project=project, public_id=chosen, first=list(flags))
    shown, pager = paginate(request, Paginator(figures, PAGE_SIZE))
    names = display_names(actors=[row["worker"] for row in shown])
    links, links_pager = paginate(request, Paginator(open_links(project_id=project.pk), LINKS_PER_PAGE), "links")
    context = {
        "to_confirm": _to_confirm(project),
        "rows": [_row(row, names[row["worker"]], flags.get(row["worker"], [])) for row in shown],
        "page": pager,
        "chosen": chosen is not None,
        "applications": count_waiting(project=project),
        "invitations": links,
        "links_page": links_pager,
        "fresh": fresh_link(request, project.pk),
        "example": example_reasons(project)[1],
    }
    return render_project_page(request, project, "workers.html", context, tab="workers")


def _to_confirm(project: Project) -> list[dict[str, Any]]:
    """The workers whom a rule paused, first those who have waited longest; a manager decides about each."""
    standings = list(awaiting_decision(project=project)[:PAGE_SIZE])
    figures = WorkerFigures(project=project, workers=[standing.worker_id for standing in standings])[:]
    names = display_names(actors=[row["worker"] for row in figures])
    rows = {row["worker"]: _row(row, names[row["worker"]], []) for row in figures}
    return [rows[str(standing.worker.public_id)] for standing in standings]


def _row(figures: WorkerRow, name: str, flags: list[FlagFigures]) -> dict[str, Any]:
    why = describe_reasons(figures["skip_reasons"])
    return {
        **figures,
        "name": name,
        "evidence": describe_flags(flags),
        "found": describe_findings(figures["findings"]),
        # Without answers to go by, the estimate is the prior, which looks like a finding.
        "measured": figures["checks_seen"] or figures["findings"] or figures["reviews_approved"],
        "why_skipped": why,
    }
