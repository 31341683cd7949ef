"""Gold images: the owner answers some images, which workers then get without knowing it."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from annotary_core.labels.schema import Schema
from annotary_core.wording import format_count
from projects.models import GoldWhenOut, Project
from tasks.analytics.gold_supply import gold_supply
from tasks.analytics.images_for_gold import offered_for_gold
from tasks.assignment.set_aside import skips_of_golds
from tasks.flow.gold_images import retire_gold_image
from tasks.flow.gold_judgement import accept_answer, change_gold, reactivate_gold
from tasks.flow.gold_promotion import MAX_PROMOTED, promote_labels, promotion_candidates
from tasks.flow.policy_change import change_project_policy
from tasks.flow.set_aside import restore_gold_offers
from tasks.gold.compare import Tolerance
from tasks.gold.models import Gold
from tasks.gold.selectors import count_golds, gold_for, golds_of, suspended_golds
from tasks.ingest.models import Image
from tasks.ingest.selectors import has_images
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action
from workers_ui.views.manage.gold_words import suspended_row

PAGE_SIZE = 60
PRELOADED = 20
#: How many a project starts with.
ENOUGH = 10
#: Suspended ones that are shown at once.
SUSPENDED = 10


@require_safe
@project_role_required(Role.MANAGER)
def gold_images(request: HttpRequest, project: Project) -> HttpResponse:
    """Render the page; `?part=list` is its list alone, which is loaded again after each image that is saved."""
    golds = golds_of(project=project, state=Gold.State.ACTIVE)
    shown, pager = paginate(request, Paginator(golds, PAGE_SIZE))
    skips = skips_of_golds(golds=[gold.pk for gold in shown])
    tolerances = _tolerances(project, shown)
    retired = count_golds(project=project, state=Gold.State.RETIRED)
    if request.GET.get("part") == "list":
        part = {"golds": shown, "page": pager, "retired": retired, "skips": skips, "tolerances": tolerances}
        return render_project_page(request, project, "_gold_list.html", part, tab="gold")
    context = {
        "golds": shown,
        "page": pager,
        "retired": retired,
        "skips": skips,
        "tolerances": tolerances,
        "enough": ENOUGH,
        "supply": gold_supply(project=project),
        "candidates": promotion_candidates(project=project),
        "suspended": [suspended_row(request, project, gold) for gold in suspended_golds(project=project)[:SUSPENDED]],
        "when_out": GoldWhenOut,
        "has_images": has_images(project=project),
        "desk": {
            "schema": project.schema.body if project.schema else None,
            "post": f"/api/v1/projects/{project.public_id}/golds/",
            "have": pager["count"],
            "enough": ENOUGH,
            "images": [desk_image(image) for image in offered_for_gold(project=project, count=PRELOADED)],
        },
    }
    return render_project_page(request, project, "gold.html", context, tab="gold")


@require_POST
@project_role_required(Role.MANAGER)
def retire(request: HttpRequest, project: Project, gold_id: uuid.UUID) -> HttpResponse:
    gold = gold_for(project=project, public_id=gold_id)
    back = reverse("workers_ui:gold", args=[project.public_id])
    done = f"{gold.image.source_key} is no longer a check image. We keep your label for it."
    return run_action(request, back, lambda: retire_gold_image(gold=gold, by=actor_of(request)), done)


@require_POST
@project_role_required(Role.MANAGER)
def offer(request: HttpRequest, project: Project, gold_id: uuid.UUID) -> HttpResponse:
    gold = gold_for(project=project, public_id=gold_id)
    back = reverse("workers_ui:gold", args=[project.public_id])
    done = f"{gold.image.source_key} is in use again. Workers who skipped it do not get it again."
    return run_action(request, back, lambda: restore_gold_offers(gold=gold, by=actor_of(request)), done)


@require_POST
@project_role_required(Role.MANAGER)
def reactivate(request: HttpRequest, project: Project, gold_id: uuid.UUID) -> HttpResponse:
    """Use a suspended check image again; with `accept`, the row id of an assignment, its answer is correct too."""
    gold = gold_for(project=project, public_id=gold_id)
    back = reverse("workers_ui:gold", args=[project.public_id])
    done = f"{gold.image.source_key} is in use again. The workers' records are corrected."
    accept = request.POST.get("accept", "")

    def act() -> None:
        if accept:
            accept_answer(gold=gold, by=actor_of(request), assignment_id=int(accept) if accept.isdecimal() else 0)
        reactivate_gold(gold=gold, by=actor_of(request))

    return run_action(request, back, act, done)


@require_POST
@project_role_required(Role.MANAGER)
def tolerance(request: HttpRequest, project: Project, gold_id: uuid.UUID) -> HttpResponse:
    """Change how exact answers to one check image must be; `iou` is in percent."""
    gold = gold_for(project=project, public_id=gold_id)
    back = reverse("workers_ui:gold", args=[project.public_id])
    values = [request.POST.get(name, "") for name in ("iou", "misses", "extras")]
    if not all(value.isdecimal() and len(value) <= 3 for value in values) or not 1 <= int(values[0]) <= 100:
        messages.error(request, "Enter a percentage from 1 to 100, and numbers of objects from 0 to 999.")
        return redirect(back)
    iou, misses, extras = map(int, values)
    changes = {"iou": iou / 100, "misses": misses, "extras": extras}
    done = f"Saved. All answers to {gold.image.source_key} are judged by it."
    return run_action(request, back, lambda: change_gold(gold=gold, by=actor_of(request), tolerance=changes), done)


@require_POST
@project_role_required(Role.MANAGER)
def promote(request: HttpRequest, project: Project) -> HttpResponse:
    back = reverse("workers_ui:gold", args=[project.public_id])
    count = request.POST.get("count", "")
    if not count.isdecimal() or not 1 <= int(count) <= MAX_PROMOTED:
        messages.error(request, f"Enter a number of labels from 1 to {MAX_PROMOTED}.")
        return redirect(back)
    done: list[Gold] = []

    def act() -> None:
        done.extend(promote_labels(project=project, count=int(count), by=actor_of(request)))
        messages.success(
            request, f"{format_count(len(done), 'label is a check image', 'labels are check images')} now."
        )

    return run_action(request, back, act)


@require_POST
@project_role_required(Role.MANAGER)
def when_out(request: HttpRequest, project: Project) -> HttpResponse:
    """Set what happens when no check image is left."""
    back = reverse("workers_ui:gold", args=[project.public_id])
    changes = {"gold_when_out": request.POST.get("gold_when_out", "")}
    return run_action(request, back, lambda: change_project_policy(project=project, changes=changes), "Saved.")


def _tolerances(project: Project, golds: Iterable[Gold]) -> dict[int, dict[str, int]]:
    """How exact answers must be, by check image, the overlap in percent; none if no objects are drawn."""
    if project.schema is None or not Schema.from_json(project.schema.body).object_tools:
        return {}
    tolerances = {gold.pk: Tolerance.from_json(gold.tolerance) for gold in golds}
    return {pk: {**asdict(each), "iou": round(100 * each.iou)} for pk, each in tolerances.items()}


def desk_image(image: Image) -> dict[str, Any]:
    address = reverse("api:image-file", args=[image.public_id])
    return {
        "id": str(image.public_id),
        "name": image.source_key,
        "url": f"{address}?kind=rendition",
        "width": image.width,
        "height": image.height,
    }
