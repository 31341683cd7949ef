"""The worker's API: answers, one or several at once, skipped images, and the images themselves.

These are the hot calls: bodies are validated by msgspec, and the serializers describe them for the OpenAPI document and
say what is wrong with an invalid one.
"""

import hashlib
import uuid
from typing import Annotated, Any, Literal

import msgspec
import structlog
from django.http import HttpResponseBase
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from kernel.idempotency import MAX_KEY
from storage.views import blob_response
from tasks.annotation.acknowledged import Acknowledgement, SentAnswer, submit_once, submit_together
from tasks.api import examples
from tasks.api.access import View, actor_of, same_organisation
from tasks.api.idempotent import PARAMETER, REPLAYED, require_key
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.problems import ProblemSerializer, handle_exception
from tasks.api.request_bodies import AnswerSerializer, body_of, valid
from tasks.api.responses import json_response
from tasks.api.work import hand_of
from tasks.assignment.models import MAX_NOTE, Assignment, SkipReason
from tasks.assignment.selectors import assignment_for
from tasks.assignment.services import skip_assignment

logger = structlog.get_logger(__name__)

MAX_ANSWERS = 100  # as many as a set may have (projects.models.SIZES)
DAY = 86_400
HOUR = 3600


class AnswerBody(msgspec.Struct):
    """The outline of an answer; `annotary_core.labels` parses it."""

    verdict: Literal["labels", "empty", "cannot_tell"]
    image: dict[str, Any] = {}
    objects: list[dict[str, Any]] = []


class SubmitBody(msgspec.Struct, forbid_unknown_fields=True):
    answer: AnswerBody
    seconds: Annotated[float, msgspec.Meta(ge=0, le=DAY)] | None = None


class KeyedBody(SubmitBody, kw_only=True):
    assignment: Any
    key: Any


class Outline(msgspec.Struct):
    """An item of several answers; the rest of it is checked by itself, so that it refuses no other one."""

    assignment: uuid.UUID
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY)]


class Outlines(msgspec.Struct, forbid_unknown_fields=True):
    answers: Annotated[list[Outline], msgspec.Meta(min_length=1, max_length=MAX_ANSWERS)]


class SubmitSerializer(serializers.Serializer[Any]):
    answer = AnswerSerializer()
    seconds = serializers.FloatField(min_value=0, max_value=DAY, required=False, allow_null=True)


class SubmittedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Id of the assignment")
    state = serializers.ChoiceField(choices=Assignment.State.choices)
    revision = serializers.IntegerField()
    message = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="When the set ends, now that this answer may have renewed it")


class OutlineSerializer(serializers.Serializer[Any]):
    is_outline = True
    assignment = serializers.UUIDField()
    key = serializers.CharField(
        max_length=MAX_KEY, trim_whitespace=False, help_text="The Idempotency-Key with which it would be sent alone"
    )


class OutlinesSerializer(serializers.Serializer[Any]):
    answers = serializers.ListField(child=OutlineSerializer(), allow_empty=False, max_length=MAX_ANSWERS)


# For the OpenAPI schema: an invalid answer does not refuse the others.
class KeyedAnswerSerializer(SubmitSerializer, OutlineSerializer):
    is_outline = False


class KeyedAnswersSerializer(serializers.Serializer[Any]):
    answers = serializers.ListField(child=KeyedAnswerSerializer(), allow_empty=False, max_length=MAX_ANSWERS)


class ResultSerializer(serializers.Serializer[Any]):
    status = serializers.IntegerField(help_text="The status that it would have got alone")
    replayed = serializers.BooleanField(help_text="Whether an earlier call recorded the answer")
    answer = SubmittedSerializer(allow_null=True)
    problem = ProblemSerializer(allow_null=True)


class ResultsSerializer(serializers.Serializer[Any]):
    answers = ResultSerializer(many=True)


class SkipSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(
        choices=SkipReason.choices, required=False, allow_blank=True, default="", help_text="Why, if you want to tell"
    )
    note = serializers.CharField(
        max_length=MAX_NOTE, required=False, allow_blank=True, default="", help_text="Plain text for the manager"
    )


class AnswerView(View):
    scopes = {"PUT": "work"}

    @operation(
        parameters=[PARAMETER],
        request=SubmitSerializer,
        bodies=examples.ANSWERS,
        responses=SubmittedSerializer,
        summary="Submit or change an answer",
    )
    def put(self, request: Request, assignment_id: uuid.UUID) -> HttpResponseBase:
        _check_organisation(request, assignment_id)
        raw_sha256 = hashlib.sha256(request._request.body).hexdigest()  # of the raw body, before parsing
        body = body_of(request)
        seconds = _check_submission(body, SubmitBody, SubmitSerializer)
        answer = SentAnswer(assignment_id, require_key(request), body["answer"], seconds, body, raw_sha256)
        saved = submit_once(worker=actor_of(request), answer=answer)
        response = json_response(saved.body, status=saved.status)
        if saved.replayed:
            response[REPLAYED] = "true"
        return response


class AnswersView(View):
    scopes = {"POST": "work"}

    @operation(
        request=KeyedAnswersSerializer,
        bodies=examples.ANSWERS_TOGETHER,
        responses=ResultsSerializer,
        repeatable="Each answer has a key of its own.",
        summary="Submit several answers of a set",
    )
    def post(self, request: Request, hand_id: uuid.UUID) -> HttpResponseBase:
        """Saves each answer exactly as if it were sent alone with its key, and returns the results in the same order.

        One that is refused does not affect the others.
        """
        if isinstance(request.auth, ApiToken):
            hand_of(request, hand_id)
        read = [_read(item) for item in _items(body_of(request))]
        answers = [item for item in read if isinstance(item, SentAnswer)]
        submitted = iter(submit_together(worker=actor_of(request), hand_id=hand_id, answers=answers))
        results = [next(submitted) if isinstance(item, SentAnswer) else item for item in read]
        return json_response({"answers": [_result(result) for result in results]})


class SkipView(View):
    scopes = {"POST": "work"}

    @operation(
        request=SkipSerializer,
        bodies=examples.SKIP,
        responses={204: None},
        repeatable="Skipping a skipped image changes nothing.",
        summary="Skip an image",
    )
    def post(self, request: Request, assignment_id: uuid.UUID) -> Response:
        """The body may be left out. A reason without a note, or the other way round, is fine."""
        _check_organisation(request, assignment_id)
        data = valid(SkipSerializer(data=request.data or {}))
        skip_assignment(worker=actor_of(request), assignment_id=assignment_id, reason=data["reason"], note=data["note"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class AssignmentImageView(View):
    scopes = {"GET": "work"}
    produces = ("image/*", OCTETS)

    @operation(responses=file_types(*produces), summary="The image to label")
    def get(self, request: Request, assignment_id: uuid.UUID) -> HttpResponseBase:
        assignment = _assignment(request, assignment_id)
        # The id of the assignment is its ETag, and it is kept for no longer than a set: nothing tells what is shown.
        response = blob_response(
            request=request._request,
            blob=assignment.rendition,
            name="image",
            etag=str(assignment.public_id),
            max_age=HOUR,
        )
        return as_negotiated(request, response, self.produces)


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of several answers, each with assignment and key. Raises a validation error."""
    try:
        msgspec.convert(body, Outlines)
    except msgspec.ValidationError:
        outlines = valid(OutlinesSerializer(data=body))["answers"]
        # The serializer also takes other forms of an id or key, such as numbers.
        return [{**item, **outline} for item, outline in zip(body["answers"], outlines, strict=True)]
    items: list[dict[str, Any]] = body["answers"]
    return items


def _read(item: dict[str, Any]) -> SentAnswer | serializers.ValidationError:
    try:
        seconds = _check_submission(item, KeyedBody, KeyedAnswerSerializer)
    except serializers.ValidationError as error:
        return error
    sent = {name: value for name, value in item.items() if name not in {"assignment", "key"}}
    return SentAnswer(uuid.UUID(str(item["assignment"])), item["key"], item["answer"], seconds, sent)


def _result(result: Acknowledgement | Exception) -> dict[str, Any]:
    if isinstance(result, Acknowledgement):
        return {"status": result.status, "replayed": result.replayed, "answer": result.body, "problem": None}
    refused = handle_exception(result, {})
    logger.warning("answer refused", problem=refused.data["type"], status=refused.status_code)
    return {"status": refused.status_code, "replayed": False, "answer": None, "problem": refused.data}


def _check_submission(
    body: dict[str, Any], outline: type[SubmitBody], serializer: type[SubmitSerializer]
) -> float | None:
    """Return the seconds of a body with an answer. Raises a validation error that lists each invalid field."""
    try:
        return msgspec.convert(body, outline).seconds
    except msgspec.ValidationError:
        seconds: float | None = valid(serializer(data=body)).get("seconds")
        return seconds


def _check_organisation(request: Request, assignment_id: uuid.UUID) -> None:
    """Restrict a key to its own organization; the services check that the assignment belongs to the worker."""
    if isinstance(request.auth, ApiToken):
        _assignment(request, assignment_id)


def _assignment(request: Request, assignment_id: uuid.UUID) -> Assignment:
    assignment = assignment_for(worker=actor_of(request), assignment_id=assignment_id)
    if isinstance(request.auth, ApiToken):  # not queried for sessions, since pages show many images
        same_organisation(request, assignment.project.organisation_id)
    return assignment
