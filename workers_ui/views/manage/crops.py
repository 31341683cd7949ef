"""Bulk review: what labels have of one class, as a grid of crops."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Role
from projects.models import Project
from projects.selectors import schema_of
from tasks.review.class_checks import Crop, crops_to_check
from workers_ui.views.manage.base import project_role_required, render_project_page


@require_safe
@project_role_required(Role.REVIEWER)
def crops(request: HttpRequest, project: Project) -> HttpResponse:
    classes = schema_of(project=project).classes if project.schema else ()
    numbers = [each.number for each in classes]
    requested, start = _number(request.GET.get("class", "")), _number(request.GET.get("start", ""))
    chosen = requested if requested in numbers else next(iter(numbers), None)
    found = crops_to_check(project=project, class_number=chosen, start=start) if chosen is not None else None
    context = {
        "classes": classes,
        "chosen": chosen,
        "next_start": found.next_start if found else None,
        "grid": {
            "url": f"/api/v1/projects/{project.public_id}/class-checks/",
            "class": chosen,
            "crops": [_crop(each) for each in found.crops] if found and not project.archived_at else [],
        },
    }
    return render_project_page(request, project, "crops.html", context, tab="review")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _crop(crop: Crop) -> dict[str, Any]:
    task, image = crop.label.task, crop.label.task.image
    kind = "thumb" if crop.is_image else "rendition"
    return {
        "task": str(task.public_id),
        "hash": crop.label.content_hash,
        "name": image.source_key,
        "url": f"{reverse('api:image-file', args=[image.public_id])}?kind={kind}",
        "width": image.width,
        "height": image.height,
        "bounds": [crop.x, crop.y, crop.w, crop.h],
        "whole": crop.is_image,
        "note": ", ".join(f"{name}: {value}" for name, value in crop.attributes.items()),
    }
