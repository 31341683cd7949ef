"""Review: labels with their evidence, lowest confidence first, and approval of the rest of a batch."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from projects.models import Project
from tasks.analytics.listings import doubtful_labels
from tasks.analytics.proposed_changes import proposed_changes
from tasks.batching.selectors import batch_for, batches_by_number, task_for
from tasks.consensus.models import ConsensusLabel
from tasks.review.selectors import first_to_review, review_counts, review_progress, review_queue
from tasks.review.services import approve_batch
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import project_role_required, render_project_page, run_action

#: Labels sent with the page; its script requests the next ones.
PRELOADED = 40
MAX_BATCHES = 500
LISTS = {
    "to_review": "To review",
    "unseen": "Not selected",
    "approved": "Approved",
    "rejected": "Rejected",
}
#: The labels that the quality report finds most likely wrong; the list is shown only when linked from it.
DOUBTFUL = "doubtful"


@require_safe
@project_role_required(Role.REVIEWER)
def review(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = request.GET.get("list", "to_review")
    chosen = chosen if chosen in (*LISTS, DOUBTFUL) else "to_review"
    batch = batch_for(project=project, public_id=request.GET["batch"]) if request.GET.get("batch") else None
    one = task_for(project=project, public_id=request.GET["task"]) if request.GET.get("task") else None
    counts = review_counts(project=project, batch=batch, states=LISTS)
    doubtful = doubtful_labels(project=project, batch=batch) if chosen == DOUBTFUL else []
    counts[DOUBTFUL] = len(doubtful)
    if one is not None:
        labels = list(review_queue(project=project, task=one, state="all"))
    elif chosen == DOUBTFUL:
        labels = doubtful[:PRELOADED]
    else:
        labels = first_to_review(project=project, batch=batch, state=chosen, limit=PRELOADED)
    context = {
        "lists": [
            {"name": name, "label": label, "count": counts[name]}
            for name, label in (LISTS | {DOUBTFUL: "Most likely wrong"}).items()
            if name != DOUBTFUL or name == chosen
        ],
        "chosen": "" if one else chosen,
        "batch": batch,
        "batches": batches_by_number(project=project)[:MAX_BATCHES],
        "batch_figures": review_progress(batch=batch) if batch else None,
        "one": one,
        "total": counts[chosen] if one is None else len(labels),
        "proposed": proposed_changes(project=project),
        "desk": {
            "schema": project.schema.body if project.schema else None,
            "list": chosen,
            "labels": [_queued(project, label) for label in labels],
            # Opening a single label, even one that a person decided, means intending to decide it.
            "again": one is not None,
            "target": project.confidence_target,
        },
    }
    return render_project_page(request, project, "review.html", context, tab="review")


@require_POST
@project_role_required(Role.REVIEWER)
def approve_rest(request: HttpRequest, project: Project, batch_id: uuid.UUID) -> HttpResponse:
    batch = batch_for(project=project, public_id=batch_id)
    back = f"{reverse('workers_ui:review', args=[project.public_id])}?batch={batch.public_id}"
    done = f"Batch {batch.number} is approved. Labels that no one reviewed are marked as approved by policy."
    return run_action(request, back, lambda: approve_batch(reviewer=actor_of(request), batch=batch), done)


def _queued(project: Project, label: ConsensusLabel) -> dict[str, Any]:
    task, image = label.task, label.task.image
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
        "answers": label.evidence.get("n", len(label.evidence.get("answers", []))),
        "answer": label.body,
    }
