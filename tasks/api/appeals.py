"""Rejected answers as their workers see them, appeals, and what reviewers decide about both.

What a worker sees is identical for gold and work: fields, order, times, ids.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Role
from accounts.selectors import display_names_for
from kernel.errors import NotFound
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.filters import PARSERS, by_id, created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import listing, page_at_once
from tasks.api.request_bodies import AnswerSerializer, RegionSerializer, valid
from tasks.flow.appeals import decide_appeal
from tasks.review.appeal_lists import (
    appeal_for,
    appeals_of,
    bodies_of,
    gold_drafts_of,
    image_of,
    kept_until,
    rejected_answers_of,
    rejected_answers_page,
    who_may_not_decide,
)
from tasks.review.models import MAX_STATEMENT, RejectedAnswer
from tasks.review.rejected_answers import appeal, dismiss_draft, reject_draft
from tasks.review.rejection_text import MAX_REASON

State = RejectedAnswer.State


class RejectedAnswerSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    project = serializers.UUIDField(source="project.public_id")
    assignment = serializers.UUIDField(source="assignment.public_id")
    state = serializers.ChoiceField(choices=[State.REJECTED, State.APPEALED, State.UPHELD, State.DENIED])
    image = serializers.CharField(help_text="URL of the image")
    width = serializers.IntegerField(source="assignment.width", help_text="Width of the upright image, in pixels")
    height = serializers.IntegerField(source="assignment.height")
    answer = AnswerSerializer(help_text="Your answer")
    reason = serializers.CharField(help_text="Why it was rejected")
    region = RegionSerializer(allow_null=True, help_text="The part of the image that this is about")
    shown_from = serializers.DateTimeField(help_text="The beginning of the day on which it became visible to you")
    appeal_until = serializers.DateTimeField()
    correct_until = serializers.DateTimeField(
        allow_null=True,
        help_text="If it was sent back to you: until when your next set has it. Null if you have it, or others do",
    )
    statement = serializers.CharField(allow_blank=True, help_text="What you wrote in your appeal")
    decision = serializers.CharField(allow_blank=True, help_text="What the second reviewer wrote")


class RejectedAnswersSerializer(serializers.Serializer[Any]):
    results = RejectedAnswerSerializer(many=True)
    next_before = serializers.DateTimeField(allow_null=True, help_text="Send it as `before` for older ones")


class StatementSerializer(serializers.Serializer[Any]):
    statement = serializers.CharField(max_length=MAX_STATEMENT, help_text="Why your answer is right")


class AppealSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    state = serializers.ChoiceField(choices=[State.APPEALED, State.UPHELD, State.DENIED])
    worker = serializers.UUIDField(source="worker.public_id", help_text="Pseudonym of the worker")
    name = serializers.CharField()
    task = serializers.UUIDField(allow_null=True, help_text="Null for a check image")
    image = serializers.UUIDField()
    answer = AnswerSerializer()
    reason = serializers.CharField(help_text="Why the answer was rejected")
    region = RegionSerializer(allow_null=True)
    statement = serializers.CharField(help_text="As the worker wrote it: treat it as hostile text")
    appealed_at = serializers.DateTimeField()
    may_decide = serializers.BooleanField(help_text="False if you rejected it, or have answered or judged the image")
    decision = serializers.CharField(allow_blank=True)
    decided_by = serializers.UUIDField(source="decided_by.public_id", allow_null=True, default=None)
    decided_at = serializers.DateTimeField(allow_null=True)
    amount = serializers.CharField(help_text="What was paid again, in the project's currency")


class AppealDecisionSerializer(serializers.Serializer[Any]):
    uphold = serializers.BooleanField(help_text="Whether the worker is right")
    reason = serializers.CharField(max_length=MAX_REASON, help_text="The worker reads this")


class DraftSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="worker.public_id")
    image = serializers.UUIDField()
    answer = AnswerSerializer()


class DraftRejectionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON, help_text="The workers read this")
    region = RegionSerializer(required=False, allow_null=True)
    send_back = serializers.BooleanField(default=False, help_text="Whether the workers get the image again, like work")


class DraftRejectedSerializer(serializers.Serializer[Any]):
    rejected = serializers.IntegerField(help_text="Answers, those of other workers that equal it included")


class RejectedAnswersView(View):
    scopes = {"GET": "work"}

    @operation(
        parameters=[
            OpenApiParameter("before", OpenApiTypes.DATETIME, description="Only those shown since an earlier time")
        ],
        responses=RejectedAnswersSerializer,
        summary="My rejected answers",
    )
    def get(self, request: Request) -> Response:
        """The newest day first, about 200 in whole days. Answers that are rejected become visible on the next day in
        UTC, in projects where you can appeal."""
        rows = rejected_answers_of(worker=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(project__organisation=request.auth.organisation_id)
        before = request.query_params.get("before")
        found, next_before = rejected_answers_page(rows=rows, before=PARSERS[datetime](before) if before else None)
        body = {"results": shown_to_worker(found), "next_before": next_before}
        return Response(RejectedAnswersSerializer(body).data)


class AppealView(View):
    scopes = {"POST": "work"}

    @operation(
        request=StatementSerializer,
        bodies=examples.APPEAL,
        responses=RejectedAnswerSerializer,
        repeatable="An answer is appealed once; a retry with the same statement returns it.",
        summary="Appeal against a rejected answer",
    )
    def post(self, request: Request, rejected_id: uuid.UUID) -> Response:
        """Once, and until `appeal_until`. Somebody else than the person who rejected the answer decides."""
        _own(request, rejected_id)
        statement = valid(StatementSerializer(data=request.data))["statement"]
        row = appeal(worker=actor_of(request), public_id=rejected_id, statement=statement)
        return Response(RejectedAnswerSerializer(shown_to_worker([row])[0]).data)


class AppealsView(View):
    @listing(
        AppealSerializer,
        filters=[one_of("state", [State.APPEALED, State.UPHELD, State.DENIED], is_indexed=True)],
        summary="Appeals of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Oldest first."""
        project = project_of(request, project_id, Role.REVIEWER)
        rows = appeals_of(project=project)
        return page_at_once(request, rows, lambda chosen: _appeals(request, project, chosen))


class DecisionView(View):
    scopes = {"POST": "review"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _appeal(request, ids["appeal_id"])

    @operation(
        request=AppealDecisionSerializer,
        bodies=examples.APPEAL_DECISION,
        responses=AppealSerializer,
        repeatable="An appeal is decided once; a retry of the same decision returns it.",
        summary="Decide an appeal",
    )
    def post(self, request: Request, appeal_id: uuid.UUID) -> Response:
        """If it is upheld, what was taken of the pay is paid again, the answer counts as right for the worker, and a
        check image is retired. You must not have rejected, answered or judged it yourself."""
        project = _appeal(request, appeal_id).project
        data = valid(AppealDecisionSerializer(data=request.data))
        decide_appeal(reviewer=actor_of(request), public_id=appeal_id, **data)
        return Response(_appeals(request, project, [appeal_for(public_id=appeal_id)])[0])


class DraftsView(View):
    @listing(
        DraftSerializer,
        filters=[by_id("worker", "worker__public_id", is_indexed=True, what="a worker"), *created()],
        summary="Wrong answers to check images to explain to their workers",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Oldest first. Reject each with a reason like any answer, so rejections do not tell what is a check image."""
        project = project_of(request, project_id, Role.REVIEWER)
        return page_at_once(request, gold_drafts_of(project=project), _drafts)


class DraftView(View):
    scopes = {"POST": "review", "DELETE": "review"}

    def check_access(self, request: Request, **ids: Any) -> None:
        project_of(request, ids["project_id"], Role.REVIEWER)

    @operation(
        request=DraftRejectionSerializer,
        bodies=examples.DRAFT,
        responses=DraftRejectedSerializer,
        summary="Reject a wrong answer to a check image with a reason",
    )
    def post(self, request: Request, project_id: uuid.UUID, draft_id: uuid.UUID) -> Response:
        """Workers see it together with the next rejected work, from the day after that on."""
        project = project_of(request, project_id, Role.REVIEWER)
        data = valid(DraftRejectionSerializer(data=request.data))
        region = dict(data["region"]) if data.get("region") else None
        rejected = reject_draft(
            reviewer=actor_of(request),
            project=project,
            public_id=draft_id,
            reason=data["reason"],
            region=region,
            send_back=data["send_back"],
        )
        return Response(DraftRejectedSerializer({"rejected": rejected}).data)

    @operation(responses={204: None}, summary="Leave a wrong answer to a check image unexplained")
    def delete(self, request: Request, project_id: uuid.UUID, draft_id: uuid.UUID) -> Response:
        dismiss_draft(project=project_of(request, project_id, Role.REVIEWER), public_id=draft_id)
        return Response(status=204)


def shown_to_worker(rows: Sequence[RejectedAnswer]) -> list[Any]:
    """Return the rows with what a worker reads of them: their own answer and the image as it was shown."""
    bodies, shown = bodies_of(rows=rows), list[Any](rows)
    for row in shown:
        row.answer = bodies[row.assignment_id]
        row.image = f"/api/v1/assignments/{row.assignment.public_id}/image"
        row.correct_until = kept_until(row)
    return shown


def _own(request: Request, rejected_id: uuid.UUID) -> None:
    """Restrict a key to its own organization; the service checks that the answer is the worker's."""
    if isinstance(request.auth, ApiToken):
        row = rejected_answers_of(worker=actor_of(request)).filter(public_id=rejected_id).first()
        if row is None:
            raise NotFound
        same_organisation(request, row.project.organisation_id)


def _appeal(request: Request, appeal_id: uuid.UUID) -> RejectedAnswer:
    row = appeal_for(public_id=appeal_id)
    try:
        project_of(request, row.project.public_id, Role.REVIEWER)
    except NotFound as error:
        raise NotFound from error
    return row


def _appeals(request: Request, project: Project, rows: Sequence[RejectedAnswer]) -> list[Any]:
    refused = who_may_not_decide(actor=actor_of(request), rows=rows)
    people = {row.worker.public_id for row in rows}
    names = display_names_for(actor_of(request), organisation_id=project.organisation_id, actors=people)
    shown = _with_image(rows)
    for row in shown:
        row.name = names[str(row.worker.public_id)]
        row.may_decide = row.state == State.APPEALED and row.pk not in refused
    return [AppealSerializer(row).data for row in shown]


def _drafts(rows: Sequence[RejectedAnswer]) -> list[Any]:
    return [DraftSerializer(row).data for row in _with_image(rows)]


def _with_image(rows: Sequence[RejectedAnswer]) -> list[Any]:
    bodies, shown = bodies_of(rows=rows), list[Any](rows)
    for row in shown:
        row.answer = bodies[row.assignment_id]
        row.image = image_of(row).public_id
        row.task = row.assignment.task.public_id if row.assignment.task else None
    return shown
