"""Batches."""

import uuid
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import Filter, created, one_of
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.batching.models import Batch
from tasks.batching.services import change_batch, open_all_batches, open_batch, pause_batch
from tasks.review.services import approve_batch


class BatchSerializer(serializers.ModelSerializer[Batch]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    team = serializers.UUIDField(
        source="team.public_id", allow_null=True, default=None, read_only=True, help_text="The team it is kept for"
    )

    class Meta:
        model = Batch
        fields = (
            "id",
            "number",
            "state",
            "priority",
            "deadline_at",
            "team",
            "wanted",
            "taken",
            "created_at",
            "opened_at",
            "approved_at",
        )
        read_only_fields = fields


class TimeWithZoneField(serializers.DateTimeField):
    """A time that says its zone: what is local to a program is not known here."""

    default_error_messages = {"zone": "Add the time zone: Z for UTC, or an offset such as +02:00."}

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("zone")
        return value.astimezone(UTC)


class BatchChangeSerializer(serializers.Serializer[Any]):
    priority = serializers.IntegerField(
        min_value=-1000,
        max_value=1000,
        required=False,
        help_text="Batches with a higher priority are assigned first",
    )
    deadline_at = TimeWithZoneField(
        allow_null=True,
        required=False,
        help_text="When its answers should be in. Of batches with one priority the earliest is assigned first, those"
        " without a deadline last",
    )
    team = serializers.UUIDField(
        allow_null=True,
        required=False,
        help_text="The team whose members alone get its images from now on; null for everybody",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Send `priority`, `deadline_at`, `team`, or several of them.")
        return attrs


class OpenedSerializer(serializers.Serializer[Any]):
    opened = serializers.IntegerField(help_text="Number of batches opened by this call")


class BatchesView(View):
    @listing(
        BatchSerializer,
        filters=[
            one_of("state", Batch.State),
            Filter("number", "number", "Number of the batch", kind=int, is_indexed=True),
            *created(),
        ],
        summary="Batches of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.REVIEWER)
        rows = Batch.objects.filter(project=project).select_related("team")
        return page(request, rows, BatchSerializer().to_representation, newest_first=False)


class OpenBatchesView(View):
    scopes = {"POST": "manage"}

    @operation(request=None, responses=OpenedSerializer, summary="Open all waiting batches")
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        return Response({"opened": open_all_batches(project=project_of(request, project_id, Role.MANAGER))})


class BatchView(View):
    scopes = {"PATCH": "manage"}

    @operation(
        request=BatchChangeSerializer,
        bodies=examples.BATCH,
        responses=BatchSerializer,
        summary="Change a batch's priority, deadline or team",
    )
    def patch(self, request: Request, batch_id: uuid.UUID) -> Response:
        batch = batch_of(request, batch_id, Role.MANAGER)
        change_batch(batch=batch, changes=valid(BatchChangeSerializer(data=request.data)))
        batch.refresh_from_db()
        return Response(BatchSerializer(batch).data)


class BatchStateView(View):
    scopes = {"POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        batch_of(request, ids["batch_id"], Role.MANAGER)

    @operation(request=None, responses=BatchSerializer, summary="Open, pause or approve a batch")
    def post(self, request: Request, batch_id: uuid.UUID, step: str) -> Response:
        batch = batch_of(request, batch_id, Role.MANAGER)
        if step == "approve":
            approve_batch(reviewer=actor_of(request), batch=batch)
        elif step == "open":
            open_batch(batch=batch)
        else:
            pause_batch(batch=batch)
        batch.refresh_from_db()
        return Response(BatchSerializer(batch).data)


def batch_of(request: Request, batch_id: uuid.UUID, role: str) -> Batch:
    batch = Batch.objects.select_related("project__organisation", "team").filter(public_id=batch_id).first()
    if batch is None:
        raise NotFound
    project_of(request, batch.project.public_id, role)
    return batch
