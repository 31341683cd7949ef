"""A worker's pages: the list of projects, a project's introduction, the set, the handed-in set, earnings."""

import uuid
from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Actor
from accounts.teams import teams_led_by
from accounts.traces import record_trace, set_device_cookie
from kernel.clock import utc_now
from kernel.errors import NotFound
from tasks.assignment.caps import allowances_of
from tasks.assignment.errors import (
    ImagesTodayUsed,
    InstructionsReplaced,
    InstructionsUnread,
    LiveSetsReached,
    NoMoneyLeft,
    ProjectNotOpen,
    ShareReached,
    WorkerNotAdmitted,
    WorkerPaused,
)
from tasks.assignment.instructions import confirm_instructions, instructions_news
from tasks.assignment.models import MAX_NOTE, Hand, SkipReason
from tasks.assignment.selectors import hand_for, live_hand, live_hands_of
from tasks.flow.claim_any import claim_any
from tasks.flow.claim_next_hand import claim_next_hand
from tasks.flow.revocation import leave_project
from tasks.flow.settlement import settle_hand
from tasks.pay.selectors import balance
from tasks.pay.statements import line_state, statement_of, sums_by_project, waiting_sets
from tasks.qualification.errors import NotLetIn, NotQualified
from tasks.qualification.selectors import missing_by_project, qualifications_for
from tasks.qualification.worker_filters import is_let_in
from tasks.questions.models import MAX_TEXT
from tasks.review.appeal_lists import appealable_by_project
from tasks.standing.advice import ADVICE
from tasks.standing.applications import applications_of, openings_for
from tasks.standing.models import Standing
from tasks.standing.selectors import standing_for, standings_of
from workers_ui.views.base import actor_of, page
from workers_ui.views.project_card import (
    ProjectCard,
    ProjectOffer,
    ReachedCap,
    project_card_for,
    project_offer_for,
    project_offers_for,
)

ROWS_PER_PAGE = 25
#: Projects to apply for and applications that the list of work shows, newest first.
SHOWN = 12


@login_required
@require_safe
@never_cache
def work(request: HttpRequest) -> HttpResponse:
    worker = actor_of(request)
    record_trace(request, actor=worker)
    live = live_hands_of(worker=worker)
    standings = list(standings_of(worker=worker))
    allowances, now = allowances_of(worker=worker, projects=[each.project for each in standings]), utc_now()
    projects = [each.project for each in standings]
    offers = project_offers_for(projects, worker=worker)
    missing = missing_by_project(worker=worker, projects=projects)
    cards = [
        project_card_for(
            each,
            live.get(each.project_id),
            allowances[each.project_id],
            offer=offers[each.project_id],
            now=now,
            missing=missing.get(each.project_id, ()),
        )
        for each in standings
    ]
    response = page(
        request,
        "workers_ui/work/work.html",
        open_cards=[(card, offers[card.project.pk]) for card in cards if card.is_open or card.live],
        closed_cards=[card for card in cards if not card.is_open and not card.live],
        needs_exam=any(card.missing and not card.closed for card in cards),
        in_progress=any(card.live for card in cards),
        none_waiting="none" in request.GET,
        balances=balance(worker=worker),
        appealable=appealable_by_project(worker=worker) if any(each.project.appeal_days for each in standings) else (),
        qualifications=qualifications_for(worker=worker),
        led=teams_led_by(worker=worker),
        openings=openings_for(worker=worker)[:SHOWN],
        applications=applications_of(worker=worker)[:SHOWN],
    )
    set_device_cookie(request, response)
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """POST takes a set of the project that needs it most, or finds the one in progress. GET, as after signing in again,
    shows the projects."""
    if request.method != "POST":
        return redirect("workers_ui:work")
    claimed = claim_any(worker=actor_of(request))
    if claimed is None:
        response = redirect("workers_ui:work")
        response["Location"] += "?none"
        return response
    return redirect("workers_ui:set", claimed.hand.project.public_id)


@login_required
@require_safe
@never_cache
def intro(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    worker = actor_of(request)
    standing = standing_for(worker=worker, project_id=project_id)
    card, offer = _card(worker, standing)
    instructions = card.project.instructions.body if card.project.instructions else ""
    return page(
        request,
        "workers_ui/work/intro.html",
        card=card,
        project=card.project,
        offer=offer,
        instructions=instructions,
        news=instructions_news(standing=standing),
        none_waiting="none" in request.GET and card.may_take and card.live is None,
        no_money=NoMoneyLeft().detail if "unpaid" in request.GET and card.may_take and card.live is None else "",
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def instructions(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    """GET shows what is new for the worker; POST confirms the version that was shown."""
    worker, replaced = actor_of(request), ""
    standing = standing_for(worker=worker, project_id=project_id)
    if request.method == "POST":
        try:
            version = int(request.POST.get("version", "")[:9])
            confirm_instructions(worker=worker, project=standing.project, version=version)
            return redirect("workers_ui:intro", project_id)
        except (ValueError, InstructionsReplaced):
            replaced = "The instructions have changed again. Read the newest version, then confirm it."
    news = instructions_news(standing=standing)
    if news is None:
        return redirect("workers_ui:intro", project_id)
    live = live_hand(worker=worker, project=standing.project)
    context = {"project": standing.project, "news": news, "live": live, "replaced": replaced}
    return page(request, "workers_ui/work/instructions.html", status=409 if replaced else 200, **context)


@login_required
@require_POST
def leave(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    standing = standing_for(worker=actor_of(request), project_id=project_id)
    leave_project(project=standing.project, worker=actor_of(request))
    messages.success(request, f"You have left {standing.project.name}. What you have answered is paid.")
    return redirect("workers_ui:work")


def _card(worker: Actor, standing: Standing) -> tuple[ProjectCard, ProjectOffer]:
    live = live_hands_of(worker=worker).get(standing.project_id)
    allowance = allowances_of(worker=worker, projects=[standing.project])[standing.project_id]
    offer = project_offer_for(standing.project, worker=worker)
    missing = missing_by_project(worker=worker, projects=[standing.project]).get(standing.project_id, ())
    card = project_card_for(standing, live, allowance, offer=offer, now=utc_now(), missing=missing)
    text = standing.project.worker_filter
    if text and not is_let_in(project_id=standing.project_id, worker_id=worker.pk, text=text):
        card = replace(card, capped=ReachedCap("For other workers", NotLetIn().detail))
    return card, offer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def work_set(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    """POST claims a set, or finds the live one; GET shows the page to work on it."""
    worker = actor_of(request)
    standing = standing_for(worker=worker, project_id=project_id)
    if request.method == "POST":
        return _take(request, project_id)
    hand = live_hand(worker=worker, project=standing.project)
    if hand is None:
        return redirect("workers_ui:intro", project_id)
    return page(
        request,
        "workers_ui/work/set.html",
        project=standing.project,
        offer=project_offer_for(standing.project, worker=worker),
        hand=hand,
        instructions=standing.project.instructions.body if standing.project.instructions else "",
        now=utc_now(),
        owner=worker.public_id,
        skip_reasons=SkipReason.choices,
        max_note=MAX_NOTE,
        max_question=MAX_TEXT,
    )


def _take(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    worker = actor_of(request)
    record_trace(request, actor=worker)
    project = standing_for(worker=worker, project_id=project_id).project
    try:
        hand = claim_next_hand(worker=worker, project=project)
    except InstructionsUnread:
        return redirect("workers_ui:instructions", project_id)
    except (
        ProjectNotOpen,
        WorkerPaused,
        WorkerNotAdmitted,
        LiveSetsReached,
        ImagesTodayUsed,
        ShareReached,
        NotQualified,
        NotLetIn,
    ):
        return redirect("workers_ui:intro", project_id)  # the introduction says why
    except NoMoneyLeft:
        response = redirect("workers_ui:intro", project_id)
        response["Location"] += "?unpaid"
        return response
    if hand is None:
        response = redirect("workers_ui:intro", project_id)
        response["Location"] += "?none"
        return response
    return redirect("workers_ui:set", project_id)


@login_required
@require_POST
def hand_in(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    """Hand a set in; doing it twice is harmless."""
    try:
        hand_id = uuid.UUID(request.POST.get("hand", ""))
    except ValueError as error:
        raise NotFound("We could not tell which set to submit. Go back to the set and submit it again.") from error
    hand = hand_for(worker=actor_of(request), hand_id=hand_id)
    settle_hand(worker=hand.worker, hand_id=hand_id)
    return redirect("workers_ui:handed-in", project_id, hand_id)


@login_required
@require_safe
@never_cache
def handed_in(request: HttpRequest, project_id: uuid.UUID, hand_id: uuid.UUID) -> HttpResponse:
    worker = actor_of(request)
    card, offer = _card(worker, standing_for(worker=worker, project_id=project_id))
    hand = hand_for(worker=worker, hand_id=hand_id)
    if hand.state == Hand.State.LIVE:
        return redirect("workers_ui:set", project_id)
    # Settling a settled set changes nothing and returns its figures.
    settled = settle_hand(worker=worker, hand_id=hand_id)
    return page(
        request,
        "workers_ui/work/handed_in.html",
        card=card,
        project=card.project,
        offer=offer,
        settled=settled,
        advice=ADVICE if settled.advised else "",
        hand=hand,
        balances=balance(worker=worker, project=card.project),
    )


@login_required
@require_safe
@never_cache
def earnings(request: HttpRequest) -> HttpResponse:
    worker = actor_of(request)
    rows = Paginator(statement_of(worker=worker), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    rows.object_list = [line | {"state": line_state(line)} for line in rows.object_list]
    return page(
        request,
        "workers_ui/work/earnings.html",
        balances=balance(worker=worker),
        waiting=waiting_sets(worker=worker),
        by_project=sums_by_project(worker=worker),
        rows=rows,
    )
