"""Shared by requests and responses: validation of bodies, and serializers of common values."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request


def valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The validated data; raises a validation error that lists each invalid field."""
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


def body_of(request: Request) -> dict[str, Any]:
    """The decoded JSON body; `JsonParser` accepts only objects."""
    return cast(dict[str, Any], request.data)


ANSWER_FIELDS = ("image", "objects", "verdict")


class AnswerSerializer(serializers.Serializer[Any]):
    """The canonical answer, for the OpenAPI schema only: `annotary_core.labels` parses it.

    Geometry is in pixels of the upright image: origin at the outer corner of the first pixel, x right, y down.
    """

    image = serializers.DictField(required=False, help_text='{"class": 1, "tags": [], "attrs": {}}')
    objects = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text='[{"id": "a", "class": 1, "tool": "box", "geom": {"x": 0, "y": 0, "w": 10, "h": 10}, "attrs": {}}]',
    )
    verdict = serializers.ChoiceField(choices=["labels", "empty", "cannot_tell"])

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Stored answers are canonical JSON. Copying them field by field takes most of the time of a long list."""
        return {name: instance[name] for name in ANSWER_FIELDS if name in instance}
