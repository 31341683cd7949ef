"""Several verdicts in one call."""

import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import AnnotaryError
from kernel.idempotency import check_body
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.idempotent import HEADER, OPTIONAL_PARAMETER, REPLAYED, body_hash, require_key, run_once
from tasks.api.operations import operation
from tasks.api.problems import ProblemSerializer, handle_exception
from tasks.api.request_bodies import body_of, valid
from tasks.api.review import ReviewSerializer, VerdictSerializer, verdict_of
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.review.models import Review, StagePass

logger = structlog.get_logger(__name__)

MAX_REVIEWS = 500
#: Verdicts of one transaction: few enough to release the locks of batches and tasks soon.
CHUNK = 25


class TaskReviewSerializer(ReviewSerializer):
    task = serializers.UUIDField()


class ReviewsSerializer(serializers.Serializer[Any]):
    reviews = serializers.ListField(child=TaskReviewSerializer(), allow_empty=False, max_length=MAX_REVIEWS)

    def validate_reviews(self, reviews: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen: set[uuid.UUID] = set()
        for row in reviews:
            if row["task"] in seen:
                raise serializers.ValidationError(f"The task {row['task']} is listed twice. Give one verdict on it.")
            seen.add(row["task"])
        return reviews


class ReviewResultSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField()
    status = serializers.IntegerField(help_text="The status that it would have got alone")
    review = VerdictSerializer(allow_null=True)
    problem = ProblemSerializer(allow_null=True)


class ReviewResultsSerializer(serializers.Serializer[Any]):
    reviews = ReviewResultSerializer(many=True)


class ReviewsView(View):
    scopes = {"POST": "review"}

    @operation(
        parameters=[OPTIONAL_PARAMETER],
        request=ReviewsSerializer,
        bodies=examples.REVIEWS,
        responses=ReviewResultsSerializer,
        summary="Approve, fix or reject up to 500 labels",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Decides on each label exactly as if it were sent alone, and returns the results in the same order.

        One that is refused does not affect the others. The work is done in several transactions: if the call breaks
        off, repeat it with its Idempotency-Key, which completes it without deciding anything twice.
        """
        project = project_of(request, project_id, Role.REVIEWER)
        sha256 = body_hash(request)
        if HEADER in request.headers:
            key, first = require_key(request), _operation(project, 0)
            check_body(actor_id=actor_of(request).pk, operation=first, key=key, body_sha256=sha256)
        data = valid(ReviewsSerializer(data=request.data))["reviews"]
        raw = body_of(request)["reviews"]
        verdicts = [verdict_of(row["task"], row, sent.get("answer")) for row, sent in zip(data, raw, strict=True)]
        results: list[Any] = []
        is_new = False
        for number, start in enumerate(range(0, len(verdicts), CHUNK)):
            chunk = verdicts[start : start + CHUNK]

            def act(chunk: list[Verdict] = chunk) -> tuple[int, Any]:
                reviews = give_verdicts(reviewer=actor_of(request), project=project, verdicts=chunk)
                return 200, [_result(each.task, review) for each, review in zip(chunk, reviews, strict=True)]

            body, has_run = _run(request, _operation(project, number), sha256, act)
            results += body
            is_new = is_new or has_run
        response = Response({"reviews": results})
        if not is_new:
            response[REPLAYED] = "true"
        return response


def _operation(project: Project, number: int) -> str:
    """What the key is for: each chunk is done once."""
    return f"reviews:{project.public_id}:{number}"


def _run(request: Request, operation: str, sha256: str, act: Callable[[], tuple[int, Any]]) -> tuple[Any, bool]:
    """Run `act` in a transaction, once for the Idempotency-Key if there is one. Also: whether it did the work."""
    if HEADER in request.headers:
        _, body, has_run = run_once(request, operation=operation, body_sha256=sha256, act=act)
        return body, has_run
    with transaction.atomic():
        return act()[1], True


def _result(task: uuid.UUID, review: Review | StagePass | AnnotaryError) -> dict[str, Any]:
    if isinstance(review, Review | StagePass):
        return {"task": str(task), "status": 200, "review": dict(VerdictSerializer(review).data), "problem": None}
    refused = handle_exception(review, {})
    logger.warning("review refused", problem=refused.data["type"], status=refused.status_code)
    return {"task": str(task), "status": refused.status_code, "review": None, "problem": refused.data}
