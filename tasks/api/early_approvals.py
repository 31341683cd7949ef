"""Approving pay before its date, of one worker or of one batch."""

import uuid
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.filters import created
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.batching.selectors import batch_for
from tasks.pay.early_approval import approve_early, early_approvals_of
from tasks.standing.selectors import get_worker_standing


class NewEarlyApprovalSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="Pseudonym of a worker")
    batch = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="Or the id of a batch")
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Only what was earned until then; null is now"
    )


class EarlyApprovalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="worker.public_id", allow_null=True)
    batch_number = serializers.IntegerField(allow_null=True)
    answers = serializers.IntegerField(help_text="Answers whose pay was approved, check images included")
    amount = serializers.CharField(help_text="With top-ups, in `currency`")
    currency = serializers.CharField()
    created_by = serializers.UUIDField(source="created_by.public_id")
    created_at = serializers.DateTimeField()


class EarlyApprovalsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    @listing(EarlyApprovalSerializer, filters=[*created()], summary="Pay that was approved before its date")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = early_approvals_of(project=project)
        return page(request, rows, EarlyApprovalSerializer().to_representation)

    @operation(
        request=NewEarlyApprovalSerializer,
        bodies=examples.EARLY_APPROVAL,
        responses={201: EarlyApprovalSerializer},
        summary="Approve pay before its date",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """What waits of a worker, or of the sets that have answers to images of a batch. Sets are approved whole.

        Each entry of the ledger is approved once, however many managers do this at once. It cannot be undone. 409
        `nothing_to_approve` if nothing waits there.
        """
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewEarlyApprovalSerializer(data=request.data))
        worker, batch = data["worker"], data["batch"]
        approval = approve_early(
            project=project,
            by=actor_of(request),
            worker=get_worker_standing(project=project, public_id=worker).worker if worker else None,
            batch=batch_for(project=project, public_id=batch) if batch else None,
            until=data["until"],
        )
        return Response(EarlyApprovalSerializer(approval).data, status=status.HTTP_201_CREATED)
