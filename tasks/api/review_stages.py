"""The stages of a project's review."""

import uuid
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.operations import operation
from tasks.api.request_bodies import valid
from tasks.qualification.filter_language import MAX_LENGTH
from tasks.review.models import ReviewStage
from tasks.review.stage_settings import MOST_MEMBERS, MOST_STAGES, StageSpec, set_stages
from tasks.review.stages import count_waiting, stages_of


class StageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, allow_null=True, help_text="Of a stage that there is; new without it")
    name = serializers.CharField(max_length=40)
    role = serializers.ChoiceField(
        choices=ReviewStage.Who.choices, default=ReviewStage.Who.REVIEWER, help_text="Who reviews, if nobody is named"
    )
    members = serializers.ListField(
        child=serializers.UUIDField(), default=list, max_length=MOST_MEMBERS, help_text="Only these of the team"
    )
    people_filter = serializers.CharField(
        max_length=MAX_LENGTH, default="", allow_blank=True, help_text="As for workers, such as `skill.birds >= 0.9`"
    )
    labels = serializers.ChoiceField(
        choices=ReviewStage.Labels.choices,
        default=ReviewStage.Labels.ALL,
        help_text="All, a `share` of the images, those with a confidence below `share`, or those of images whose label"
        " the stage before has rejected",
    )
    share = serializers.FloatField(default=1.0, help_text="Above 0, at most 1")
    price = serializers.CharField(default="0", help_text="What the reviewer gets for an image")
    waiting = serializers.IntegerField(read_only=True, help_text="Labels that wait in this stage")


class StagesSerializer(serializers.Serializer[Any]):
    stages = serializers.ListField(child=StageSerializer(), max_length=MOST_STAGES)


class StagesView(View):
    scopes = {"GET": "manage", "PUT": "manage"}

    @operation(responses=StagesSerializer, summary="The stages of a project's review")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """In order. Without any, labels are approved by one reviewer, and those not chosen with their batch."""
        project = project_of(request, project_id, Role.MANAGER)
        return Response(_body(project, stages_of(project=project)))

    @operation(
        request=StagesSerializer,
        bodies=examples.REVIEW_STAGES,
        responses=StagesSerializer,
        summary="Set the stages of a project's review",
    )
    def put(self, request: Request, project_id: uuid.UUID) -> Response:
        """All of them, in order. A label is approved once it has passed the stages that it belongs to."""
        project = project_of(request, project_id, Role.MANAGER)
        rows = valid(StagesSerializer(data=request.data))["stages"]
        stages = set_stages(project=project, specs=[StageSpec(**row) for row in rows], by=actor_of(request))
        return Response(_body(project, stages))


def _body(project: Project, stages: Sequence[ReviewStage]) -> dict[str, Any]:
    waiting = count_waiting(project=project, stages=stages)
    return {
        "stages": [
            {
                "id": str(stage.public_id),
                "name": stage.name,
                "role": stage.role,
                "members": stage.members,
                "people_filter": stage.people_filter,
                "labels": stage.labels,
                "share": stage.share,
                "price": str(stage.price),
                "waiting": waiting[stage.public_id],
            }
            for stage in stages
        ]
    }
