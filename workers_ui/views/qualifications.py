"""A worker's pages of a qualification: what it is, practice, and the exam."""

import uuid
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotary_core.wording import format_count
from kernel.clock import utc_now
from kernel.errors import Conflict
from tasks.qualification.models import Attempt
from tasks.qualification.selectors import (
    has_practice_images,
    last_practice,
    projects_requiring,
    qualification_for_worker,
    right_to_pass,
)
from tasks.qualification.services import attempt_for, end_if_over, finish_attempt, start_attempt
from workers_ui.views.base import actor_of, page
from workers_ui.views.project_card import project_offer_for


@dataclass(frozen=True, slots=True)
class ExamResult:
    """The result of the last exam, in words."""

    title: str
    text: str


@login_required
@require_safe
@never_cache
def qualification(request: HttpRequest, qualification_id: uuid.UUID) -> HttpResponse:
    worker = actor_of(request)
    mine = qualification_for_worker(worker=worker, public_id=qualification_id)
    if any(end_if_over(attempt).state != Attempt.State.LIVE for attempt in mine.live.values()):
        mine = qualification_for_worker(worker=worker, public_id=qualification_id)
    row = mine.qualification
    project = row.project
    return page(
        request,
        "workers_ui/work/qualification.html",
        qualification=row,
        mine=mine,
        may_take=mine.may_take(utc_now()),
        right_to_pass=right_to_pass(row.pass_mark, row.exam_images),
        required_by=projects_requiring(qualification=row, worker=worker),
        last=_result(mine.last),
        practiced=last_practice(qualification=row, worker=worker),
        has_practice=has_practice_images(qualification=row),
        offer=project_offer_for(project) if project else None,
        instructions=project.instructions.body if project and project.instructions else "",
    )


@login_required
@require_POST
def start(request: HttpRequest, qualification_id: uuid.UUID) -> HttpResponse:
    """Start practice or the exam, or find the one in progress. A form of an exam that was started already starts none:
    its `number` is over."""
    worker = actor_of(request)
    mine = qualification_for_worker(worker=worker, public_id=qualification_id)
    kind = Attempt.Kind.EXAM if request.POST.get("kind") == Attempt.Kind.EXAM else Attempt.Kind.PRACTICE
    number = request.POST.get("number", "")
    meant = int(number) if number.isdecimal() and len(number) < 6 else 0
    try:
        attempt = start_attempt(
            worker=worker,
            qualification=mine.qualification,
            kind=kind,
            number=meant if kind == Attempt.Kind.EXAM else None,
        )
    except Conflict:
        return redirect("workers_ui:qualification", qualification_id)  # the page says why
    return redirect("workers_ui:attempt", attempt.public_id)


@login_required
@require_safe
@never_cache
def attempt_page(request: HttpRequest, attempt_id: uuid.UUID) -> HttpResponse:
    attempt = end_if_over(attempt_for(worker=actor_of(request), attempt_id=attempt_id))
    row = attempt.qualification
    if attempt.state != Attempt.State.LIVE or row.project is None:
        return redirect("workers_ui:qualification", row.public_id)
    row.project.schema = attempt.schema  # the one that its answers are checked against
    is_exam = attempt.kind == Attempt.Kind.EXAM
    return page(
        request,
        "workers_ui/work/attempt.html",
        attempt=attempt,
        qualification=row,
        is_exam=is_exam,
        title="Exam" if is_exam else "Practice",
        offer=project_offer_for(row.project),
        instructions=row.project.instructions.body if row.project.instructions else "",
        now=utc_now(),
    )


@login_required
@require_POST
def finish(request: HttpRequest, attempt_id: uuid.UUID) -> HttpResponse:
    """Submit practice or an exam; doing it twice is harmless."""
    attempt = finish_attempt(worker=actor_of(request), attempt_id=attempt_id)
    return redirect("workers_ui:qualification", attempt.qualification.public_id)


def _result(last: Attempt | None) -> ExamResult | None:
    if last is None or last.state not in (Attempt.State.PASSED, Attempt.State.FAILED):
        return None
    needed = right_to_pass(last.pass_mark, last.images)
    right = f"{last.correct} of {format_count(last.images, 'image')} right"
    if last.state == Attempt.State.PASSED:
        return ExamResult(f"Passed: {right}", "Well done. Projects that ask for it are open to you now.")
    return ExamResult(f"Not passed: {right}", f"{needed} must be right. Practice, then try again.")
