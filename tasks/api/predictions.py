"""Predictions of models."""

import re
import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from tasks.api import examples
from tasks.api.access import View, project_of
from tasks.api.operations import operation
from tasks.api.request_bodies import valid
from tasks.flow.model_predictions import MAX_NAME_LENGTH, MAX_PREDICTIONS, add_predictions

#: The canonical form of a class number; it is unique, so that no class can appear twice.
CLASS_NUMBER = re.compile("[1-9][0-9]{0,8}")


class PredictionSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField()
    probabilities = serializers.DictField(
        child=serializers.FloatField(), help_text='By class number, summing to 1: {"1": 0.9, "2": 0.1}'
    )

    def validate_probabilities(self, probabilities: dict[str, float]) -> dict[int, float]:
        unknown = [name for name in probabilities if not CLASS_NUMBER.fullmatch(name)]
        if unknown:
            raise serializers.ValidationError(f"Keys must be class numbers; {unknown[0][:60]!r} is not one.")
        return {int(name): p for name, p in probabilities.items()}


class NewPredictionsSerializer(serializers.Serializer[Any]):
    model = serializers.CharField(
        max_length=MAX_NAME_LENGTH, help_text="Predictions with the same name belong to the same model"
    )
    predictions = serializers.ListField(child=PredictionSerializer(), max_length=MAX_PREDICTIONS)

    def validate_predictions(self, predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({row["image"] for row in predictions}) < len(predictions):
            raise serializers.ValidationError("The list contains an image twice. Send one prediction per image.")
        return predictions


class AddedSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="Number of predictions that are new or changed")


class PredictionsView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=NewPredictionsSerializer,
        bodies=examples.PREDICTIONS,
        responses=AddedSerializer,
        summary="Add class probabilities of a model",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """The model is an additional annotator; its reliability is estimated from check images and people's answers."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewPredictionsSerializer(data=request.data))
        rows = {row["image"]: row["probabilities"] for row in data["predictions"]}
        return Response({"added": add_predictions(project=project, model=data["model"], rows=rows)})
