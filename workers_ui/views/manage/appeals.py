"""Appeals against rejected answers, and wrong answers to check images to explain: the reviewer's side."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Actor, Role
from accounts.selectors import display_names, display_names_for
from projects.models import Project
from projects.selectors import schema_of
from tasks.review.appeal_lists import (
    bodies_of,
    decided_appeals,
    gold_drafts_of,
    image_of,
    waiting_appeals,
    who_may_not_decide,
)
from tasks.review.models import RejectedAnswer
from workers_ui.views.base import actor_of
from workers_ui.views.manage.base import paginate, project_role_required, render_project_page
from workers_ui.views.manage.label_formatting import describe_answer

PAGE_SIZE = 40
LISTS = {"waiting": "To decide", "drafts": "Check images to explain", "decided": "Decided"}
KINDS = {"waiting": "appeal", "drafts": "draft", "decided": "decided"}
State = RejectedAnswer.State


@require_safe
@project_role_required(Role.REVIEWER)
def appeals(request: HttpRequest, project: Project) -> HttpResponse:
    chosen = request.GET.get("list", "waiting")
    chosen = chosen if chosen in LISTS else "waiting"
    rows = {
        "waiting": waiting_appeals(project=project),
        "drafts": gold_drafts_of(project=project),
        "decided": decided_appeals(project=project),
    }
    pages = {name: Paginator(each, PAGE_SIZE) for name, each in rows.items()}
    found, pager = paginate(request, pages[chosen])
    context = {
        "lists": [{"name": name, "label": label, "count": pages[name].count} for name, label in LISTS.items()],
        "chosen": chosen,
        "page": pager,
        "query": f"&list={chosen}",
        "desk": {
            "schema": project.schema.body if project.schema else None,
            "project": str(project.public_id),
            "kind": KINDS[chosen],
            "sendsBack": bool(project.send_back_days),
            "cases": _cases(project, actor_of(request), list(found)),
        },
    }
    return render_project_page(request, project, "appeals.html", context, tab="review")


def _cases(project: Project, viewer: Actor, rows: Sequence[RejectedAnswer]) -> list[dict[str, Any]]:
    bodies, refused = bodies_of(rows=rows), who_may_not_decide(actor=viewer, rows=rows)
    names = display_names_for(
        viewer, organisation_id=project.organisation_id, actors={row.worker.public_id for row in rows}
    )
    people = display_names(actors={each.public_id for row in rows for each in (row.reviewer, row.decided_by) if each})
    classes = {each.number: each.name for each in schema_of(project=project).classes} if project.schema else {}
    cases = []
    for row in rows:
        image, task, gold = image_of(row), row.assignment.task, row.assignment.gold
        may_decide = row.state == State.DRAFT or (row.state == State.APPEALED and row.pk not in refused)
        cases.append(
            {
                "id": str(row.public_id),
                "url": f"{reverse('api:image-file', args=[image.public_id])}?kind=rendition",
                "width": image.width,
                "height": image.height,
                "name": image.source_key,
                "page": reverse("workers_ui:task", args=[project.public_id, task.public_id]) if task else None,
                "answer": bodies[row.assignment_id],
                "overlays": _accepted(gold.accepted) if gold else [],
                "reason": row.reason,
                "region": row.region,
                "who": names[str(row.worker.public_id)],
                "statement": row.statement,
                "facts": _facts(row, classes, people),
                "mayDecide": may_decide and not project.archived_at,
            }
        )
    return cases


def _facts(row: RejectedAnswer, classes: dict[int, str], people: dict[str, str]) -> list[str]:
    gold, facts = row.assignment.gold, []
    if gold is not None:
        accepted = " or ".join(describe_answer(body, classes) for body in gold.accepted)
        facts.append(f"Check image. Accepted: {accepted}.")
        if row.state == State.APPEALED:
            facts.append("If you uphold the appeal, the check image is retired, and counts for nobody any more.")
    if row.reviewer is not None:
        facts.append(f"Rejected by {people[str(row.reviewer.public_id)]}.")
    if row.decided_by is not None:
        verdict = "Upheld" if row.state == State.UPHELD else "Denied"
        facts.append(f"{verdict} by {people[str(row.decided_by.public_id)]}: {row.decision}")
    if row.amount:
        facts.append(f"{row.amount.normalize():f} {row.project.currency} was paid again.")
    return facts


def _accepted(bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects of the accepted answers, to draw under the worker's."""
    return [
        {"tool": each["tool"], "geom": each["geom"], "label": "accepted", "tone": "agreed"}
        for body in bodies
        for each in body.get("objects") or ()
    ]
