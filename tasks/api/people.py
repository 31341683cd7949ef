"""Many people at once: invitations by address from CSV, and leaving; a worker leaves a project."""

import uuid
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Invitation, Role
from accounts.personal_invitations import not_joined
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.filters import prefix, times
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.flow.invitation_mail import join_url
from tasks.flow.people import (
    PeopleReport,
    PersonState,
    invite_from_file,
    leave_from_file,
    preview_invitations,
    preview_leaving,
)
from tasks.flow.people_file import MAX_BYTES
from tasks.flow.revocation import leave_project
from tasks.standing.selectors import standing_for


class PeopleFileSerializer(serializers.Serializer[Any]):
    csv = serializers.CharField(
        max_length=MAX_BYTES,
        trim_whitespace=False,
        help_text="A line for each person. The first line names the columns: email, and any skill.NAME",
    )


class PeoplePreviewSerializer(PeopleFileSerializer):
    action = serializers.ChoiceField(choices=["invite", "leave"])


class PeopleActionSerializer(PeopleFileSerializer):
    skip_problems = serializers.BooleanField(
        default=False, help_text="Leave out lines with a problem; otherwise one of them stops the whole file"
    )


class PersonResultSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="Of the file; the header is line 1")
    email = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in PersonState],
        help_text="`new`, and `again` after the invitation ran out or the person left: they are invited. `invited` and"
        " `joined`: they are already. `gone`: they have left. `problem`: see there",
    )
    problem = serializers.CharField(allow_blank=True)
    is_changed = serializers.BooleanField(help_text="Whether this call did something for the line")


class PeopleReportSerializer(serializers.Serializer[Any]):
    is_applied = serializers.BooleanField(help_text="False for a preview, and if problems stopped the file")
    problems = serializers.IntegerField()
    changed = serializers.IntegerField()
    results = PersonResultSerializer(many=True)


class InvitedPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    email = serializers.EmailField()
    expires_at = serializers.DateTimeField()
    mailed_at = serializers.DateTimeField(allow_null=True, help_text="When the mail went out")
    url = serializers.SerializerMethodField(help_text="The link of this person alone")

    @extend_schema_field(serializers.URLField())
    def get_url(self, invitation: Invitation) -> str:
        return join_url(invitation, base_url=self.context["base_url"])


class PeopleView(View):
    scopes = {"GET": "manage"}

    @listing(
        InvitedPersonSerializer,
        filters=[prefix("email"), *times("expires", "expires_at", "Expires")],
        summary="People who are invited and have not joined",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = not_joined(project_id=project.pk).order_by()
        return page(request, rows, InvitedPersonSerializer(context={"base_url": _site(request)}).to_representation)


class PeoplePreviewView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=PeoplePreviewSerializer,
        bodies=examples.PEOPLE_PREVIEW,
        responses=PeopleReportSerializer,
        repeatable="A preview changes nothing, however often it is asked for.",
        summary="What a file of people would do",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(PeoplePreviewSerializer(data=request.data))
        preview = preview_invitations if data["action"] == "invite" else preview_leaving
        return _report(preview(project=project, content=data["csv"].encode()))


class InvitePeopleView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=PeopleActionSerializer,
        bodies=examples.PEOPLE,
        responses=PeopleReportSerializer,
        summary="Invite many people by address",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Each gets a link by mail. At most 2,000 people; all in one transaction. The same file again invites nobody
        twice, and sets the skills that it names for those who have joined meanwhile."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(PeopleActionSerializer(data=request.data))
        report = invite_from_file(
            project=project,
            content=data["csv"].encode(),
            by=actor_of(request),
            base_url=_site(request),
            skip_problems=data["skip_problems"],
        )
        return _report(report)


class LeavePeopleView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=PeopleActionSerializer,
        bodies=examples.PEOPLE,
        responses=PeopleReportSerializer,
        repeatable="Who has left is `gone` the next time, and nothing happens.",
        summary="End the work of many people by address",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Sets end as when a worker leaves, invitations are withdrawn; an invitation brings people back. At most 500
        people, each in a transaction of its own: send the same file again if the call is interrupted."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(PeopleActionSerializer(data=request.data))
        content = data["csv"].encode()
        return _report(leave_from_file(project=project, content=content, skip_problems=data["skip_problems"]))


class LeaveProjectView(View):
    scopes = {"POST": "work"}
    while_archived = True

    @operation(
        request=None,
        responses={204: None},
        repeatable="Who has left is refused the next time, and stays out.",
        summary="Leave a project that I work in",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Your set ends: what you answered is paid, and the other images go to other people. An invitation brings you
        back."""
        standing = standing_for(worker=actor_of(request), project_id=project_id)
        same_organisation(request, standing.project.organisation_id)
        leave_project(project=standing.project, worker=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _site(request: Request) -> str:
    return settings.ANNOTARY_BASE_URL or request.build_absolute_uri("/").rstrip("/")


def _report(report: PeopleReport) -> Response:
    return Response(PeopleReportSerializer(report).data)
