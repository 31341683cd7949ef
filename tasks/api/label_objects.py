"""How the OpenAPI document describes the objects of an answer: one schema per shape, told apart by `tool`."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Shape
from tasks.api.described import WithClassSerializer


class GeometryField(serializers.DictField):
    """A geometry, described by its shape."""

    def __init__(self, *, shape: Shape, **options: Any) -> None:
        super().__init__(**options)
        self.shape = shape


class GeometrySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # spectacular's registry is untyped
    """A component named after the shape."""

    target_class = GeometryField

    def map_serializer_field(
        self, auto_schema: AutoSchema, direction: Literal["request", "response"]
    ) -> dict[str, Any]:
        shape = self.target.shape
        kind = ResolvedComponent.SCHEMA
        component = ResolvedComponent(_class_name(shape), kind, shape.json_schema, shape)  # type: ignore[no-untyped-call]
        auto_schema.registry.register_on_missing(component)
        return component.ref


class LabelObjectSerializer(WithClassSerializer):
    """What objects of all shapes have in common."""

    id = serializers.CharField(max_length=64, help_text="Unique within the answer, chosen by who draws")
    attrs = serializers.DictField(child=serializers.CharField(), required=False, help_text="Not used yet: empty")
    frame = serializers.IntegerField(
        required=False, allow_null=True, write_only=True, help_text="Reserved for videos, and refused until then"
    )
    track = serializers.CharField(
        required=False, allow_null=True, write_only=True, help_text="Reserved for videos, and refused until then"
    )


def object_serializers() -> dict[str, serializers.Serializer[Any] | type[serializers.Serializer[Any]]]:
    """Return the serializer of the objects that each tool draws."""
    return {name: _serializer_of(shape) for name, shape in SHAPES.items()}


def _serializer_of(shape: Shape) -> type[LabelObjectSerializer]:
    @extend_schema_field({"type": "string", "const": shape.name})
    class ToolField(serializers.CharField):
        pass

    fields = {
        "__doc__": f"{shape.noun.with_article.capitalize()} on the image.",
        "tool": ToolField(allow_blank=True),  # without a length of its own
        "geom": GeometryField(shape=shape),
    }
    return type(f"{_class_name(shape)}ObjectSerializer", (LabelObjectSerializer,), fields)


def _class_name(shape: Shape) -> str:
    return "".join(word.capitalize() for word in shape.name.split("_"))


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="LabelObject", serializers=object_serializers, resource_type_field_name="tool", many=True
    )
)
class LabelObjectsField(serializers.ListField):
    child = serializers.DictField()
