"""Labels, their evidence and verdicts."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.selectors import display_names_for
from kernel.errors import NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.described_reports import EvidenceSerializer
from tasks.api.operations import operation
from tasks.api.pagination import ByImage, listing, page_at_once
from tasks.api.request_bodies import AnswerSerializer, body_of, valid
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.selectors import current_labels
from tasks.flow.rejection import reject_label
from tasks.review.models import Review
from tasks.review.services import approve_label, fix_label


class LabelSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField(source="task.public_id")
    image = serializers.UUIDField(source="task.image.public_id")
    source_key = serializers.CharField(source="task.image.source_key")
    state = serializers.CharField(source="task.state")
    version = serializers.IntegerField()
    label_hash = serializers.CharField(source="content_hash")
    method = serializers.CharField()
    confidence = serializers.FloatField()
    answer = AnswerSerializer(source="body", help_text="The agreed label")


class ReviewSerializer(serializers.Serializer[Any]):
    label_hash = serializers.CharField(max_length=64, help_text="Hash of the label that you reviewed")
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    answer = AnswerSerializer(required=False, help_text="The corrected label; required for `fix`")
    again = serializers.BooleanField(default=False, help_text="Override a verdict that a person has already given")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["verdict"] == Review.Verdict.FIX and "answer" not in attrs:
            raise serializers.ValidationError({"answer": "A fix requires the corrected label."})
        if attrs["verdict"] != Review.Verdict.FIX and "answer" in attrs:
            raise serializers.ValidationError({"answer": "Only a fix has a corrected label. Leave it out."})
        if attrs["verdict"] == Review.Verdict.REJECT and not attrs["reason"].strip():
            raise serializers.ValidationError({"reason": "Give a reason, so the next answers are better."})
        return attrs


class VerdictSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    verdict = serializers.CharField()
    label_hash = serializers.CharField()
    by_policy = serializers.BooleanField()


class LabelsView(View):
    @listing(
        LabelSerializer,
        parameters=[
            OpenApiParameter("state", str, enum=Task.State.values, description="State of the task"),
            OpenApiParameter("batch", uuid.UUID, description="Id of a batch"),
        ],
        summary="Agreed labels of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.REVIEWER)
        rows = current_labels(project=project)
        state, batch = request.query_params.get("state"), request.query_params.get("batch")
        if state:
            rows = rows.filter(task__state=state)
        if batch:
            rows = rows.filter(task__batch__public_id=batch)
        shape = LabelSerializer().to_representation
        return page_at_once(request, rows, lambda labels: [shape(label) for label in labels], order=ByImage)


class EvidenceView(View):
    @operation(responses=EvidenceSerializer, summary="The evidence behind a label")
    def get(self, request: Request, task_id: uuid.UUID) -> Response:
        task = task_of(request, task_id, Role.REVIEWER)
        evidence = task_evidence(task=task)
        people = [answer["worker"] for answer in evidence["answers"] if not answer["model"]]
        names = display_names_for(actor_of(request), organisation_id=task.project.organisation_id, actors=people)
        for answer in evidence["answers"]:
            answer["name"] = answer["model"] or names[answer["worker"]]
        return Response(evidence)


class ReviewView(View):
    scopes = {"POST": "review"}

    def check_access(self, request: Request, **ids: Any) -> None:
        task_of(request, ids["task_id"], Role.REVIEWER)

    @operation(
        request=ReviewSerializer,
        bodies=examples.REVIEW,
        responses=VerdictSerializer,
        summary="Approve, fix or reject a label",
    )
    def post(self, request: Request, task_id: uuid.UUID) -> Response:
        task = task_of(request, task_id, Role.REVIEWER)
        data = valid(ReviewSerializer(data=request.data))
        arguments: dict[str, Any] = {
            "reviewer": actor_of(request),
            "task": task,
            "label_hash": data["label_hash"],
            "again": data["again"],
        }
        if data["verdict"] == Review.Verdict.APPROVE:
            verdict = approve_label(**arguments)
        elif data["verdict"] == Review.Verdict.FIX:
            verdict = fix_label(**arguments, raw=body_of(request)["answer"])
        else:
            verdict = reject_label(**arguments, reason=data["reason"])
        return Response(VerdictSerializer(verdict).data)


def task_of(request: Request, task_id: uuid.UUID, role: str) -> Task:
    task = Task.objects.select_related("project", "batch", "image").filter(public_id=task_id).first()
    if task is None:
        raise NotFound
    project_of(request, task.project.public_id, role)
    return task
