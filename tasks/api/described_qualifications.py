"""The bodies of qualifications in the managers' API."""

from typing import Any

from rest_framework import serializers

from tasks.api.request_bodies import AnswerSerializer
from tasks.flow.qualification_images import MAX_EXPLANATION
from tasks.qualification.models import Qualification, QualificationGrant, QualificationImage
from tasks.qualification.setup import NUMBERS

MOST_REQUIRED = 20


def _number(name: str, what: str) -> serializers.IntegerField:
    _, low, high = NUMBERS[name]
    return serializers.IntegerField(min_value=low, max_value=high, required=False, help_text=what)


class QualificationSettingsSerializer(serializers.Serializer[Any]):
    pass_mark = serializers.FloatField(
        min_value=0.01, max_value=1, required=False, help_text="Share of the exam's images that must be right"
    )
    exam_images = _number("exam_images", "Images in an exam; its pool needs twice as many")
    practice_images = _number("practice_images", "Images in a round of practice")
    exam_minutes = _number("exam_minutes", "Minutes from the start of an exam to its end")
    attempts = _number("attempts", "How often a worker may take the exam")
    wait_hours = _number("wait_hours", "Hours from the end of an exam to the next one")
    skill = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="Skill that an exam sets to the share that was right; empty for none",
    )


class NewQualificationSerializer(QualificationSettingsSerializer):
    name = serializers.CharField(max_length=120)


class QualificationChangeSerializer(QualificationSettingsSerializer):
    name = serializers.CharField(max_length=120, required=False)
    state = serializers.ChoiceField(
        choices=["open", "closed"], required=False, help_text="Open or close it, after the other changes"
    )


class QualificationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    project = serializers.UUIDField(
        source="project.public_id",
        allow_null=True,
        default=None,
        help_text="Whose images and classes it uses; null once that is deleted",
    )
    state = serializers.ChoiceField(choices=Qualification.State.choices)
    pass_mark = serializers.FloatField()
    exam_images = serializers.IntegerField()
    practice_images = serializers.IntegerField()
    exam_minutes = serializers.IntegerField()
    attempts = serializers.IntegerField()
    wait_hours = serializers.IntegerField()
    skill = serializers.CharField(source="skill.name", allow_null=True, default=None)
    exam_pool = serializers.IntegerField(help_text="Images that exams are drawn from")
    practice_pool = serializers.IntegerField(help_text="Images that practice is drawn from")
    holders = serializers.IntegerField(help_text="Workers who have it")
    created_at = serializers.DateTimeField()


class NewQualificationImageSerializer(serializers.Serializer[Any]):
    image = serializers.UUIDField(help_text="An image of the project that no worker has received")
    use = serializers.ChoiceField(choices=QualificationImage.Use.choices)
    answer = AnswerSerializer()
    explanation = serializers.CharField(
        max_length=MAX_EXPLANATION,
        required=False,
        allow_blank=True,
        default="",
        help_text="Shown after the answer in practice; never for an exam",
    )


class QualificationImageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    image = serializers.UUIDField(source="image.public_id")
    source_key = serializers.CharField(source="image.source_key")
    use = serializers.ChoiceField(choices=QualificationImage.Use.choices)
    accepted = AnswerSerializer(many=True)
    explanation = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class HolderSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="Pseudonym of the worker")
    name = serializers.CharField()
    origin = serializers.ChoiceField(choices=QualificationGrant.Source.choices)
    score = serializers.FloatField(allow_null=True, help_text="Share of the exam that was right; null without an exam")
    granted_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class RequirementsChangeSerializer(serializers.Serializer[Any]):
    qualifications = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_REQUIRED, help_text="All that workers need; empty for none"
    )


class RequirementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Id of the qualification")
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Qualification.State.choices)
    workers_without = serializers.IntegerField(
        help_text="Active workers who do not have it, and get no new set until they do"
    )


class RequirementsSerializer(serializers.Serializer[Any]):
    qualifications = RequirementSerializer(many=True)
