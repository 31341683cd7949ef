"""Shared by requests and responses: validation of bodies, and serializers of common values."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request

from tasks.api.described import ImageLabelField
from tasks.api.label_objects import LabelObjectsField
from tasks.api.operations import unknown_errors, unknown_message

GENERAL = "non_field_errors"
MAX_PATH = 200  # characters of an unknown name in a message


def valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The validated data; raises a validation error that lists each invalid field, and each that does not exist."""
    unknown: dict[str, Any] = unknown_errors(_unknown_fields(serializer, serializer.initial_data), what="field")
    if not serializer.is_valid() or unknown:
        # Both may have errors that are about no single field.
        general = [*filter(None, [unknown.pop(GENERAL, None)]), *serializer.errors.get(GENERAL, [])]
        raise serializers.ValidationError({**unknown, **serializer.errors} | ({GENERAL: general} if general else {}))
    return cast(dict[str, Any], serializer.validated_data)


def _unknown_fields(
    serializer: serializers.BaseSerializer[Any], data: Any, path: str = ""
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the path of each field that cannot be sent, at any depth, with a function that says what is wrong."""
    if not isinstance(serializer, serializers.Serializer) or not isinstance(data, Mapping):
        return
    fields = {name: field for name, field in serializer.fields.items() if not field.read_only}
    for name in data:
        field = fields.get(name)
        if field is not None:
            yield from _within(field, data[name], f"{path}{name}")
        elif name in serializer.fields:
            yield f"{path}{name}"[:MAX_PATH], lambda: "This field cannot be set. Leave it out."
        elif not getattr(serializer, "is_outline", False):
            yield f"{path}{name}"[:MAX_PATH], partial(unknown_message, name, list(fields), what="field")


def _within(field: Any, data: Any, path: str) -> Iterator[tuple[str, Callable[[], str]]]:
    child = getattr(field, "child", None)
    if child is None or not isinstance(data, list):
        yield from _unknown_fields(field, data, f"{path}.")
        return
    for number, item in enumerate(data):
        yield from _unknown_fields(child, item, f"{path}.{number}.")


def body_of(request: Request) -> dict[str, Any]:
    """The decoded JSON body; `JsonParser` accepts only objects."""
    return cast(dict[str, Any], request.data)


ANSWER_FIELDS = ("image", "objects", "verdict")


class AnswerSerializer(serializers.Serializer[Any]):
    """The canonical answer, for the OpenAPI schema only: `annotary_core.labels` parses it.

    Geometry is in pixels of the upright image: origin at the outer corner of the first pixel, x right, y down.
    """

    image = ImageLabelField(required=False)
    objects = LabelObjectsField(required=False, help_text="At most 1,000")
    verdict = serializers.ChoiceField(choices=["labels", "empty", "cannot_tell"])
    # `annotary_core.labels` refuses unknown fields in its own words, with their path.
    is_outline = True

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Stored answers are canonical JSON. Copying them field by field takes most of the time of a long list."""
        return {name: instance[name] for name in ANSWER_FIELDS if name in instance}


class RegionSerializer(serializers.Serializer[Any]):
    """In pixels of the upright image: the corner with the least x and y, width and height."""

    x = serializers.FloatField()
    y = serializers.FloatField()
    w = serializers.FloatField()
    h = serializers.FloatField()
