"""The list of projects."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Membership, Role
from accounts.selectors import organisations_of
from projects.selectors import projects_of
from tasks.analytics.listings import project_rows
from workers_ui.views.manage.base import landing_url, nav_context, paginate
from workers_ui.views.shell import actor_of

PAGE_SIZE = 30


@login_required
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    own = Membership.objects.filter(actor=actor).exclude(role=Role.WORKER)
    visible = projects_of(actor=actor).filter(organisation_id__in=own.values("organisation_id"))
    page = paginate(request, visible.count(), PAGE_SIZE)
    rows = project_rows(actor=actor, projects=list(visible[page["start"] : page["start"] + PAGE_SIZE]))
    context = {
        "rows": [{"row": row, "url": landing_url(row.project, row.role)} for row in rows],
        "page": page,
        "may_create": bool(organisations_of(actor=actor, role=Role.MANAGER)),
        "several": own.count() > 1,
    }
    return render(request, "workers_ui/manage/projects.html", nav_context(request) | context)
