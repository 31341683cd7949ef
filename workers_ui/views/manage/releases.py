"""Releases of a project: create, annotate, retract, export, download."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role
from kernel.errors import Refused
from kernel.progress import Progress
from projects.models import Project
from tasks.exports.models import Export
from tasks.exports.selectors import exports_of_releases, format_choices
from tasks.exports.selectors import progress_of as export_progress
from tasks.exports.services import request_export
from tasks.repair.change_selectors import changes_of_releases
from tasks.repair.selectors import marks_of
from tasks.snapshots.models import Snapshot, SnapshotNote
from tasks.snapshots.selectors import count_releasable, notes_of, progress_of, project_release, releases_of
from tasks.snapshots.services import add_note, create_snapshot, retract
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action
from workers_ui.views.manage.class_changes import change_in_words

PAGE_SIZE = 20
#: How a label was approved, from the closest human check to none.
APPROVALS = ("reviewed", "fixed by a reviewer", "answered by the owner", "by policy")


@require_http_methods(["GET", "HEAD", "POST"])
@project_role_required(Role.CLIENT)
def releases(request: HttpRequest, project: Project) -> HttpResponseBase:
    """Render the page; `?part=list` is its list alone, reloaded while work is in progress. POST creates a release."""
    if request.method == "POST":
        return _create(request, project.public_id)
    rows, pager = paginate(request, Paginator(releases_of(project=project), PAGE_SIZE))
    shown = _shown(list(rows))
    context = {
        "releases": shown,
        "page": pager,
        "releasable": count_releasable(project=project),
        "busy": any(each["busy"] for each in shown),
    }
    template = "_releases_list.html" if request.GET.get("part") == "list" else "releases.html"
    return render_project_page(request, project, template, context, tab="releases")


@project_role_required(Role.MANAGER)
def _create(request: HttpRequest, project: Project) -> HttpResponse:
    back = reverse("workers_ui:releases", args=[project.public_id])
    done = "Building the release. It appears here when it is ready."
    return run_action(request, back, lambda: create_snapshot(project=project, by=actor_of(request)), done)


@require_POST
@project_role_required(Role.MANAGER)
def change(request: HttpRequest, project: Project, release_id: uuid.UUID) -> HttpResponse:
    """Export the release in a format, add a note, or retract it with a reason."""
    release = project_release(project=project, public_id=release_id)
    by, text = actor_of(request), request.POST.get("text", "")
    actions: dict[str, tuple[Callable[[], object], str]] = {
        "export": (
            lambda: request_export(snapshot=release, format=request.POST.get("format", ""), by=by),
            "Exporting the release. The file appears here when it is ready.",
        ),
        "note": (lambda: add_note(snapshot=release, by=by, text=text), "Note added."),
        "retract": (lambda: retract(snapshot=release, by=by, reason=text), f"Release {release.number} is retracted."),
    }
    act, done = actions.get(request.POST.get("step", ""), (_unknown_action, ""))
    return run_action(request, reverse("workers_ui:releases", args=[project.public_id]), act, done)


def _shown(releases: Sequence[Snapshot]) -> list[dict[str, Any]]:
    notes, exports = notes_of(snapshots=releases), exports_of_releases(snapshots=releases)
    marks = marks_of(snapshot_ids=[each.pk for each in releases])
    changed = changes_of_releases(snapshot_ids=[each.pk for each in releases])
    progress = progress_of(snapshots=releases)
    of_exports = export_progress(exports=[export for each in exports.values() for export in each])
    return [
        _release(each, progress[each.pk], notes=notes[each.pk], exports=exports[each.pk], of_exports=of_exports)
        | {"marks": marks[each.pk], "changed": [(row, change_in_words(row.change)) for row in changed[each.pk]]}
        for each in releases
    ]


def _release(
    release: Snapshot,
    progress: Progress | None,
    *,
    notes: Sequence[SnapshotNote],
    exports: Sequence[Export],
    of_exports: Mapping[int, Progress | None],
) -> dict[str, Any]:
    counts = release.counts
    by_format = {export.format: export for export in exports}
    in_progress = {Export.State.QUEUED, Export.State.WRITING, Export.State.VERIFYING}
    return {
        "release": release,
        "splits": [(name, counts.get("splits", {}).get(name, 0)) for name in ("train", "val", "test")],
        "approvals": [(name, counts["review"][name]) for name in APPROVALS if counts.get("review", {}).get(name)],
        "left_out": {name: count for name, count in counts.get("left_out", {}).items() if count},
        "classes": _classes(release),
        "progress": progress,
        "formats": [_format(name, title, by_format.get(name), of_exports) for name, title in format_choices()],
        "notes": notes,
        "retraction": next((note for note in notes if note.retracts), None),
        "busy": release.state == Snapshot.State.BUILDING or any(each.state in in_progress for each in exports),
    }


def _format(name: str, title: str, export: Export | None, progress: Mapping[int, Progress | None]) -> dict[str, Any]:
    return {"name": name, "title": title, "export": export, "progress": progress.get(export.pk) if export else None}


def _classes(release: Snapshot) -> list[dict[str, Any]]:
    """Return the number of images and objects of every class, in the schema's order."""
    images, objects = (release.counts.get(f"{kind}_by_class", {}) for kind in ("images", "objects"))
    rows = release.schema.body["classes"] + release.counts.get("retired_classes", [])
    return [
        {"name": row["name"], "images": images.get(str(row["number"])), "objects": objects.get(str(row["number"]))}
        for row in rows
    ]


def _unknown_action() -> None:
    raise Refused("Unknown action. Reload the page and try again.")
