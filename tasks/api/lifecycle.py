"""The states of a project: open, pause, close, archive, reopen; and its deletion."""

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from projects.lifecycle import archive_project, close_project, open_project, pause_project, reopen_project
from projects.models import Project
from tasks.analytics.project_losses import project_losses
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of
from tasks.api.operations import operation
from tasks.api.projects import ProjectSerializer
from tasks.api.request_bodies import valid
from tasks.flow.project_deletion import delete_project


class LossesSerializer(serializers.Serializer[Any]):
    """What is lost when the project is deleted."""

    name = serializers.CharField(help_text="To be sent back as `confirm`")
    images = serializers.IntegerField(help_text="0 if another project labels the same images, which then stay")
    answers = serializers.IntegerField()
    approved_labels = serializers.IntegerField()
    releases = serializers.IntegerField()
    unpaid = serializers.CharField(help_text="What workers have earned and was not paid out; they are still owed it")
    currency = serializers.CharField()


class DeletionSerializer(serializers.Serializer[Any]):
    confirm = serializers.CharField(max_length=200, help_text="The name of the project, exactly as it is")


class ProjectStateView(View):
    """The state changes open, pause, close, archive and reopen."""

    scopes = {"POST": "manage"}
    while_archived = True
    steps: ClassVar[dict[str, Callable[..., Project]]] = {
        "open": open_project,
        "pause": pause_project,
        "close": close_project,
        "archive": archive_project,
        "reopen": reopen_project,
    }

    @operation(request=None, responses=ProjectSerializer, summary="Open, pause, close, archive or reopen a project")
    def post(self, request: Request, project_id: uuid.UUID, step: str) -> Response:
        """An archived project is read-only, and workers no longer see it; sets in progress are settled and paid.

        Reopening a closed or archived project opens it again; an archived draft is a draft again.
        """
        project = project_of(request, project_id, Role.MANAGER)
        return Response(ProjectSerializer(self.steps[step](project=project)).data)


class DeletionView(View):
    scopes = {"GET": "manage", "POST": "manage"}
    while_archived = True

    @operation(responses=LossesSerializer, summary="What is lost with a project")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Nothing changes. Show it to a person before you delete the project."""
        project = project_of(request, project_id, Role.MANAGER)
        losses = project_losses(project=project).to_json()
        return Response(LossesSerializer({"name": project.name, **losses}).data)

    @operation(
        request=DeletionSerializer,
        bodies=examples.DELETION,
        responses={202: LossesSerializer},
        repeatable="A project is deleted once; a retry finds none.",
        summary="Delete a project",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """It cannot be undone. The project is gone for everybody at once; its images and labels follow in a job.

        The ledger stays: workers keep what they have earned. Sets in progress are settled first.
        """
        project = project_of(request, project_id, Role.MANAGER)
        confirm = valid(DeletionSerializer(data=request.data))["confirm"]
        losses = project_losses(project=project).to_json()
        delete_project(project=project, by=actor_of(request), confirm=confirm, record=losses)
        return Response(LossesSerializer({"name": project.name, **losses}).data, status=status.HTTP_202_ACCEPTED)
