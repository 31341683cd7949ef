"""Labels, their evidence and verdicts."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.selectors import display_names_for
from kernel.errors import Forbidden
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.described_reports import EvidenceSerializer
from tasks.api.filters import Filter, by_id, created, has_class, one_of, prefix
from tasks.api.operations import operation
from tasks.api.pagination import ByImage, listing, page_at_once
from tasks.api.request_bodies import AnswerSerializer, RegionSerializer, body_of, valid
from tasks.api.tasks import LabelSerializer, task_of
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.selectors import current_labels
from tasks.flow.bulk_review import Verdict, give_verdict
from tasks.review.models import Review
from tasks.review.selectors import REVIEW_LISTS, review_list
from tasks.review.stages import own_stages, stages_of


class ReviewSerializer(serializers.Serializer[Any]):
    label_hash = serializers.CharField(max_length=64, help_text="Hash of the label that you reviewed")
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    answer = AnswerSerializer(required=False, help_text="The corrected label; required for `fix`")
    region = RegionSerializer(
        required=False, allow_null=True, help_text="The part of the image that a rejection is about"
    )
    send_back = serializers.BooleanField(
        default=False, help_text="Whether the workers whose answer is rejected get the image again to correct it"
    )
    again = serializers.BooleanField(default=False, help_text="Override a verdict that a person has already given")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["verdict"] == Review.Verdict.FIX and "answer" not in attrs:
            raise serializers.ValidationError({"answer": "A fix requires the corrected label."})
        if attrs["verdict"] != Review.Verdict.FIX and "answer" in attrs:
            raise serializers.ValidationError({"answer": "Only a fix has a corrected label. Leave it out."})
        if attrs["verdict"] == Review.Verdict.REJECT and not attrs["reason"].strip():
            raise serializers.ValidationError({"reason": "Give a reason, so the next answers are better."})
        if attrs["verdict"] != Review.Verdict.REJECT and attrs.get("region"):
            raise serializers.ValidationError({"region": "Only a rejection has a region. Leave it out."})
        if attrs["verdict"] != Review.Verdict.REJECT and attrs["send_back"]:
            raise serializers.ValidationError({"send_back": "Only a rejected image is sent back. Leave it out."})
        return attrs


class VerdictSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    verdict = serializers.CharField()
    label_hash = serializers.CharField()
    by_policy = serializers.BooleanField()


class LabelsView(View):
    @listing(
        LabelSerializer,
        filters=[
            one_of("state", Task.State, "task__state", is_indexed=True, what="State of the task"),
            by_id("batch", "task__batch__public_id", what="a batch", is_indexed=True),
            by_id("image", "task__image__public_id", what="an image", is_indexed=True),
            by_id("task", "task__public_id", what="a task", is_indexed=True),
            has_class(),
            Filter("method", "method", "Method that the label was made with, such as `blend`, `single` or `review`"),
            Filter("confidence_below", "confidence__lt", "Less certain than this, 0 to 1", kind=float),
            prefix("task__image__source_key"),
            *created(),
        ],
        parameters=[
            OpenApiParameter(
                "review", str, enum=REVIEW_LISTS[:-1], description="Labels of this list of the review page"
            ),
        ],
        summary="Agreed labels of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """In the order of the images."""
        project = project_of(request, project_id, Role.REVIEWER)
        name = request.query_params.get("review")
        also = review_list(project=project, name=name) if name else None
        shape = LabelSerializer().to_representation
        return page_at_once(
            request,
            current_labels(project=project),
            lambda labels: [shape(label) for label in labels],
            order=ByImage,
            also=also,
        )


class EvidenceView(View):
    @operation(responses=EvidenceSerializer, summary="The evidence behind a label")
    def get(self, request: Request, task_id: uuid.UUID) -> Response:
        task = task_of(request, task_id, Role.REVIEWER)
        evidence = task_evidence(task=task)
        people = [answer["worker"] for answer in evidence["answers"] if not answer["model"]]
        names = display_names_for(actor_of(request), organisation_id=task.project.organisation_id, actors=people)
        answers = [{**answer, "name": answer["model"] or names[answer["worker"]]} for answer in evidence["answers"]]
        return Response({**evidence, "answers": answers})


class ReviewView(View):
    scopes = {"POST": "review"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _task_to_review(request, ids["task_id"])

    @operation(
        request=ReviewSerializer,
        bodies=examples.REVIEW,
        responses=VerdictSerializer,
        summary="Approve, fix or reject a label",
    )
    def post(self, request: Request, task_id: uuid.UUID) -> Response:
        """In a project with stages of review, the label passes the one in which it waits; the last approves it."""
        task = _task_to_review(request, task_id)
        data = valid(ReviewSerializer(data=request.data))
        verdict = verdict_of(task.public_id, data, body_of(request).get("answer"))
        review = give_verdict(reviewer=actor_of(request), task=task, verdict=verdict)
        return Response(VerdictSerializer(review).data)


def _task_to_review(request: Request, task_id: uuid.UUID) -> Task:
    """The task, for reviewers, and for clients who review in a stage of its project. Raises NotFound and Forbidden."""
    try:
        return task_of(request, task_id, Role.REVIEWER)
    except Forbidden:
        task = task_of(request, task_id, Role.CLIENT)
        stages = stages_of(project=task.project)
        if not own_stages(actor=actor_of(request), project=task.project, stages=stages):
            raise
        return task


def verdict_of(task_id: uuid.UUID, data: dict[str, Any], answer: object) -> Verdict:
    """The verdict of a validated body; `answer` as sent, since its serializer only describes it."""
    region = dict(data["region"]) if data.get("region") else None
    return Verdict(
        task_id,
        data["label_hash"],
        data["verdict"],
        data["reason"],
        answer,
        data["again"],
        region,
        data["send_back"],
    )
