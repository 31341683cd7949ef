"""The structure of JSON that other modules compute, for the OpenAPI document: these serializers never serialize.

A field here is a plain JSON field whose content is passed through, described by the serializer beside it.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


class WorkProgressSerializer(serializers.Serializer[Any]):
    """How far a long piece of work has come; it is updated about once a second."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True, help_text="Null while it is not known yet")
    unit = serializers.ChoiceField(choices=["files", "images"], help_text="What is counted")


class EventDataSerializer(serializers.Serializer[Any]):
    """What an event is about: some of these fields, depending on its type, and perhaps others in future versions."""

    batch = serializers.UUIDField(required=False)
    task = serializers.UUIDField(required=False)
    worker = serializers.UUIDField(required=False)
    snapshot = serializers.UUIDField(required=False, help_text="A release")
    export = serializers.UUIDField(required=False)
    by = serializers.UUIDField(required=False, help_text="Who did it")
    state = serializers.CharField(required=False)
    progress = WorkProgressSerializer(required=False)
    number = serializers.IntegerField(required=False, help_text="Of the release")
    format = serializers.CharField(required=False)
    verdict = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    by_policy = serializers.BooleanField(required=False)
    total = serializers.IntegerField(required=False, help_text="Files of the import")
    taken = serializers.IntegerField(required=False)
    duplicates = serializers.IntegerField(required=False)
    refused = serializers.IntegerField(required=False)
    size = serializers.IntegerField(required=False, help_text="Images of the set")
    images = serializers.IntegerField(required=False)
    answers = serializers.IntegerField(required=False)
    labels = serializers.IntegerField(required=False)
    version = serializers.IntegerField(required=False)
    moved = serializers.IntegerField(required=False)

    def get_fields(self) -> Fields:
        # `import` is a keyword of Python.
        return {"import": serializers.UUIDField(required=False), **super().get_fields()}


@extend_schema_field(EventDataSerializer)
class EventDataField(serializers.DictField):
    pass


class WithClassSerializer(serializers.Serializer[Any]):
    """Serializers with the field `class`, a keyword of Python."""

    def get_fields(self) -> Fields:
        number = serializers.IntegerField(min_value=1, **self.class_options, help_text="Number of the class")
        return {"class": number, **super().get_fields()}

    class_options: dict[str, Any] = {}


class ImageLabelSerializer(WithClassSerializer):
    """What is said of the image as a whole; null where the project has no classes of images."""

    class_options = {"required": False, "allow_null": True}
    tags = serializers.ListField(child=serializers.CharField(), required=False, help_text="Not used yet: empty")
    attrs = serializers.DictField(child=serializers.CharField(), required=False, help_text="Not used yet: empty")


class QualitySerializer(serializers.Serializer[Any]):
    format = serializers.CharField(required=False, help_text="Format of the original file")
    mode = serializers.CharField(required=False, help_text="Color mode of the original file")
    sharpness = serializers.FloatField(required=False, help_text="Variance of the Laplacian, in gray levels squared")
    brightness = serializers.FloatField(required=False, help_text="Mean, 0 to 1")
    contrast = serializers.FloatField(required=False, help_text="Standard deviation, 0 to 1")
    notes = serializers.ListField(child=serializers.CharField(), required=False, help_text="What was done to the file")


class RetiredClassSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField()


class ReleaseCountsSerializer(serializers.Serializer[Any]):
    """What a release contains; empty until it is ready."""

    images = serializers.IntegerField(required=False)
    objects = serializers.IntegerField(required=False)
    empty = serializers.IntegerField(required=False, help_text="Images without an object")
    splits = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="Images by split")
    review = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="Images by kind of review"
    )
    methods = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="Images by method")
    images_by_class = serializers.DictField(child=serializers.IntegerField(), required=False)
    objects_by_class = serializers.DictField(child=serializers.IntegerField(), required=False)
    left_out = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="Images by reason")
    retired_classes = RetiredClassSerializer(many=True, required=False, help_text="Used, but retired by now")
    same_as = serializers.IntegerField(required=False, help_text="Number of an earlier release with the same content")


class SplitCountsSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    objects = serializers.IntegerField()


class ListedSerializer(serializers.Serializer[Any]):
    why = serializers.CharField()
    count = serializers.IntegerField()
    names = serializers.ListField(child=serializers.CharField(), help_text="The first ones")


class ExportReportSerializer(serializers.Serializer[Any]):
    """What an export contains; empty until it is ready."""

    format = serializers.CharField(required=False)
    images = serializers.IntegerField(required=False)
    objects = serializers.IntegerField(required=False)
    splits = serializers.DictField(child=SplitCountsSerializer(), required=False)
    objects_by_class = serializers.DictField(child=serializers.IntegerField(), required=False)
    images_by_class = serializers.DictField(child=serializers.IntegerField(), required=False)
    left_out = serializers.DictField(
        child=ListedSerializer(), required=False, help_text="What the format cannot represent, by reason"
    )
    renamed = ListedSerializer(required=False)
    notes = serializers.ListField(child=serializers.CharField(), required=False)


class TableProblemSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    reason = serializers.CharField()


class ImportMetadataSerializer(serializers.Serializer[Any]):
    named = serializers.IntegerField(help_text="Files that the table names")
    unmatched = serializers.ListField(child=serializers.CharField(), help_text="The first names that match no file")
    unmatched_count = serializers.IntegerField()
    problems = TableProblemSerializer(
        many=True, help_text="The first names that could mean several files, or that match a file of another name"
    )
    problem_count = serializers.IntegerField()


@extend_schema_field(ImageLabelSerializer)
class ImageLabelField(serializers.DictField):
    pass


@extend_schema_field(QualitySerializer)
class QualityField(serializers.DictField):
    pass


@extend_schema_field(ReleaseCountsSerializer)
class ReleaseCountsField(serializers.DictField):
    pass


@extend_schema_field(ExportReportSerializer)
class ExportReportField(serializers.DictField):
    pass


@extend_schema_field(ImportMetadataSerializer)
class ImportMetadataField(serializers.DictField):
    pass
