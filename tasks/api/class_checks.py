"""Bulk review by class: crops of the objects of one class, and which labels are wrong."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from projects.selectors import schema_of
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.operations import operation
from tasks.api.request_bodies import valid
from tasks.review.class_checks import EXAMINED, MAX_LABELS, Looked, Outcome, check_class, crops_to_check


class CropSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField(source="label.task.public_id")
    image = serializers.UUIDField(source="label.task.image.public_id")
    label_hash = serializers.CharField(source="label.content_hash")
    x = serializers.FloatField(help_text="In pixels of the upright image")
    y = serializers.FloatField()
    w = serializers.FloatField()
    h = serializers.FloatField()
    is_image = serializers.BooleanField(help_text="It is the class of the whole image")


class CropsSerializer(serializers.Serializer[Any]):
    crops = CropSerializer(many=True)
    next_start = serializers.IntegerField(allow_null=True, help_text="Send it as `start` for the next crops")


class LookedSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField()
    label_hash = serializers.CharField(max_length=64, help_text="Hash of the label whose crops you saw")
    wrong = serializers.BooleanField(default=False, help_text="Whether any of its crops is wrong")


class ClassCheckSerializer(serializers.Serializer[Any]):
    labels = serializers.ListField(child=LookedSerializer(), allow_empty=False, max_length=MAX_LABELS)

    def get_fields(self) -> dict[str, Any]:
        # `class` is a keyword of Python.
        return {"class": serializers.IntegerField(min_value=0), **super().get_fields()}

    def validate_labels(self, labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({row["task"] for row in labels}) < len(labels):
            raise serializers.ValidationError("A task is listed twice. Name each once, as wrong if any crop is.")
        return labels


class CheckedSerializer(serializers.Serializer[Any]):
    task = serializers.UUIDField()
    outcome = serializers.ChoiceField(
        choices=[str(each) for each in Outcome],
        help_text="`passed`: not approved until its other classes are looked at. `stale`: it changed, or was decided",
    )


class ClassCheckedSerializer(serializers.Serializer[Any]):
    labels = CheckedSerializer(many=True)


class ClassChecksView(View):
    scopes = {"POST": "review"}

    def check_access(self, request: Request, **ids: Any) -> None:
        project_of(request, ids["project_id"], Role.REVIEWER)

    @operation(
        parameters=[
            OpenApiParameter("class", int, description="Number of a class; the first of the schema by default"),
            OpenApiParameter("start", int, description=f"Number of the first label; {EXAMINED:,} are looked through"),
        ],
        responses=CropsSerializer,
        summary="What the labels to review have of a class",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """About 100 crops that nobody has looked at, of the least certain labels; those of a label come together."""
        project = project_of(request, project_id, Role.REVIEWER)
        query = request.query_params
        first = next((each.number for each in schema_of(project=project).classes), 0)
        number, start = int(query.get("class", first)), int(query.get("start", 0))
        found = crops_to_check(project=project, class_number=number, start=start)
        return Response(CropsSerializer(found).data)

    @operation(
        request=ClassCheckSerializer,
        bodies=examples.CLASS_CHECK,
        responses=ClassCheckedSerializer,
        summary="Approve what is right in a class, and strike what is wrong",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """In one transaction. A label is approved once all of its classes are right; one that was struck stays in the
        queue. A label that changed since you saw it is reported as `stale` and left as it is."""
        project = project_of(request, project_id, Role.REVIEWER)
        data = valid(ClassCheckSerializer(data=request.data))
        labels = [Looked(row["task"], row["label_hash"], row["wrong"]) for row in data["labels"]]
        outcomes = check_class(reviewer=actor_of(request), project=project, class_number=data["class"], labels=labels)
        rows = [{"task": each.task, "outcome": str(outcomes[each.task])} for each in labels]
        return Response(ClassCheckedSerializer({"labels": rows}).data)
