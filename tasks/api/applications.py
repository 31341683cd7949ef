"""Applying to work in a project, and deciding on applications."""

import uuid
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Role
from accounts.selectors import display_names
from accounts.services import find_invitation
from projects.models import Project
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.filters import by_id, created, one_of, prefix
from tasks.api.operations import operation
from tasks.api.pagination import listing, page, page_at_once
from tasks.api.request_bodies import valid
from tasks.flow.applications import accept, apply, apply_by_link, decline, withdraw
from tasks.standing.applications import (
    MAX_NOTE,
    application_of,
    application_to,
    applications_of,
    applications_to,
    opening_for,
    openings_for,
)
from tasks.standing.models import Application


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(
        max_length=MAX_NOTE, allow_blank=True, default="", help_text="To whoever decides: why you, in a few words"
    )


class ApplyByLinkSerializer(NoteSerializer):
    token = serializers.CharField(max_length=200, help_text="Of a link to apply by")


class OpeningSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation.name")


class MyApplicationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    project = serializers.UUIDField(source="project.public_id")
    project_name = serializers.CharField(source="project.name")
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=Application.State.choices)
    reason = serializers.CharField(allow_blank=True, help_text="Why it was declined")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class ApplicationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    worker = serializers.UUIDField(source="worker.public_id")
    name = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=Application.State.choices)
    reason = serializers.CharField(allow_blank=True)
    decided_by = serializers.UUIDField(source="decided_by.public_id", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class DecisionReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(
        max_length=300, allow_blank=True, default="", help_text="Needed to decline; the person sees it"
    )


class OpeningsView(View):
    scopes = {"GET": "work"}

    @listing(OpeningSerializer, filters=[prefix("name")], summary="Projects that I can apply for")
    def get(self, request: Request) -> Response:
        """Those of the organizations that I work for which list themselves (policy `applications`)."""
        rows = openings_for(worker=actor_of(request)).order_by()
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(organisation=request.auth.organisation_id)
        return page(request, rows, OpeningSerializer().to_representation)


class ApplyView(View):
    scopes = {"POST": "work"}

    @operation(
        request=NoteSerializer,
        bodies=examples.APPLY,
        responses=MyApplicationSerializer,
        repeatable="An application that waits stays as it is, and is returned.",
        summary="Apply for a project",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """Refused (`application_refused`) within 7 days after one was declined, after 3 for this project, and with 10
        that wait."""
        note = valid(NoteSerializer(data=request.data))["note"]
        project = opening_for(worker=actor_of(request), public_id=project_id)
        same_organisation(request, project.organisation_id)
        return Response(MyApplicationSerializer(apply(project=project, worker=actor_of(request), note=note)).data)


class ApplyByLinkView(View):
    scopes = {"POST": "work"}

    @operation(
        request=ApplyByLinkSerializer,
        bodies=examples.APPLY_BY_LINK,
        responses={200: MyApplicationSerializer, 204: None},
        repeatable="An application that waits stays as it is, and is returned.",
        summary="Apply by a link",
    )
    def post(self, request: Request) -> Response:
        """Returns 204 if you work in the project already."""
        data = valid(ApplyByLinkSerializer(data=request.data))
        if isinstance(request.auth, ApiToken):
            same_organisation(request, find_invitation(token=data["token"]).organisation_id)
        row = apply_by_link(token=data["token"], worker=actor_of(request), note=data["note"])
        if row is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(MyApplicationSerializer(row).data)


class MyApplicationsView(View):
    scopes = {"GET": "work"}

    @listing(
        MyApplicationSerializer, filters=[one_of("state", Application.State), *created()], summary="My applications"
    )
    def get(self, request: Request) -> Response:
        rows = applications_of(worker=actor_of(request)).order_by()
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(project__organisation=request.auth.organisation_id)
        return page(request, rows, MyApplicationSerializer().to_representation)


class MyApplicationView(View):
    scopes = {"DELETE": "work"}

    @operation(responses={204: None}, summary="Withdraw an application")
    def delete(self, request: Request, application_id: uuid.UUID) -> Response:
        row = application_of(worker=actor_of(request), public_id=application_id)
        same_organisation(request, row.project.organisation_id)
        withdraw(application=row)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApplicationsView(View):
    scopes = {"GET": "manage"}

    @listing(
        ApplicationSerializer,
        filters=[
            one_of("state", Application.State, is_indexed=True),
            by_id("worker", "worker__public_id", what="a worker", is_indexed=True),
            *created(),
        ],
        summary="Applications to a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        rows = applications_to(project=project_of(request, project_id, Role.MANAGER)).order_by()
        return page_at_once(request, rows, _shown)


class ApplicationStepView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=DecisionReasonSerializer,
        bodies=examples.APPLICATION_DECISION,
        responses=ApplicationSerializer,
        summary="Accept or decline an application",
    )
    def post(self, request: Request, project_id: uuid.UUID, application_id: uuid.UUID, step: str) -> Response:
        """Accepted, the person is a worker of the project at once."""
        project: Project = project_of(request, project_id, Role.MANAGER)
        row = application_to(project=project, public_id=application_id)
        reason = valid(DecisionReasonSerializer(data=request.data))["reason"]
        if step == "accept":
            decided = accept(application=row, by=actor_of(request))
        else:
            decided = decline(application=row, by=actor_of(request), reason=reason)
        return Response(_shown([decided])[0])


def _shown(rows: list[Application]) -> list[Any]:
    names = display_names(actors=[row.worker.public_id for row in rows])
    shown: list[Any] = list(rows)
    for row in shown:
        row.name = names[str(row.worker.public_id)]
    return [ApplicationSerializer(row).data for row in shown]
