"""Review: labels with their evidence, lowest confidence first, and approval of the rest of a batch."""

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.selectors import COVERS, role_in
from projects.models import Project
from tasks.analytics.listings import doubtful_labels
from tasks.analytics.proposed_changes import proposed_changes
from tasks.assignment.set_aside import count_waiting_set_aside
from tasks.batching.models import Batch
from tasks.batching.selectors import batch_by_number, batch_for, last_batch_number, task_for
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.models import ConsensusLabel
from tasks.review.appeal_lists import count_appeals
from tasks.review.models import ReviewStage
from tasks.review.selectors import OwnQueue, ReviewList, review_counts, review_progress, review_queue
from tasks.review.services import approve_batch
from tasks.review.stages import count_waiting, own_stages, stages_of
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page, run_action
from workers_ui.views.manage.label_formatting import example_reasons

#: Labels of a page of the list.
PRELOADED = 40
LISTS = {
    "to_review": "To review",
    "unseen": "Not selected",
    "approved": "Approved",
    "rejected": "Rejected",
}
#: The labels that the quality report finds most likely wrong; the list is shown only when linked from it.
DOUBTFUL = "doubtful"
#: Labels of which somebody struck a crop; likewise linked from the page of crops.
STRUCK = "struck"
LINKED = {DOUBTFUL: "Most likely wrong", STRUCK: "Struck"}
MOST_STRUCK = 200


@require_safe
@project_role_required(Role.REVIEWER, or_in_stage=True)
def review(request: HttpRequest, project: Project) -> HttpResponse:
    """Clients see what waits for them in their stages, and nothing else."""
    if Role.REVIEWER not in COVERS[role_in(actor=actor_of(request), organisation_id=project.organisation_id) or ""]:
        return review_as_client(request, project)
    chosen = request.GET.get("list", "to_review")
    chosen = chosen if chosen in (*LISTS, *LINKED) else "to_review"
    batch, unknown = _requested_batch(request, project)
    one = task_for(project=project, public_id=request.GET["task"]) if request.GET.get("task") else None
    counts = review_counts(project=project, batch=batch, states=LISTS)
    stages = stages_of(project=project)
    own = own_stages(actor=actor_of(request), project=project, stages=stages)
    rows: Sequence[ConsensusLabel]
    if one is not None:
        rows = list(review_queue(project=project, task=one, state="all"))
    elif stages and chosen == "to_review":
        rows = OwnQueue(project=project, batch=batch, actor=actor_of(request), own=own, stages=stages)
        counts[chosen] = len(rows)
    else:
        rows = _listed(project, batch, chosen, counts)
    labels, pager = paginate(request, Paginator(rows, PRELOADED))
    query = urlencode({"list": chosen} | ({"batch": str(batch.public_id)} if batch else {}))
    context = {
        "lists": [
            {"name": name, "label": label, "count": counts[name]}
            for name, label in (LISTS | LINKED).items()
            if name not in LINKED or name == chosen
        ],
        "chosen": "" if one else chosen,
        "batch": batch,
        "unknown": unknown,
        "last_number": last_batch_number(project=project),
        "batch_figures": review_progress(batch=batch) if batch else None,
        "one": one,
        "page": pager,
        "query": f"&{query}",
        "proposed": proposed_changes(project=project),
        "example": example_reasons(project)[0],
        "set_aside": count_waiting_set_aside(project=project),
        "appeals": count_appeals(project=project),
        "stages": stage_rows(project, own, stages),
        "earns": any(each.price for each in own),
        # Opening a single label, even one that a person decided, means intending to decide it.
        "desk": _desk(project, chosen, [queued(project, label, stages) for label in labels], pager)
        | {"again": one is not None},
    }
    return render_project_page(request, project, "review.html", context, tab="review")


def _listed(project: Project, batch: Batch | None, chosen: str, counts: dict[str, int]) -> Sequence[ConsensusLabel]:
    """Return the labels of a list; adds the length of one that is only linked to."""
    if chosen == DOUBTFUL:
        rows = doubtful_labels(project=project, batch=batch)
    elif chosen == STRUCK:
        rows = list(review_queue(project=project, batch=batch, state=STRUCK)[:MOST_STRUCK])
    else:
        return ReviewList(project=project, batch=batch, state=chosen, length=counts[chosen])
    counts[chosen] = len(rows)
    return rows


def _desk(project: Project, chosen: str, labels: list[dict[str, Any]], pager: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": project.schema.body if project.schema else None,
        "list": chosen,
        "labels": labels,
        "first": pager["first"],
        "total": pager["count"],
        "again": False,
        "target": project.confidence_target,
        "sendsBack": bool(project.send_back_days),
        "hasEvidence": True,
    }


def _requested_batch(request: HttpRequest, project: Project) -> tuple[Batch | None, str]:
    """Return the batch that a link names by its id, or a person by its number; and a number that no batch has."""
    if request.GET.get("batch"):
        return batch_for(project=project, public_id=request.GET["batch"]), ""
    number = request.GET.get("number", "").strip()
    if not number:
        return None, ""
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    batch = batch_by_number(project=project, number=int(number)) if is_number else None
    return batch, "" if batch else number[:20]


@require_POST
@project_role_required(Role.REVIEWER)
def approve_rest(request: HttpRequest, project: Project, batch_id: uuid.UUID) -> HttpResponse:
    batch = batch_for(project=project, public_id=batch_id)
    back = f"{reverse('workers_ui:review', args=[project.public_id])}?batch={batch.public_id}"
    done = f"Batch {batch.number} is approved. Labels that no one reviewed are marked as approved by policy."
    return run_action(request, back, lambda: approve_batch(reviewer=actor_of(request), batch=batch), done)


def review_as_client(request: HttpRequest, project: Project) -> HttpResponse:
    stages = stages_of(project=project)
    own = own_stages(actor=actor_of(request), project=project, stages=stages)
    rows = OwnQueue(project=project, batch=None, actor=actor_of(request), own=own, stages=stages)
    labels, pager = paginate(request, Paginator(rows, PRELOADED))
    shown = [queued(project, label, stages) | {"page": None} for label in labels]
    context = {
        "lists": [{"name": "to_review", "label": LISTS["to_review"], "count": len(rows)}],
        "chosen": "to_review",
        "page": pager,
        "query": "",
        "example": example_reasons(project)[0],
        "stages": [row for row in stage_rows(project, own, stages) if row["is_own"]],
        "earns": any(each.price for each in own),
        "desk": _desk(project, "to_review", shown, pager) | {"hasEvidence": False},
    }
    return render_project_page(request, project, "review.html", context, tab="review")


def stage_rows(project: Project, own: Sequence[ReviewStage], stages: Sequence[ReviewStage]) -> list[dict[str, Any]]:
    """Return the stages with how many labels wait in each; `is_own` if the viewer reviews in it."""
    waiting = count_waiting(project=project, stages=stages)
    return [{"it": each, "waiting": waiting[each.public_id], "is_own": each in own} for each in stages]


def queued(project: Project, label: ConsensusLabel, stages: Sequence[ReviewStage]) -> dict[str, Any]:
    task, image = label.task, label.task.image
    stage = next((each for each in stages if each.position == getattr(label, "waits_in", None)), None)
    address = reverse("api:image-file", args=[image.public_id])
    return {
        "task": str(task.public_id),
        "batch": task.batch.number,
        "page": reverse("workers_ui:task", args=[project.public_id, task.public_id]),
        "name": image.source_key,
        "url": f"{address}?kind=rendition",
        "width": image.width,
        "height": image.height,
        "hash": label.content_hash,
        "method": label.method,
        "confidence": label.confidence,
        "answers": LabelEvidence.from_json(label.evidence).answer_count,
        "answer": label.body,
        "stage": stage.name if stage else "",
    }
