"""The workers of a project: their figures, and invitation links. What is done about one is in `manage.worker`."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.selectors import display_names, open_invitations
from projects.models import Project
from tasks.analytics.worker_figures import WorkerFigures, WorkerRow, worker_flags
from tasks.analytics.worker_flags import FlagFigures
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, worker_of
from workers_ui.views.manage.flag_formatting import describe_flags
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
    links, links_pager = paginate(request, Paginator(open_invitations(project_id=project.pk), LINKS_PER_PAGE), "links")
    context = {
        "rows": [_row(row, names[row["worker"]], flags.get(row["worker"], [])) for row in shown],
        "page": pager,
        "chosen": chosen is not None,
        "invitations": links,
        "links_page": links_pager,
        "fresh": fresh_link(request, project.pk),
        "example": example_reasons(project)[1],
    }
    return render_project_page(request, project, "workers.html", context, tab="workers")


def _row(figures: WorkerRow, name: str, flags: list[FlagFigures]) -> dict[str, Any]:
    why = describe_reasons(figures["skip_reasons"])
    return {**figures, "name": name, "evidence": describe_flags(flags), "why_skipped": why}
