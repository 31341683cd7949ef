"""The worker's API: open projects, sets, earnings. Answers are in `tasks.api.answers`.

Everything here is identical for gold and work: paths, response structure, ids, headers.
"""

import uuid
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Actor, ApiToken
from accounts.selectors import role_in
from accounts.traces import record_trace
from kernel.clock import rfc3339, utc_now
from kernel.errors import NotFound
from projects.models import Project
from projects.selectors import project_to_claim
from tasks.analytics.project_cards import offer_details_of
from tasks.api.access import View, actor_of, same_organisation
from tasks.api.described_work import (
    ExtendedSerializer,
    HandSerializer,
    LedgerSerializer,
    SettledSerializer,
    WorkSerializer,
)
from tasks.api.filters import by_id, created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.responses import json_response
from tasks.assignment.caps import allowances_of
from tasks.assignment.errors import InstructionsUnread, WorkerNotAdmitted
from tasks.assignment.instructions import must_confirm
from tasks.assignment.leases import extend_hand, latest_end
from tasks.assignment.models import Hand
from tasks.assignment.selectors import ShownAssignment, hand_for, shown_hand
from tasks.assignment.services import ClaimedHand, release_hand
from tasks.flow.claim_any import claim_any
from tasks.flow.claim_next_hand import claim
from tasks.flow.settlement import settle_hand
from tasks.pay.models import LedgerEntry
from tasks.pay.selectors import Balance, balance, ledger_of
from tasks.review.corrections import ShownCorrection, shown_corrections
from tasks.standing.advice import ADVICE
from tasks.standing.models import Standing
from tasks.standing.selectors import standings_of
from tasks.workers.pace import set_sizes_of


class WorkView(View):
    scopes = {"GET": "work"}

    @operation(responses=WorkSerializer, summary="Projects open to me, and my balance")
    def get(self, request: Request) -> Response:
        worker = actor_of(request)
        record_trace(request._request, actor=worker)
        open_to_me = [
            standing
            for standing in _standings(request)
            if standing.state == Standing.State.ACTIVE and standing.project.state == Project.State.OPEN
        ]
        offers = _offers(worker, open_to_me)
        return Response(WorkSerializer({"projects": offers, "balance": _balance(request, worker)}).data)


class AnyHandsView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses={201: HandSerializer, 200: HandSerializer, 204: None},
        repeatable="A retry returns the set that the first call gave.",
        summary="Take a set of images of any of my projects",
    )
    def post(self, request: Request) -> HttpResponseBase:
        """The set is of the project that needs it most: by priority, then by deadline, among equals at random.

        Returns 201 with a new set, 200 with the set that you already have in any project, or 204 if no project has
        images for you. Projects in which you are paused, have reached a limit, or have to confirm the instructions
        first are passed over.
        """
        organisation_id = request.auth.organisation_id if isinstance(request.auth, ApiToken) else None
        worker = actor_of(request)
        record_trace(request._request, actor=worker)
        return _claimed(claim_any(worker=worker, organisation_id=organisation_id))


class HandsView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses={201: HandSerializer, 200: HandSerializer, 204: None},
        repeatable="A retry returns the set that the first call gave.",
        summary="Take a set of images",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> HttpResponseBase:
        """Returns 201 with a new set, 200 with the set that you already have, or 204 if no images are available.

        At a limit of the project or its organization (`images_today_used`, `share_reached`, `live_sets_reached`) no set
        is given. A set is cut to the images that are left; images that you gave back use no limit again. After an
        important change of the instructions (`instructions_unread`), confirm them first.
        """
        project = project_to_claim(public_id=project_id)
        same_organisation(request, project.organisation_id)
        worker = actor_of(request)
        record_trace(request._request, actor=worker)
        try:
            claimed = claim(worker=worker, project=project)
        except WorkerNotAdmitted as error:
            # Do not reveal the project's existence to outsiders.
            if role_in(actor=worker, organisation_id=project.organisation_id) is None:
                raise NotFound from error
            raise
        return _claimed(claimed)


class HandView(View):
    scopes = {"GET": "work"}

    @operation(responses=HandSerializer, summary="A set")
    def get(self, request: Request, hand_id: uuid.UUID) -> HttpResponseBase:
        return json_response(hand_body(hand_of(request, hand_id)))


class SettleView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses=SettledSerializer,
        repeatable="A set is settled once; a retry reports the same sums.",
        summary="Hand in a set",
    )
    def post(self, request: Request, hand_id: uuid.UUID) -> Response:
        """Makes the answers final and releases images without an answer. A second call has no effect."""
        hand_of(request, hand_id)
        settled = settle_hand(worker=actor_of(request), hand_id=hand_id)
        body = {
            "id": hand_id,
            "answers": settled.answers,
            "earned": str(settled.earned),
            "currency": settled.currency,
            "advice": ADVICE if settled.advised else "",
        }
        return Response(SettledSerializer(body).data)


class ExtendView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses=ExtendedSerializer,
        repeatable="It gives the same time again from now on, and never more than the limit.",
        summary="Ask for more time for a set",
    )
    def post(self, request: Request, hand_id: uuid.UUID) -> HttpResponseBase:
        """The set then ends `lease_seconds` from now, but not after `extendable_until`."""
        hand_of(request, hand_id)
        return json_response(_end_body(extend_hand(worker=actor_of(request), hand_id=hand_id)))


class ReleaseHandView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses={204: None},
        repeatable="A retry finds no image left to release.",
        summary="Release the unanswered images of a set",
    )
    def post(self, request: Request, hand_id: uuid.UUID) -> Response:
        hand_of(request, hand_id)
        release_hand(worker=actor_of(request), hand_id=hand_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LedgerView(View):
    scopes = {"GET": "work"}

    @listing(
        LedgerSerializer,
        filters=[
            one_of("kind", LedgerEntry.Kind),
            by_id("project", "project__public_id", what="a project"),
            *created(),
        ],
        summary="My earnings, by entry",
    )
    def get(self, request: Request) -> Response:
        rows = ledger_of(worker=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(project__organisation_id=request.auth.organisation_id)
        return page(request, rows, LedgerSerializer().to_representation)


def _claimed(claimed: ClaimedHand | None) -> HttpResponseBase:
    if claimed is None:
        return Response(status=status.HTTP_204_NO_CONTENT)
    code = status.HTTP_201_CREATED if claimed.fresh else status.HTTP_200_OK
    return json_response(hand_body(claimed.hand), status=code)


def _offers(worker: Actor, standings: list[Standing]) -> list[dict[str, Any]]:
    projects = [standing.project for standing in standings]
    allowances, now = allowances_of(worker=worker, projects=projects), utc_now()
    sizes = set_sizes_of(worker_id=worker.pk, projects=projects)
    details = offer_details_of(projects=projects, worker=worker)
    offers = []
    for standing in standings:
        project = standing.project
        refusal = InstructionsUnread() if must_confirm(standing) else allowances[project.pk].refusal(now=now)
        offers.append(
            {
                "id": project.public_id,
                "name": project.name,
                "price": project.price,
                "pay_by": project.pay_by,
                "hourly_floor": project.hourly_floor,
                "paid_seconds": project.paid_seconds if project.pay_terms.pays_time else None,
                "currency": project.currency,
                "seconds_per_answer": project.seconds_per_answer,
                "set_size": sizes[project.pk].images,
                "set_seconds": sizes[project.pk].seconds,
                "set_bytes": details[project.pk].set_bytes(sizes[project.pk].images),
                "details": details[project.pk],
                "allowance": allowances[project.pk],
                "refusal": refusal and refusal.code,
            }
        )
    return offers


def hand_body(hand: Hand) -> dict[str, Any]:
    details = shown_hand(hand)
    # A set without any, as nearly all are, needs no statement.
    corrections = shown_corrections(hand=hand) if any(row.is_correction for row in details.assignments) else {}
    return {
        **_end_body(hand),
        "project": str(hand.project.public_id),
        "state": hand.state,
        "lease_seconds": hand.project.lease_seconds,
        "size": hand.size,
        "price": str(details.terms.rate),
        "pay_by": details.terms.pay_by,
        "hourly_floor": None if details.terms.hourly_floor is None else str(details.terms.hourly_floor),
        "paid_seconds": details.terms.paid_seconds if details.terms.pays_time else None,
        "currency": hand.project.currency,
        "schema": details.schema,
        "instructions": details.instructions,
        "assignments": [_assignment_body(row, corrections.get(row.public_id)) for row in details.assignments],
    }


def _end_body(hand: Hand) -> dict[str, Any]:
    return {
        "id": str(hand.public_id),
        "expires_at": rfc3339(hand.expires_at),
        "extendable_until": rfc3339(latest_end(hand=hand, lease_seconds=hand.project.lease_seconds)),
    }


def _assignment_body(row: ShownAssignment, correction: ShownCorrection | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "position": row.position,
        "state": row.state,
        "width": row.width,
        "height": row.height,
        "image": f"/api/v1/assignments/{row.public_id}/image",
        "answer": row.answer,
        "correction": asdict(correction) if correction else None,
    }


def hand_of(request: Request, hand_id: uuid.UUID) -> Hand:
    hand = hand_for(worker=actor_of(request), hand_id=hand_id)
    same_organisation(request, hand.project.organisation_id)
    return hand


def _standings(request: Request) -> QuerySet[Standing]:
    rows = standings_of(worker=actor_of(request))
    if isinstance(request.auth, ApiToken):
        rows = rows.filter(project__organisation_id=request.auth.organisation_id)
    return rows


def _balance(request: Request, worker: Actor) -> list[Balance]:
    """The person's total balance; for a key, only what was earned in its organization."""
    organisation = request.auth.organisation if isinstance(request.auth, ApiToken) else None
    return balance(worker=worker, organisation=organisation)
