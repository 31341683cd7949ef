"""What a change of the answers per image would do and cost, before it is made."""

import uuid
from typing import Any, get_args

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from tasks.api import examples
from tasks.api.access import View, project_of
from tasks.api.operations import operation
from tasks.api.projects import PolicySerializer
from tasks.api.request_bodies import body_of, valid
from tasks.flow.policy_preview import ApplyTo, Effect, PolicyPreview, preview_policy


class EffectSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField(help_text="Images that change")
    answers = serializers.IntegerField(help_text="Answers more in total; negative if fewer")
    cost = serializers.CharField(
        help_text="What these cost at the price after the change, with the share of check images"
    )


class GroupsSerializer(serializers.Serializer[Any]):
    draft = EffectSerializer(help_text="Images in batches that are not open yet; they always follow")
    open = EffectSerializer()
    answered = EffectSerializer()
    approved = EffectSerializer(help_text="Labels stay approved unless new answers clearly contradict them")


class TotalSerializer(EffectSerializer):
    forecast = serializers.CharField(help_text="What the project will have cost once all requested answers are in")
    over_budget = serializers.CharField(help_text="By how much that exceeds the budget; 0 if it does not")


class TotalsSerializer(serializers.Serializer[Any]):
    new = TotalSerializer()
    open = TotalSerializer()
    finished = TotalSerializer()


class PolicyPreviewSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    answer_cost = serializers.CharField(help_text="What one more answer costs, with the expected share of check images")
    answers_max = serializers.IntegerField(help_text="Images whose workers still disagree get more, up to this many")
    estimated = serializers.BooleanField(help_text="Whether numbers were estimated from a sample of the images")
    budget = serializers.CharField(allow_null=True)
    committed = serializers.CharField(help_text="Paid, owed, and what live sets will earn")
    groups = GroupsSerializer(help_text="What changes, by the state of the images")
    apply_to = TotalsSerializer(help_text="The totals for each value of `apply_to`")


class PolicyPreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=PolicySerializer,
        bodies=examples.POLICY,
        responses=PolicyPreviewSerializer,
        repeatable="It changes nothing, however often it is sent.",
        summary="Preview a change of policies",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Takes the policies that a PATCH of the project would change, and changes nothing."""
        project = project_of(request, project_id, Role.MANAGER)
        valid(PolicySerializer(data=request.data))
        return Response(_body(preview_policy(project=project, changes=body_of(request))))


def _body(preview: PolicyPreview) -> dict[str, Any]:
    names: tuple[ApplyTo, ...] = get_args(ApplyTo)
    limit = preview.budget.budget
    return {
        "currency": preview.currency,
        "answer_cost": str(preview.cost(1)),
        "answers_max": preview.most,
        "estimated": preview.is_estimate,
        "budget": None if limit is None else str(limit),
        "committed": str(preview.budget.committed),
        "groups": {name: _effect(preview, effect) for name, effect in preview.groups.items()},
        "apply_to": {
            name: _effect(preview, preview.effect(name))
            | {"forecast": str(preview.forecast(name)), "over_budget": str(preview.missing(name))}
            for name in names
        },
    }


def _effect(preview: PolicyPreview, effect: Effect) -> dict[str, Any]:
    return {"images": effect.images, "answers": effect.answers, "cost": str(preview.cost(effect.answers))}
