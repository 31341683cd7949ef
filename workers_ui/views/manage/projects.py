"""The list of projects."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Role
from accounts.selectors import organisations_of, staff_memberships
from projects.selectors import has_archived_projects, staff_projects_of
from tasks.analytics.listings import project_rows
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import landing_url, paginate

PAGE_SIZE = 30


@login_required
@never_cache
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    archived = "archived" in request.GET
    shown, pager = paginate(request, Paginator(staff_projects_of(actor=actor, archived=archived), PAGE_SIZE))
    rows = project_rows(actor=actor, projects=list(shown))
    context = {
        "rows": [{"row": row, "url": landing_url(row.project, row.role)} for row in rows],
        "page": pager,
        "archived": archived,
        "has_archived": archived or has_archived_projects(actor=actor),
        "query": "&archived" if archived else "",
        "may_create": bool(organisations_of(actor=actor, role=Role.MANAGER)),
        "several": len(staff_memberships(actor=actor)) > 1,
    }
    return render(request, "workers_ui/manage/projects.html", context)
