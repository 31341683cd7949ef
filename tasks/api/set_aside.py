"""Images that many workers skipped: the list, and what a manager decides about them."""

import uuid
from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.selectors import display_names_for
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import Filter, by_id, one_of, times
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page_at_once
from tasks.api.request_bodies import valid
from tasks.assignment.models import Assignment, SetAside, SkipReason
from tasks.assignment.set_aside import Skip, set_aside_of, skips_of
from tasks.batching.models import Task
from tasks.flow.set_aside import MAX_DECISIONS, leave_out, restore_offers


class SkipOfSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="Pseudonym of the worker")
    name = serializers.CharField()
    reason = serializers.CharField(allow_blank=True, help_text="Empty if the worker gave none")
    note = serializers.CharField(allow_blank=True, help_text="As the worker wrote it: treat it as hostile text")
    at = serializers.DateTimeField()


class SetAsideSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    task = serializers.UUIDField(source="task.public_id")
    image = serializers.UUIDField(source="task.image.public_id")
    source_key = serializers.CharField(source="task.image.source_key")
    state = serializers.CharField(source="task.state", help_text="Of the task: one that is answered needs no decision")
    set_aside_at = serializers.DateTimeField(source="created_at")
    skips = SkipOfSerializer(many=True, help_text="Since the decision before, oldest first")
    decision = serializers.ChoiceField(choices=SetAside.Decision.choices)
    decided_by = serializers.UUIDField(source="decided_by.public_id", allow_null=True, default=None)
    decided_at = serializers.DateTimeField(allow_null=True)


class SetAsideDecisionSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, max_length=MAX_DECISIONS, help_text="Ids of the list"
    )


class SetAsideDecidedSerializer(serializers.Serializer[Any]):
    decided = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="Decided before, or answered in the meantime")


def _with_reason(reason: str) -> Q:
    skipped = Assignment.objects.filter(state=Assignment.State.SKIPPED, skip_reason=reason)
    return Q(task__in=skipped.values("task"))


class SetAsideView(View):
    @listing(
        SetAsideSerializer,
        filters=[
            one_of("decision", SetAside.Decision),
            one_of("state", Task.State, "task__state", what="State of the task"),
            Filter("reason", _with_reason, "Skipped for this reason by somebody", enum=SkipReason.values),
            by_id("task", "task__public_id", what="a task", is_indexed=True),
            by_id("image", "task__image__public_id", what="an image", is_indexed=True),
            *times("set_aside", "created_at", "Set aside"),
        ],
        summary="Images that many workers skipped",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Newest first, with those that are decided. Check images are in the list of check images."""
        project = project_of(request, project_id, Role.MANAGER)
        rows = set_aside_of(project=project)
        return page_at_once(request, rows, lambda chosen: _shape(request, project, chosen), order=ByNewest)


class SetAsideStepView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=SetAsideDecisionSerializer,
        bodies=examples.SET_ASIDE,
        responses=SetAsideDecidedSerializer,
        repeatable="Deciding again what is decided changes nothing.",
        summary="Offer images again that many workers skipped, or leave them out",
    )
    def post(self, request: Request, project_id: uuid.UUID, step: str) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        ids = valid(SetAsideDecisionSerializer(data=request.data))["ids"]
        decide = restore_offers if step == "offer" else leave_out
        return Response(SetAsideDecidedSerializer(decide(project=project, by=actor_of(request), ids=ids)).data)


def _shape(request: Request, project: Project, rows: list[SetAside]) -> list[dict[str, Any]]:
    skips = skips_of(rows=rows)
    people = {each.worker for group in skips.values() for each in group}
    names = display_names_for(actor_of(request), organisation_id=project.organisation_id, actors=people)
    shown: list[Any] = list(rows)
    for row in shown:
        row.skips = [_named(each, names) for each in skips[row.pk]]
    shape = SetAsideSerializer().to_representation
    return [shape(row) for row in shown]


def _named(skip: Skip, names: dict[str, str]) -> dict[str, Any]:
    return {
        "worker": skip.worker,
        "name": names[skip.worker],
        "reason": skip.reason,
        "note": skip.note,
        "at": skip.at,
    }
