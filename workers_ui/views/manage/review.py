"""The review: labels, least sure first, with their evidence; and the approval of what is left of a batch."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from projects.models import Project
from tasks.batching.models import Batch
from tasks.batching.selectors import batch_for
from tasks.consensus.models import ConsensusLabel
from tasks.review.selectors import batch_review, review_queue
from tasks.review.services import approve_batch
from workers_ui.views.manage.shell import for_project, project_page, try_step
from workers_ui.views.shell import actor_of

#: Labels on one page of the queue; the page asks for the next ones itself.
AHEAD = 40
LISTS = {
    "to_review": "To review",
    "unseen": "Not chosen",
    "approved": "Approved",
    "rejected": "Rejected",
}


@require_safe
@for_project(Role.REVIEWER)
def review(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = request.GET.get("list", "to_review")
    chosen = chosen if chosen in LISTS else "to_review"
    batch = batch_for(project=project, public_id=request.GET["batch"]) if request.GET.get("batch") else None
    queue = review_queue(project=project, batch=batch, state=chosen)
    context = {
        "lists": [
            {"name": name, "label": label, "count": review_queue(project=project, batch=batch, state=name).count()}
            for name, label in LISTS.items()
        ],
        "chosen": chosen,
        "batch": batch,
        "batches": Batch.objects.filter(project=project).order_by("number")[:500],
        "batch_figures": batch_review(batch=batch) if batch else None,
        "total": queue.count(),
        "desk": {
            "schema": project.schema.body if project.schema else None,
            "list": chosen,
            "labels": [_queued(label) for label in queue[:AHEAD]],
            "target": project.confidence_target,
        },
    }
    return project_page(request, project, "review.html", context, tab="review")


@require_POST
@for_project(Role.REVIEWER)
def approve_rest(request: HttpRequest, project: Project, batch_id: uuid.UUID) -> HttpResponse:
    batch = batch_for(project=project, public_id=batch_id)
    back = f"{reverse('workers_ui:review', args=[project.public_id])}?batch={batch.public_id}"
    done = f"Batch {batch.number} is approved; labels that nobody looked at are marked as approved by policy."
    return try_step(request, back, lambda: approve_batch(reviewer=actor_of(request), batch=batch), done)


def _queued(label: ConsensusLabel) -> dict[str, Any]:
    task, image = label.task, label.task.image
    address = reverse("api:image-file", args=[image.public_id])
    return {
        "task": str(task.public_id),
        "batch": task.batch.number,
        "name": image.source_key,
        "url": f"{address}?kind=rendition",
        "width": image.width,
        "height": image.height,
        "hash": label.content_hash,
        "method": label.method,
        "confidence": label.confidence,
        "answers": label.evidence.get("n", len(label.evidence.get("answers", []))),
        "answer": label.body,
    }
