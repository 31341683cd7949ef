"""Skills: those of one worker with their history, and a CSV file that sets them for many."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Actor, Role
from accounts.selectors import display_names
from annotary_core.wording import format_count
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.qualification.errors import SkillRefused
from tasks.qualification.skill_models import SkillValue
from tasks.qualification.skills import (
    COLUMNS,
    MAX_BYTES,
    current_skills,
    import_skills,
    read_value,
    set_skill,
    skill_history,
    skill_named,
    skills_of_organisation,
)
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page

PAGE_SIZE = 20


def skills_of(request: HttpRequest, project: Project, worker: Actor) -> dict[str, Any]:
    """Return what the worker's page shows of their skills; `?skills=` is the page of their history."""
    organisation = project.organisation
    rows, pager = paginate(
        request, Paginator(skill_history(organisation=organisation, worker=worker), PAGE_SIZE), "skills"
    )
    names = display_names(actors=[row.set_by.public_id for row in rows if row.set_by])
    return {
        "skills": current_skills(organisation=organisation, worker=worker),
        "skill_names": [each.name for each in skills_of_organisation(organisation=organisation)],
        "history": [{"row": row, "by": names[str(row.set_by.public_id)] if row.set_by else ""} for row in rows],
        "history_page": pager,
    }


def set_from_form(request: HttpRequest, project: Project, worker: Actor) -> None:
    """Set a skill of the worker, or take it away with an empty value. Raises SkillRefused."""
    raw, value = request.POST.get("value", "").strip().replace(",", "."), None
    if raw:
        problem, value = read_value(raw)
        if problem:
            raise SkillRefused(problem)
    skill = skill_named(organisation=project.organisation, name=request.POST.get("skill", "").strip())
    set_skill(skill=skill, worker=worker, value=value, source=SkillValue.Source.MANAGER, by=actor_of(request))


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def skills_file(request: HttpRequest, project: Project) -> HttpResponse:
    """GET shows the form; POST sets what a file says, or lists what is wrong with which of its lines."""
    context: dict[str, Any] = {"columns": ",".join(COLUMNS)}
    status = 200
    if request.method == "POST":
        upload = request.FILES.get("file")
        try:
            if upload is None:
                raise SkillRefused("Choose a CSV file.")
            content = upload.read(MAX_BYTES + 1)
            report = import_skills(organisation=project.organisation, content=content, by=actor_of(request))
        except AnnotaryError as error:
            context["refused"], status = error.detail, 422
        else:
            if not report.problems:
                values = format_count(report.changed, "value")
                messages.success(request, f"{values} set. {report.rows - report.changed:,} were so already.")
                return redirect(reverse("workers_ui:skills-file", args=[project.public_id]))
            context["problems"], status = report.problems, 422
    return render_project_page(request, project, "skills_file.html", context, tab="qualifications", status=status)
