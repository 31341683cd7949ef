"""The life of a project: its name, its state, and its deletion."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role
from kernel.errors import Refused
from projects.errors import DeletionNotConfirmed
from projects.lifecycle import archive_project, close_project, open_project, pause_project, reopen_project
from projects.models import Project
from projects.services import rename_project
from tasks.analytics.project_losses import project_losses
from tasks.batching.services import open_all_batches
from tasks.flow.project_deletion import delete_project
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action


class DeleteForm(forms.Form):
    confirm = forms.CharField(
        label="Name of the project",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the name of the project."},
    )


@require_POST
@project_role_required(Role.MANAGER, while_archived=True)
def change_state(request: HttpRequest, project: Project) -> HttpResponse:
    """Open, pause, close, archive or reopen the project."""
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "open": (lambda: _open(project), "The project is open. Workers can take sets now."),
        "pause": (
            lambda: pause_project(project=project),
            "The project is paused. Workers can still finish the sets they have.",
        ),
        "close": (lambda: close_project(project=project), "The project is closed."),
        "archive": (
            lambda: archive_project(project=project),
            "The project is archived. Workers no longer see it, and nothing in it changes until you reopen it.",
        ),
        "reopen": (lambda: reopen_project(project=project), "The project is reopened."),
    }
    act, done = actions.get(request.POST.get("step", ""), (_unknown_action, ""))
    pages = {"settings": "project-settings"}
    back = pages.get(request.POST.get("back", ""), "project")
    return run_action(request, reverse(f"workers_ui:{back}", args=[project.public_id]), act, done)


@require_POST
@project_role_required(Role.MANAGER)
def rename(request: HttpRequest, project: Project) -> HttpResponse:
    return run_action(
        request,
        reverse("workers_ui:project-settings", args=[project.public_id]),
        lambda: rename_project(project=project, name=request.POST.get("name", "")),
        "The project has a new name.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_role_required(Role.MANAGER, while_archived=True)
def delete(request: HttpRequest, project: Project) -> HttpResponse:
    """Say what is lost, then delete the project once its name was typed."""
    form = DeleteForm(request.POST or None)
    losses = project_losses(project=project)
    if request.method == "POST" and form.is_valid():
        try:
            delete_project(
                project=project, by=actor_of(request), confirm=form.cleaned_data["confirm"], record=losses.to_json()
            )
        except DeletionNotConfirmed as error:
            form.add_error("confirm", error.detail)
        else:
            messages.success(request, f"{project.name} is deleted. Its images and files are removed in the background.")
            return redirect("workers_ui:projects")
    status = 422 if form.errors else 200
    context = {"form": form, "losses": losses}
    return render_project_page(request, project, "delete_project.html", context, tab="project-settings", status=status)


def _open(project: Project) -> None:
    was_draft = project.state == Project.State.DRAFT
    open_project(project=project)
    if was_draft:
        open_all_batches(project=project)


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
