"""Create a project."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Organisation, Role
from accounts.selectors import organisations_of
from annotary_core.labels.shapes import label_tools
from kernel.errors import AnnotaryError, Forbidden
from projects.errors import ClassesRefused, InstructionsRefused, ProjectRefused
from projects.models import Project
from projects.services import create_project
from workers_ui.views.base import actor_of
from workers_ui.views.manage.forms import ProjectForm, class_rows, class_specs, fresh_class_rows

#: The field at which a service error is shown.
FIELDS: dict[type[AnnotaryError], str] = {
    ClassesRefused: "classes",
    InstructionsRefused: "instructions",
    ProjectRefused: "name",
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    organisations = organisations_of(actor=actor_of(request), role=Role.MANAGER)
    if not organisations:
        raise Forbidden("Only managers can create projects. Ask the owner of your organization to make you a manager.")
    if request.method != "POST":
        return _show(request, ProjectForm(), fresh_class_rows(), organisations)
    form, rows = ProjectForm(request.POST), class_rows(request.POST)
    errors = {} if rows else {"classes": "Add at least one class."}
    if form.is_valid() and not errors:
        try:
            project = _create(request, form, rows, organisations)
        except AnnotaryError as error:
            errors[FIELDS.get(type(error), "form")] = error.detail
        else:
            return redirect("workers_ui:project", project.public_id)
    return _show(request, form, rows or fresh_class_rows(), organisations, errors)


def _create(
    request: HttpRequest, form: ProjectForm, rows: list[dict[str, str]], organisations: list[Organisation]
) -> Project:
    data = form.cleaned_data
    chosen = next((row for row in organisations if row.public_id == data["organisation"]), organisations[0])
    return create_project(
        organisation=chosen,
        by=actor_of(request),
        name=data["name"],
        classes=class_specs(rows),
        tools=data["tools"],
        instructions=data["instructions"],
        policy=form.policy(),
    )


def _show(
    request: HttpRequest,
    form: ProjectForm,
    rows: list[dict[str, str]],
    organisations: list[Organisation],
    errors: dict[str, str] | None = None,
) -> HttpResponse:
    chosen = request.POST.getlist("tools") if form.is_bound else ["class"]
    context = {
        "form": form,
        "class_rows": rows,
        "organisations": organisations,
        "own_errors": errors or {},
        "tools": [
            {"name": name, "label": tool.title, "help": tool.hint, "chosen": name in chosen}
            for name, tool in label_tools().items()
        ],
    }
    status = 422 if form.is_bound else 200
    return render(request, "workers_ui/manage/new_project.html", context, status=status)
