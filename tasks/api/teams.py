"""Teams of an organization, their members and lead; what a lead sees of a team."""

import uuid
from typing import Any

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Organisation, Role, Team, TeamMember
from accounts.selectors import display_names
from accounts.teams import (
    MAX_NAME,
    add_member,
    create_team,
    members_of_team,
    remove_member,
    rename_team,
    set_lead,
    team_for,
    team_led_by,
    teams_led_by,
    teams_with_members,
)
from kernel.errors import NotFound
from tasks.analytics.team_progress import team_progress
from tasks.api import examples
from tasks.api.access import View, actor_of
from tasks.api.accounts import organisation_of
from tasks.api.filters import created, prefix
from tasks.api.operations import operation
from tasks.api.pagination import listing, page, page_at_once
from tasks.api.request_bodies import valid
from tasks.batching.teams import archive_team
from tasks.standing.selectors import worker_of_organisation


class TeamSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=MAX_NAME)
    members = serializers.IntegerField(source="size", read_only=True)


class TeamChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=MAX_NAME, required=False)
    lead = serializers.UUIDField(allow_null=True, required=False, help_text="A member; null for nobody")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Send `name`, `lead`, or both.")
        return attrs


class NewTeamMemberSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(help_text="A worker of the organization")


class TeamMemberSerializer(serializers.Serializer[Any]):
    worker = serializers.UUIDField(source="worker.public_id")
    name = serializers.CharField()
    is_lead = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class LedTeamSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation.name")


class MemberProgressSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_lead = serializers.BooleanField()
    sets = serializers.IntegerField(help_text="Sets that were handed in within seven days")
    answers = serializers.IntegerField(help_text="Answers in these sets")
    last_at = serializers.DateTimeField(allow_null=True, help_text="When the last of them was handed in")
    active = serializers.IntegerField(help_text="Projects in which the member may take sets")
    paused = serializers.IntegerField(help_text="Projects in which the member is paused")


class TeamProgressSerializer(LedTeamSerializer):
    members = MemberProgressSerializer(many=True)


class TeamsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _organisation(request, ids["organisation_id"])

    @listing(TeamSerializer, filters=[prefix("name")], summary="Teams of an organization")
    def get(self, request: Request, organisation_id: uuid.UUID) -> Response:
        rows = teams_with_members(organisation=_organisation(request, organisation_id)).order_by()
        return page(request, rows, TeamSerializer().to_representation)

    @operation(request=TeamSerializer, bodies=examples.TEAM, responses={201: TeamSerializer}, summary="Create a team")
    def post(self, request: Request, organisation_id: uuid.UUID) -> Response:
        organisation = _organisation(request, organisation_id)
        name = valid(TeamSerializer(data=request.data))["name"]
        return Response(_shown(create_team(organisation=organisation, name=name)), status=status.HTTP_201_CREATED)


class TeamView(View):
    scopes = {"PATCH": "manage", "DELETE": "manage"}

    @operation(
        request=TeamChangeSerializer,
        bodies=examples.TEAM_CHANGE,
        responses=TeamSerializer,
        summary="Rename a team, or say who leads it",
    )
    def patch(self, request: Request, organisation_id: uuid.UUID, team_id: uuid.UUID) -> Response:
        organisation = _organisation(request, organisation_id)
        team = team_for(organisation=organisation, public_id=team_id)
        data = valid(TeamChangeSerializer(data=request.data))
        if "lead" in data:
            lead = data["lead"] and worker_of_organisation(organisation=organisation, public_id=data["lead"])
            set_lead(team=team, worker=lead)
        if "name" in data:
            rename_team(team=team, name=data["name"])
        return Response(_shown(team_for(organisation=organisation, public_id=team_id)))

    @operation(responses={204: None}, summary="Archive a team")
    def delete(self, request: Request, organisation_id: uuid.UUID, team_id: uuid.UUID) -> Response:
        """Its members stay workers of their projects. Refused (`team_in_use`) while batches are kept for it."""
        archive_team(team=team_for(organisation=_organisation(request, organisation_id), public_id=team_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamMembersView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _organisation(request, ids["organisation_id"])

    @listing(TeamMemberSerializer, filters=created(what="Joined"), summary="Members of a team")
    def get(self, request: Request, organisation_id: uuid.UUID, team_id: uuid.UUID) -> Response:
        team = team_for(organisation=_organisation(request, organisation_id), public_id=team_id)
        return page_at_once(request, members_of_team(team=team).order_by(), _members)

    @operation(
        request=NewTeamMemberSerializer,
        bodies=examples.TEAM_MEMBER,
        responses={204: None},
        repeatable="Who is in the team stays in it.",
        summary="Put a worker into a team",
    )
    def post(self, request: Request, organisation_id: uuid.UUID, team_id: uuid.UUID) -> Response:
        organisation = _organisation(request, organisation_id)
        team = team_for(organisation=organisation, public_id=team_id)
        worker_id = valid(NewTeamMemberSerializer(data=request.data))["worker"]
        add_member(team=team, worker=worker_of_organisation(organisation=organisation, public_id=worker_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamMemberView(View):
    scopes = {"DELETE": "manage"}

    @operation(responses={204: None}, summary="Take a worker out of a team")
    def delete(
        self, request: Request, organisation_id: uuid.UUID, team_id: uuid.UUID, worker_id: uuid.UUID
    ) -> Response:
        """The set that they have stays theirs until it ends."""
        organisation = _organisation(request, organisation_id)
        team = team_for(organisation=organisation, public_id=team_id)
        if not remove_member(team=team, worker=worker_of_organisation(organisation=organisation, public_id=worker_id)):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyTeamsView(View):
    scopes = {"GET": "work"}

    @listing(LedTeamSerializer, filters=[prefix("name")], summary="Teams that I lead")
    def get(self, request: Request) -> Response:
        rows = teams_led_by(worker=actor_of(request)).order_by()
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(organisation=request.auth.organisation_id)
        return page(request, rows, LedTeamSerializer().to_representation)


class MyTeamView(View):
    scopes = {"GET": "work"}

    @operation(responses=TeamProgressSerializer, summary="How far a team is that I lead")
    def get(self, request: Request, team_id: uuid.UUID) -> Response:
        team = team_led_by(worker=actor_of(request), public_id=team_id)
        if isinstance(request.auth, ApiToken) and request.auth.organisation_id != team.organisation_id:
            raise NotFound
        rows = [MemberProgressSerializer(each).data for each in team_progress(team=team)]
        return Response({**LedTeamSerializer(team).data, "members": rows})


def _organisation(request: Request, organisation_id: uuid.UUID) -> Organisation:
    return organisation_of(request, organisation_id, Role.MANAGER)


def _shown(team: Team) -> dict[str, Any]:
    row: Any = teams_with_members(organisation=team.organisation).get(pk=team.pk)
    return dict(TeamSerializer(row).data)


def _members(rows: list[TeamMember]) -> list[Any]:
    names = display_names(actors=[row.worker.public_id for row in rows])
    shown: list[Any] = list(rows)
    for row in shown:
        row.name = names[str(row.worker.public_id)]
    return [TeamMemberSerializer(row).data for row in shown]
