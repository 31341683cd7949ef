"""A worker's own page: how they stand in each project, what they answered and earned, what they have passed."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kernel.clock import utc_now
from projects.models import Project
from tasks.analytics.own_standing import (
    NEW_UNTIL,
    OwnStanding,
    Stage,
    exam_skills,
    held_qualifications,
    own_standings,
)
from tasks.assignment.instructions import must_confirm
from tasks.qualification.models import Qualification
from tasks.qualification.selectors import missing_by_project
from tasks.standing.advice import ADVICE
from workers_ui.views.base import actor_of, page
from workers_ui.views.project_card import CLOSED_REASONS, left_for_you

STAGES = {
    Stage.NEW: ("", "seal", "New here"),
    Stage.WORKING: ("ok", "check", "Working here"),
    Stage.PAUSED: ("warn", "pause", "Paused"),
}


@dataclass(frozen=True, slots=True)
class StandingCard:
    """A project of a worker in words. chip: its state, icon and word. text: what that means for the worker."""

    own: OwnStanding
    chip: tuple[str, str, str]
    text: str
    left: str


@login_required
@require_safe
@never_cache
def standing(request: HttpRequest) -> HttpResponse:
    worker = actor_of(request)
    own = own_standings(worker=worker)
    missing = missing_by_project(worker=worker, projects=[each.project for each in own])
    return page(
        request,
        "workers_ui/work/standing.html",
        cards=[_card(each, missing.get(each.project.pk, ())) for each in own],
        qualifications=held_qualifications(worker=worker),
        skills=exam_skills(worker=worker),
        advice=ADVICE,
    )


def _card(own: OwnStanding, missing: Sequence[Qualification]) -> StandingCard:
    closed = CLOSED_REASONS.get(Project.State(own.project.state), "")
    chip = STAGES[own.stage]
    if own.stage is Stage.PAUSED:
        text = own.standing.reason
    elif closed:
        text, chip = closed, ("", "pause", "No work right now")
    else:
        text = _open_text(own, missing)
    return StandingCard(own, chip, text, left_for_you(own.allowance))


def _open_text(own: OwnStanding, missing: Sequence[Qualification]) -> str:
    """What keeps the worker from taking a set, or how far they are."""
    refusal = own.allowance.refusal(now=utc_now())
    if missing:
        return f"An exam comes first: {', '.join(each.name for each in missing)}."
    if must_confirm(own.standing):
        return "The instructions have changed. Read and confirm them before your next set."
    if refusal is not None:
        return refusal.detail
    return f"You have given fewer than {NEW_UNTIL} answers here so far." if own.stage is Stage.NEW else ""
