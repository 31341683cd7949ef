"""A worker's rejected answers in a project, with appeals. Gold and work look the same here."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotary_core.labels.shapes import SHAPES, noun_of
from kernel.clock import utc_now
from projects.selectors import object_tools_of
from tasks.review.appeal_lists import bodies_of, kept_until, rejected_answers_of, rejected_answers_page
from tasks.review.models import MAX_STATEMENT, RejectedAnswer
from tasks.standing.selectors import standing_for
from workers_ui.views.base import actor_of, page


@login_required
@require_safe
@never_cache
def rejected(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    worker = actor_of(request)
    project = standing_for(worker=worker, project_id=project_id).project
    rows = rejected_answers_of(worker=worker, project=project)
    found, next_before = rejected_answers_page(rows=rows, before=_time(request.GET.get("before", "")))
    return page(
        request,
        "workers_ui/work/rejected.html",
        project=project,
        noun=noun_of(object_tools_of(project=project) or tuple(SHAPES)),
        next_before=next_before,
        max_statement=MAX_STATEMENT,
        desk={"schema": project.schema.body if project.schema else None, "cases": _cases(found)},
    )


def _cases(rows: Sequence[RejectedAnswer]) -> list[dict[str, Any]]:
    bodies, now = bodies_of(rows=rows), utc_now()
    return [_case(row, bodies[row.assignment_id], now) for row in rows]


def _case(row: RejectedAnswer, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    assert row.appeal_until is not None
    assert row.shown_from is not None
    may_appeal = row.state == RejectedAnswer.State.REJECTED and row.appeal_until > now
    until = f"You can appeal until {row.appeal_until:%B} {row.appeal_until.day}, {row.appeal_until:%Y}, 00:00 UTC."
    over = "The time to appeal is over."
    return {
        "id": str(row.public_id),
        "url": f"/api/v1/assignments/{row.assignment.public_id}/image",
        "width": row.assignment.width,
        "height": row.assignment.height,
        "name": f"Rejected before {row.shown_from:%B} {row.shown_from.day}",
        "answer": body,
        "reason": row.reason,
        "region": row.region,
        "state": row.state,
        "mayAppeal": may_appeal,
        "until": until if may_appeal else over if row.state == RejectedAnswer.State.REJECTED else "",
        "sentBack": _sent_back(row),
        "statement": row.statement,
        "decision": row.decision,
    }


def _sent_back(row: RejectedAnswer) -> str:
    """Return what the worker can do about an image that was sent back; empty if it was not."""
    until = kept_until(row)
    if until is None:
        return ""
    return f"Sent back to you: your next set has this image until {until:%B} {until.day}, {until:%Y}, 00:00 UTC."


def _time(text: str) -> datetime | None:
    """Return the time of seconds since 1970, as in the link to older ones; None if it is not one."""
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    return datetime.fromtimestamp(int(text), UTC)
