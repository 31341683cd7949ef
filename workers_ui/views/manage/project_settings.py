"""Settings of a project: policies, classes and instructions."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from annotary_core.labels.shapes import label_tools
from kernel.errors import AnnotaryError
from projects.models import Project
from projects.selectors import retired_classes
from projects.services import change_classes, write_instructions
from tasks.flow.policy_change import ApplyTo, OverlapChange, OverlapUndecided, change_project_policy
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action
from workers_ui.views.manage.forms import PolicyForm, class_rows, class_specs

#: Policies that the query string may propose.
PROPOSABLE = ("answers_min", "answers_max", "confidence_target")

Errors = dict[str, str]


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def project_settings(request: HttpRequest, project: Project) -> HttpResponse:
    """Render one page with three forms; the field `form` names the submitted one."""
    savers: dict[str, Callable[[HttpRequest, Project], HttpResponse | None]] = {
        "policy": _save_policy,
        "classes": _save_classes,
        "instructions": _save_instructions,
    }
    save = savers.get(request.POST.get("form", "")) if request.method == "POST" else None
    return (save and save(request, project)) or _show(request, project)


def _save_policy(request: HttpRequest, project: Project) -> HttpResponse | None:
    form = PolicyForm(request.POST, project=project)
    if not form.is_valid():
        return _show(request, project, form=form)
    sent = request.POST.get("apply_to")
    apply_to: ApplyTo | None = "all" if sent == "all" else "new" if sent == "new" else None
    try:
        _, change = change_project_policy(project=project, changes=form.policy(), apply_to=apply_to)
    except OverlapUndecided as undecided:
        return _show(request, project, form=form, undecided=undecided.change)
    except AnnotaryError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _saved(change))
    return redirect("workers_ui:project-settings", project.public_id)


def _saved(change: OverlapChange) -> str:
    if not change.images:
        return "Saved. The settings apply to images you add from now on. Answers already requested do not change."
    images = "1 image" if change.images == 1 else f"{change.images:,} images"
    return f"Saved. The new number of answers also applies to {images}."


def _save_classes(request: HttpRequest, project: Project) -> HttpResponse | None:
    rows = class_rows(request.POST)
    try:
        change_classes(project=project, by=actor_of(request), classes=class_specs(rows))
    except AnnotaryError as error:
        return _show(request, project, rows=rows, errors={"classes": error.detail})
    return run_action(request, f"{_url(project)}#classes", lambda: None, "Classes saved.")


def _save_instructions(request: HttpRequest, project: Project) -> HttpResponse | None:
    body = request.POST.get("instructions", "")
    try:
        write_instructions(project=project, by=actor_of(request), body=body)
    except AnnotaryError as error:
        return _show(request, project, errors={"instructions": error.detail})
    return run_action(request, f"{_url(project)}#instructions", lambda: None, "Instructions saved.")


def _show(
    request: HttpRequest,
    project: Project,
    *,
    form: PolicyForm | None = None,
    rows: list[dict[str, str]] | None = None,
    errors: Errors | None = None,
    undecided: OverlapChange | None = None,
) -> HttpResponse:
    classes = project.schema.body["classes"] if project.schema else []
    current = [{"name": row["name"], "color": row["color"], "number": str(row["number"])} for row in classes]
    written = project.instructions.body if project.instructions else ""
    context: dict[str, Any] = {
        "form": form or PolicyForm(project=project),
        "undecided": undecided,
        "class_rows": current if rows is None else rows,
        "retired": retired_classes(project=project),
        "own_errors": errors or {},
        "tools": [label_tools()[name].title for name in (project.schema.body["tools"] if project.schema else [])],
        "instructions_text": request.POST.get("instructions", written),
    }
    if form is None:
        context["proposed"] = _propose(context["form"], request)
    status = 409 if undecided else 422 if errors or form is not None else 200
    return render_project_page(
        request, project, "project_settings.html", context, tab="project-settings", status=status
    )


def _propose(form: PolicyForm, request: HttpRequest) -> bool:
    """Fill in the policies that the query string proposes, as What if does, without saving; return whether it did."""
    proposed = {name: request.GET[name][:12] for name in PROPOSABLE if name in request.GET}
    form.initial.update(proposed)
    return bool(proposed)


def _url(project: Project) -> str:
    return redirect("workers_ui:project-settings", project.public_id).url
