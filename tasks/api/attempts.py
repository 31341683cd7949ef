"""Practice and exams for workers. Nothing here is work: it is not paid, and no answer becomes a label."""

import uuid
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from kernel.clock import utc_now
from storage.views import blob_response
from tasks.api import examples
from tasks.api.access import View, actor_of, same_organisation
from tasks.api.answers import HOUR, SubmitSerializer
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.projects import SchemaSerializer
from tasks.api.request_bodies import AnswerSerializer, body_of, valid
from tasks.qualification.models import Attempt, AttemptItem, Qualification
from tasks.qualification.selectors import (
    QualificationForWorker,
    qualification_for_worker,
    qualifications_for,
)
from tasks.qualification.services import (
    accepted_answers,
    answer_item,
    attempt_for,
    end_if_over,
    finish_attempt,
    item_for,
    start_attempt,
)


class MyQualificationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="qualification.public_id")
    name = serializers.CharField(source="qualification.name")
    state = serializers.ChoiceField(source="qualification.state", choices=Qualification.State.choices)
    passed = serializers.BooleanField()
    pass_mark = serializers.FloatField(source="qualification.pass_mark")
    exam_images = serializers.IntegerField(source="qualification.exam_images")
    exam_minutes = serializers.IntegerField(source="qualification.exam_minutes")
    attempts_left = serializers.IntegerField()
    next_number = serializers.IntegerField(help_text="Number that the next exam would have")
    next_at = serializers.DateTimeField(
        allow_null=True, help_text="The exam can be taken from then on; null before the first one"
    )
    may_take = serializers.BooleanField(help_text="Whether you can start the exam now")


class MyQualificationsSerializer(serializers.Serializer[Any]):
    qualifications = MyQualificationSerializer(many=True)


class NewAttemptSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Attempt.Kind.choices)
    number = serializers.IntegerField(
        min_value=1,
        max_value=10_000,
        required=False,
        help_text="Of the exam that you mean to start, from `next_number`: sent again later, the call starts no other",
    )


class PracticeResultSerializer(serializers.Serializer[Any]):
    correct = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True, help_text="How the answer differs from the right one")
    right = AnswerSerializer()
    explanation = serializers.CharField(allow_blank=True, help_text="What the manager says of the image")


class AttemptItemSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    position = serializers.IntegerField()
    width = serializers.IntegerField(help_text="Width of the upright image, in pixels")
    height = serializers.IntegerField()
    image = serializers.CharField(help_text="URL of the image to display")
    answer = AnswerSerializer(allow_null=True)
    result = PracticeResultSerializer(
        allow_null=True, help_text="In practice, once there is an answer; null in an exam, also after it"
    )


class AttemptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    qualification = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Attempt.Kind.choices)
    state = serializers.ChoiceField(choices=Attempt.State.choices)
    number = serializers.IntegerField(allow_null=True, help_text="Of the exam: 1 for your first; null in practice")
    size = serializers.IntegerField()
    pass_mark = serializers.FloatField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the exam ends; null in practice")
    correct = serializers.IntegerField(allow_null=True, help_text="How many answers were right, once it has ended")
    schema = SchemaSerializer()
    instructions = serializers.CharField(allow_blank=True)
    items = AttemptItemSerializer(many=True, help_text="None once an exam has ended")


class MyQualificationsView(View):
    scopes = {"GET": "work"}

    @operation(responses=MyQualificationsSerializer, summary="Qualifications that I have or can take")
    def get(self, request: Request) -> Response:
        rows = qualifications_for(worker=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = [row for row in rows if row.qualification.organisation_id == request.auth.organisation_id]
        return Response(MyQualificationsSerializer({"qualifications": [_mine(row) for row in rows]}).data)


class AttemptsView(View):
    scopes = {"POST": "work"}

    @operation(
        request=NewAttemptSerializer,
        bodies=examples.ATTEMPT,
        responses={201: AttemptSerializer, 200: AttemptSerializer},
        repeatable="A retry returns the attempt that the first call started.",
        summary="Practice, or take the exam",
    )
    def post(self, request: Request, qualification_id: uuid.UUID) -> Response:
        """Returns 201 with a new attempt, or 200 with the one in progress. Starting an exam uses an attempt up."""
        mine = qualification_for_worker(worker=actor_of(request), public_id=qualification_id)
        same_organisation(request, mine.qualification.organisation_id)
        data = valid(NewAttemptSerializer(data=request.data))
        known = {each.pk for each in mine.live.values()}
        attempt = start_attempt(
            worker=actor_of(request),
            qualification=mine.qualification,
            kind=data["kind"],
            number=data.get("number") if data["kind"] == Attempt.Kind.EXAM else None,
        )
        code = status.HTTP_200_OK if attempt.pk in known else status.HTTP_201_CREATED
        return Response(_body(request, attempt), status=code)


class AttemptView(View):
    scopes = {"GET": "work"}

    @operation(responses=AttemptSerializer, summary="A round of practice, or an exam")
    def get(self, request: Request, attempt_id: uuid.UUID) -> Response:
        return Response(_body(request, _attempt(request, attempt_id)))


class FinishView(View):
    scopes = {"POST": "work"}

    @operation(
        request=None,
        responses=AttemptSerializer,
        repeatable="A retry reports the same result and changes nothing.",
        summary="Submit practice or an exam",
    )
    def post(self, request: Request, attempt_id: uuid.UUID) -> Response:
        """Images without an answer count as wrong in an exam."""
        _attempt(request, attempt_id)
        return Response(_body(request, finish_attempt(worker=actor_of(request), attempt_id=attempt_id)))


class AttemptAnswerView(View):
    scopes = {"PUT": "work"}

    @operation(
        request=SubmitSerializer,
        bodies=examples.ANSWERS,
        responses=AttemptItemSerializer,
        summary="Answer an image of practice or of an exam",
    )
    def put(self, request: Request, item_id: uuid.UUID) -> Response:
        """In practice the first answer counts, and the response says whether it is right. In an exam it can be changed
        until the exam ends, and the response says nothing about it."""
        _item(request, item_id)
        data = valid(SubmitSerializer(data=request.data))
        raw = body_of(request)["answer"]
        item = answer_item(worker=actor_of(request), item_id=item_id, raw=raw, seconds=data.get("seconds"))
        return Response(AttemptItemSerializer(_item_body(item)).data)


class AttemptImageView(View):
    scopes = {"GET": "work"}
    produces = ("image/*", OCTETS)

    @operation(responses=file_types(*produces), summary="An image of practice or of an exam")
    def get(self, request: Request, item_id: uuid.UUID) -> HttpResponseBase:
        item = _item(request, item_id)
        response = blob_response(
            request=request._request,
            blob=item.source.image.rendition,
            name="image",
            etag=str(item.public_id),
            max_age=HOUR,
        )
        return as_negotiated(request, response, self.produces)


def _attempt(request: Request, attempt_id: uuid.UUID) -> Attempt:
    attempt = attempt_for(worker=actor_of(request), attempt_id=attempt_id)
    same_organisation(request, attempt.qualification.organisation_id)
    return end_if_over(attempt)


def _item(request: Request, item_id: uuid.UUID) -> AttemptItem:
    item = item_for(worker=actor_of(request), item_id=item_id)
    same_organisation(request, item.attempt.qualification.organisation_id)
    return item


def _mine(row: QualificationForWorker) -> dict[str, Any]:
    return {
        "qualification": row.qualification,
        "passed": row.passed,
        "attempts_left": row.attempts_left,
        "next_number": row.next_number,
        "next_at": row.next_at,
        "may_take": row.may_take(utc_now()),
    }


def _body(request: Request, attempt: Attempt) -> dict[str, Any]:
    loaded = attempt_for(worker=actor_of(request), attempt_id=attempt.public_id)
    project = loaded.qualification.project
    is_ended_exam = loaded.kind == Attempt.Kind.EXAM and loaded.state != Attempt.State.LIVE
    rows = [] if is_ended_exam else loaded.items.select_related("attempt", "source__image").order_by("position")
    body = {
        "id": loaded.public_id,
        "qualification": loaded.qualification.public_id,
        "kind": loaded.kind,
        "state": loaded.state,
        "number": loaded.number,
        "size": loaded.images,
        "pass_mark": loaded.pass_mark,
        "expires_at": loaded.expires_at,
        "correct": loaded.correct,
        "schema": {"version": loaded.schema.version, **loaded.schema.body},
        "instructions": project.instructions.body if project and project.instructions else "",
        "items": [_item_body(row) for row in rows],
    }
    return dict(AttemptSerializer(body).data)


def _item_body(item: AttemptItem) -> dict[str, Any]:
    is_explained = item.attempt.kind == Attempt.Kind.PRACTICE and item.body is not None
    return {
        "id": item.public_id,
        "position": item.position,
        "width": item.source.image.width,
        "height": item.source.image.height,
        "image": f"/api/v1/attempt-items/{item.public_id}/image",
        "answer": item.body,
        "result": {
            "correct": bool(item.correct),
            "why": item.why,
            "right": accepted_answers(item)[0].to_json(),
            "explanation": item.source.explanation,
        }
        if is_explained
        else None,
    }
