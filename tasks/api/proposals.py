"""Changes of approved labels that new estimates of the workers propose, and what a manager decides about them."""

import uuid
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from tasks.analytics.proposed_changes import accuracy_shifts, proposal_rows
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import by_id, times
from tasks.api.operations import operation
from tasks.api.pagination import PARAMETERS, page
from tasks.api.request_bodies import AnswerSerializer, valid
from tasks.consensus.label_proposals import keep_labels, proposals_token, send_to_review

MAX_IDS = 10_000


class AccuracyShiftSerializer(serializers.Serializer[Any]):
    worker = serializers.CharField(help_text="Pseudonym of a worker, or name of a model")
    before = serializers.FloatField(allow_null=True, help_text="Expected accuracy when the label was written")
    now = serializers.FloatField(help_text="Expected accuracy now")


class ProposedChangeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    task = serializers.UUIDField(source="task.public_id")
    image = serializers.UUIDField(source="task.image.public_id")
    source_key = serializers.CharField(source="task.image.source_key")
    proposed_at = serializers.DateTimeField(source="created_at")
    label_hash = serializers.CharField(source="label.content_hash")
    approved = AnswerSerializer(source="label.body", help_text="The approved label")
    approved_confidence = serializers.FloatField(source="label.confidence", help_text="Its confidence when written")
    approved_confidence_now = serializers.FloatField(
        source="label_confidence", help_text="Its confidence under the new estimates"
    )
    proposed = AnswerSerializer(source="body", help_text="What the new estimates support instead")
    proposed_confidence = serializers.FloatField(source="confidence")
    workers = AccuracyShiftSerializer(many=True, source="shifts", help_text="Whose answers count differently now")


class DecisionSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MAX_IDS, help_text="The changes to decide"
    )
    token = serializers.CharField(
        required=False, max_length=64, help_text="Instead of `ids`: all changes of the list with this token"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("token" in attrs):
            raise serializers.ValidationError("Send either `ids` or the `token` of the list.")
        return attrs


class DecidedSerializer(serializers.Serializer[Any]):
    labels = serializers.IntegerField(help_text="The number of approved labels that this decided")


class ProposedChangesView(View):
    @operation(
        filters=[
            by_id("task", "task__public_id", what="a task"),
            by_id("image", "task__image__public_id", what="an image"),
            *times("proposed", "created_at", "Proposed"),
        ],
        parameters=PARAMETERS,
        responses=inline_serializer(
            "ProposedChangePage",
            {
                "next": serializers.URLField(allow_null=True, help_text="URL of the next page"),
                "previous": serializers.URLField(allow_null=True, help_text="URL of the previous page"),
                "results": ProposedChangeSerializer(many=True),
                "count": serializers.IntegerField(help_text="The number of changes in the complete list"),
                "token": serializers.CharField(help_text="Stands for the complete list, to decide all of it"),
            },
        ),
        summary="Changes of approved labels that new estimates propose",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.REVIEWER)
        rows = proposal_rows(project=project)
        # Before the page: a change that appears in between makes the token stale, and is not decided unseen.
        token = proposals_token(project=project)
        shape = ProposedChangeSerializer().to_representation
        response = page(request, rows, lambda row: shape(_with_shifts(row)), newest_first=False)
        response.data |= {"count": rows.count(), "token": token}
        return response


class ProposedChangesStepView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=DecisionSerializer,
        bodies=examples.DECISION,
        responses=DecidedSerializer,
        summary="Send labels with proposed changes back to review, or keep them",
    )
    def post(self, request: Request, project_id: uuid.UUID, step: str) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(DecisionSerializer(data=request.data))
        decide = send_to_review if step == "send" else keep_labels
        labels = decide(project=project, by=actor_of(request), ids=data.get("ids"), token=data.get("token", ""))
        return Response(DecidedSerializer({"labels": labels}).data)


def _with_shifts(row: Any) -> Any:
    row.shifts = accuracy_shifts(before=row.label.evidence, now=row.evidence)
    return row
