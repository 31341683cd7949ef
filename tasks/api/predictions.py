"""What models say of images."""

import re
import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from tasks.api.access import View, project_of
from tasks.api.shapes import valid
from tasks.flow.model_predictions import LONGEST_NAME, MOST, add_predictions

#: As the classes of a project are numbered; each in one way, so that no class stands there twice.
CLASS_NUMBER = re.compile("[1-9][0-9]{0,8}")


class PredictionSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField()
    probabilities = serializers.DictField(
        child=serializers.FloatField(), help_text='By class number, summing to 1: {"1": 0.9, "2": 0.1}'
    )

    def validate_probabilities(self, given: dict[str, float]) -> dict[int, float]:
        unknown = [name for name in given if not CLASS_NUMBER.fullmatch(name)]
        if unknown:
            raise serializers.ValidationError(f"Classes go by their numbers; {unknown[0][:60]!r} is none.")
        return {int(name): p for name, p in given.items()}


class NewPredictionsSerializer(serializers.Serializer[Any]):
    model = serializers.CharField(max_length=LONGEST_NAME, help_text="The same name is the same annotator")
    predictions = serializers.ListField(child=PredictionSerializer(), max_length=MOST)

    def validate_predictions(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({row["image"] for row in given}) < len(given):
            raise serializers.ValidationError("An image stands here twice; send one prediction for each.")
        return given


class AddedSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="How many say something new")


class PredictionsView(View):
    scopes = {"POST": "manage"}

    @extend_schema(
        request=NewPredictionsSerializer,
        responses=AddedSerializer,
        summary="Class probabilities of a model, as one more annotator",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """They use no place and earn nothing; how far they are believed is learnt from check images and people."""
        project = project_of(request, project_id, Role.MANAGER)
        given = valid(NewPredictionsSerializer(data=request.data))
        rows = {row["image"]: row["probabilities"] for row in given["predictions"]}
        return Response({"added": add_predictions(project=project, model=given["model"], rows=rows)})
