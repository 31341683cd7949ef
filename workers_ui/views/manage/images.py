"""Images of a project: adding them, the result for each file, and the grid of existing images."""

import uuid
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import display_names
from projects.models import Project
from tasks.analytics.listings import IMAGE_STATES, ImageList, image_cards
from tasks.batching.selectors import batch_for
from tasks.ingest.models import Import
from tasks.ingest.selectors import files_not_added, import_for, imports_of, is_stalled
from tasks.ingest.services import resume_import
from tasks.standing.selectors import get_worker_standing
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action, worker_of

PAGE_SIZE = 60
IMPORTS_PER_PAGE = 8
FILES_PER_PAGE = 100


@require_safe
@project_role_required(Role.MANAGER)
def images(request: HttpRequest, project: Project) -> HttpResponse:
    """Render the page; `?part=grid` is its grid alone, which is reloaded while images are being added."""
    state = request.GET.get("state", "")
    state = state if state in IMAGE_STATES else ""
    name = request.GET.get("name", "").strip()[:200]
    batch = batch_for(project=project, public_id=request.GET["batch"]) if request.GET.get("batch") else None
    worker = worker_of(request.GET.get("worker", ""))
    if worker:
        get_worker_standing(project=project, public_id=worker)  # others are not named to this organization
    state = "" if worker else state
    matching = ImageList(project=project, state=state, name=name, batch=batch, worker=worker)
    shown, pager = paginate(request, Paginator(matching, PAGE_SIZE))
    imports, imports_pager = paginate(request, Paginator(imports_of(project=project), IMPORTS_PER_PAGE), "imports")
    context = {
        "cards": image_cards(project=project, images=list(shown)),
        "page": pager,
        "state": state,
        "name": name,
        "states": IMAGE_STATES.items(),
        "batch": batch,
        "worker": worker,
        "worker_name": display_names(actors=[worker])[str(worker)] if worker else "",
        "filtered": bool(state or name or batch or worker),
        "imports": imports,
        "imports_page": imports_pager,
        "stalled": [each for each in imports if is_stalled(batch_import=each)],
        "busy": any(each.state in (Import.State.RECEIVING, Import.State.WORKING) for each in imports),
        "query": _query(
            state=state, name=name, batch=str(batch.public_id) if batch else "", worker=str(worker) if worker else ""
        ),
    }
    template = "_images_grid.html" if request.GET.get("part") == "grid" else "images.html"
    return render_project_page(request, project, template, context, tab="images")


def _query(*, batch: str, worker: str, **filters: str) -> str:
    """Return the query parameters that links to the list's other pages carry."""
    kept = filters | ({"batch": batch} if batch else {}) | ({"worker": worker} if worker else {})
    return f"&{urlencode(kept)}" if any(kept.values()) else ""


@require_safe
@project_role_required(Role.MANAGER)
def import_files(request: HttpRequest, project: Project, import_id: uuid.UUID) -> HttpResponse:
    """The files of an import that were not added, with the reasons."""
    batch_import = import_for(project=project, public_id=import_id)
    rows, pager = paginate(request, Paginator(files_not_added(batch_import=batch_import), FILES_PER_PAGE))
    context = {"import": batch_import, "files": rows, "page": pager}
    return render_project_page(request, project, "import.html", context, tab="images")


@require_POST
@project_role_required(Role.MANAGER)
def resume(request: HttpRequest, project: Project, import_id: uuid.UUID) -> HttpResponse:
    """Resume an import whose job gave up."""
    batch_import = import_for(project=project, public_id=import_id)
    back = reverse("workers_ui:images", args=[project.public_id])
    return run_action(
        request, back, lambda: resume_import(batch_import=batch_import), "The import continues where it stopped."
    )
