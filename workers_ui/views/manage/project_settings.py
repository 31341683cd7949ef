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
from projects.models import AnswersMode, Project
from projects.selectors import last_change_of_instructions, retired_classes
from projects.services import change_classes, with_policy, write_instructions
from tasks.assignment.instructions import count_confirmed
from tasks.flow.policy_change import OverlapChange, OverlapUndecided, change_project_policy
from tasks.flow.policy_preview import ApplyTo, Change, preview, preview_policy
from tasks.pay.budget import budget_figures
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action
from workers_ui.views.manage.forms import PolicyForm, class_rows, class_specs
from workers_ui.views.manage.policy_preview import shown_preview

#: Policies that the query string may propose.
PROPOSABLE = ("answers_min", "answers_max", "confidence_target")

#: What the field `apply_to` may say.
APPLY_TO: dict[str, ApplyTo] = {"new": "new", "open": "open", "all": "open", "finished": "finished"}

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
    sent = request.POST.get("apply_to", "")
    apply_to: ApplyTo | None = APPLY_TO.get(sent)
    try:
        change = Change(project, with_policy(project=project, changes=form.policy()))
        if apply_to is None and change.is_about_answers:
            seen = preview(change)
            if seen.effect("finished").images > seen.effect("new").images:
                return _show(request, project, form=form, choice=shown_preview(seen))
        _, done = change_project_policy(project=project, changes=form.policy(), apply_to=apply_to)
    except OverlapUndecided:
        # Images were opened since the preview.
        seen = preview_policy(project=project, changes=form.policy())
        return _show(request, project, form=form, choice=shown_preview(seen))
    except AnnotaryError as error:
        messages.error(request, error.detail)
        return _show(request, project, form=form)
    messages.success(request, _saved(done))
    return redirect("workers_ui:project-settings", project.public_id)


def _saved(change: OverlapChange) -> str:
    words = ["Saved."]
    if change.images:
        images = "1 image" if change.images == 1 else f"{change.images:,} images"
        words.append(f"The new number of answers also applies to {images}.")
    if change.asks_finished:
        words.append("Finished images are being opened for more answers now.")
    if len(words) == 1:
        words.append("The settings apply to images you add from now on. Answers already requested do not change.")
    return " ".join(words)


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
        is_important = bool(request.POST.get("important"))
        write_instructions(project=project, by=actor_of(request), body=body, is_important=is_important)
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
    choice: dict[str, Any] | None = None,
) -> HttpResponse:
    classes = project.schema.body["classes"] if project.schema else []
    current = [{"name": row["name"], "color": row["color"], "number": str(row["number"])} for row in classes]
    written = project.instructions.body if project.instructions else ""
    context: dict[str, Any] = {
        "form": form or PolicyForm(project=project),
        "choice": choice,
        "money": budget_figures(project=project),
        "class_rows": current if rows is None else rows,
        "retired": retired_classes(project=project),
        "own_errors": errors or {},
        "tools": [label_tools()[name].title for name in (project.schema.body["tools"] if project.schema else [])],
        "instructions_text": request.POST.get("instructions", written),
        "confirmed": count_confirmed(project=project) if project.version_to_confirm else None,
        "instructions_changes": last_change_of_instructions(project=project),
    }
    if form is None:
        context["proposed"] = _propose(context["form"], request)
    status = 409 if choice else 422 if errors or form is not None else 200
    return render_project_page(
        request, project, "project_settings.html", context, tab="project-settings", status=status
    )


def _propose(form: PolicyForm, request: HttpRequest) -> bool:
    """Fill in the policies that the query string proposes, as What if does, without saving; return whether it did."""
    proposed = {name: request.GET[name][:12] for name in PROPOSABLE if name in request.GET}
    form.initial.update(proposed)
    if {"answers_min", "answers_max"} <= proposed.keys():
        is_fixed = proposed["answers_min"] == proposed["answers_max"]
        form.initial["answers_mode"] = AnswersMode.FIXED if is_fixed else AnswersMode.DYNAMIC
    return bool(proposed)


def _url(project: Project) -> str:
    return redirect("workers_ui:project-settings", project.public_id).url
