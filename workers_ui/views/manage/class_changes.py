"""Changes of a project's classes: choosing one, its preview, those that were made, and undoing the newest."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role
from kernel.errors import AnnotaryError
from projects.class_edits import ClassEdit, described
from projects.classes import ClassSpec
from projects.models import Project
from projects.selectors import class_names
from tasks.flow.class_change import start_class_change, undo_class_change
from tasks.flow.class_change_preview import preview_class_change, preview_class_undo
from tasks.repair.change_models import ClassChange
from tasks.repair.change_selectors import UNFINISHED, changes_of, last_in_force, project_change
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action

TAB = "project-settings"
MOST_SHOWN = 50


@require_safe
@project_role_required(Role.MANAGER)
def class_changes(request: HttpRequest, project: Project) -> HttpResponse:
    """Show the classes, what can be done with them, and what was done."""
    rows = list(changes_of(project=project)[:MOST_SHOWN])
    last = last_in_force(project_id=project.pk)
    context = {
        "classes": project.schema.body["classes"] if project.schema else [],
        "changes": [(row, change_in_words(row)) for row in rows],
        "undoable": last.pk if last is not None and last.state == ClassChange.State.APPLIED else None,
        "busy": any(row.state in UNFINISHED for row in rows),
    }
    return render_project_page(request, project, "class_changes.html", context, tab=TAB)


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def change(request: HttpRequest, project: Project) -> HttpResponse:
    """GET shows the form, and with `?preview` what the change would do; POST does it."""
    page = reverse("workers_ui:class-changes", args=[project.public_id])
    sent: Any = request.POST if request.method == "POST" else request.GET
    error, preview = "", None
    kind = sent.get("kind", "")
    if kind not in TITLES:
        return redirect(page)
    edit = _edit(sent)
    if request.method == "POST":
        return _start(request, project, edit, page)
    if "preview" in sent:
        try:
            preview = preview_class_change(project=project, edit=edit)
        except AnnotaryError as refused:
            error = refused.detail
    context = {
        "kind": kind,
        "title": TITLES[kind],
        "classes": project.schema.body["classes"] if project.schema else [],
        "chosen": _numbers(sent),
        "into": sent.get("into", ""),
        "sent": sent,
        "new": [name for name in sent.getlist("new") if name.strip()],
        "error": error,
        "preview": preview,
        "mapping": described(preview.mapping.to_json(), class_names(project=project)) if preview else [],
        "names": class_names(project=project),
    }
    return render_project_page(request, project, "class_change.html", context, tab=TAB, status=422 if error else 200)


def _start(request: HttpRequest, project: Project, edit: ClassEdit, page: str) -> HttpResponse:
    reason, version = request.POST.get("reason", ""), _number(request.POST.get("version", "")) or 0

    def act() -> ClassChange:
        return start_class_change(project=project, by=actor_of(request), edit=edit, reason=reason, version=version)

    return run_action(request, page, act, "The classes are changed. Their labels follow in the background.")


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.MANAGER)
def undo(request: HttpRequest, project: Project, change_id: uuid.UUID) -> HttpResponse:
    """Show what undoing a change would do; POST does it."""
    page = reverse("workers_ui:class-changes", args=[project.public_id])
    row = project_change(project=project, public_id=change_id)
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        done = "The classes are what they were. Their labels follow in the background."
        return run_action(
            request, page, lambda: undo_class_change(change=row, by=actor_of(request), reason=reason), done
        )
    if row.state != ClassChange.State.APPLIED:
        messages.error(request, "This change cannot be undone now. It is not done yet, or it was undone already.")
        return redirect(page)
    context = {"change": row, "words": change_in_words(row), "preview": preview_class_undo(change=row)}
    return render_project_page(request, project, "class_undo.html", context, tab=TAB)


TITLES = {
    "rename": "Rename a class",
    "merge": "Merge classes",
    "split": "Split a class",
    "retire": "Retire classes",
}


def _edit(sent: Any) -> ClassEdit:
    """Read the form, whose kind is one of TITLES."""
    return ClassEdit(
        kind=sent["kind"],
        numbers=tuple(_numbers(sent)),
        into=_number(sent.get("into", "")),
        name=sent.get("name", ""),
        new=tuple(ClassSpec(name) for name in sent.getlist("new") if name.strip()),
        labels="ask_again" if sent.get("labels") == "ask_again" else "keep",
    )


def _numbers(sent: Any) -> list[int]:
    return [number for number in map(_number, sent.getlist("class")) if number is not None]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def change_in_words(row: ClassChange) -> str:
    """What a change did, in one line."""
    before = {each["number"]: each["name"] for each in row.before.body["classes"]}
    after = {each["number"]: each["name"] for each in row.after.body["classes"]}
    gone = [name for number, name in before.items() if number not in after]
    if row.kind == ClassChange.Kind.RENAME:
        renamed = [(before[n], name) for n, name in after.items() if before.get(n, name) != name]
        return "; ".join(f"{old} is now called {new}" for old, new in renamed)
    if row.kind == ClassChange.Kind.MERGE:
        target = next(iter(row.mapping.values()))
        return f"{', '.join(gone)} became part of {after.get(target, '')}"
    if row.kind == ClassChange.Kind.SPLIT:
        return f"{', '.join(gone)} was split into {', '.join(name for n, name in after.items() if n not in before)}"
    return f"{', '.join(gone)} retired"
