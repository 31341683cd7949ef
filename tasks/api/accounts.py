"""The caller, organizations, API keys and invitations."""

import uuid
from typing import Any, cast

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Invitation, Organisation, Role, User
from accounts.selectors import membership_of, organisations_of, require_role, role_in, token_for
from accounts.services import (
    create_organisation,
    create_token,
    find_invitation,
    invitation_with,
    invite,
    revoke_invitation,
    revoke_token,
)
from kernel.errors import Forbidden, NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.filters import one_of, prefix, times
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.flow.invitations import accept_invitation
from tasks.standing.selectors import standing_for


class OrganisationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=120)


class OrganisationSettingsSerializer(OrganisationSerializer):
    live_sets = serializers.IntegerField(help_text="Sets that a worker may have in progress at once; 0 for no limit")


class MembershipSerializer(OrganisationSerializer):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    email = serializers.EmailField()
    organisations = MembershipSerializer(many=True)


class TokenSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=120)
    prefix = serializers.CharField(read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiToken.Scope.choices), min_length=1)
    expires_at = serializers.DateTimeField(required=False, help_text="Defaults to 90 days from now; at most one year")
    revoked_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)


class NewTokenSerializer(TokenSerializer):
    organisation = serializers.UUIDField(required=False, help_text="Required if you belong to several organizations")


class CreatedTokenSerializer(TokenSerializer):
    key = serializers.CharField(help_text="Shown only once")


class InviteSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices, default=Role.WORKER)
    max_uses = serializers.IntegerField(min_value=1, max_value=100_000, default=1000)
    expires_at = serializers.DateTimeField(required=False)
    needs_approval = serializers.BooleanField(
        default=False, help_text="For workers: people apply by the link, and you decide about each"
    )


class InvitationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    role = serializers.ChoiceField(choices=Role.choices)
    uses = serializers.IntegerField()
    max_uses = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    needs_approval = serializers.BooleanField()


class CreatedInvitationSerializer(InvitationSerializer):
    url = serializers.CharField(help_text="Shown only once")
    token = serializers.CharField(help_text="Shown only once")


class AcceptSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)


class AcceptedSerializer(serializers.Serializer[Any]):
    project = serializers.UUIDField(allow_null=True)


class MeView(View):
    @operation(responses=MeSerializer, summary="The current user")
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        organisations = [
            {
                "id": str(organisation.public_id),
                "name": organisation.name,
                "role": role_in(actor=user.actor, organisation_id=organisation.pk),
            }
            for organisation in organisations_of(actor=user.actor)
            if not isinstance(request.auth, ApiToken) or request.auth.organisation_id == organisation.pk
        ]
        body = {"id": user.actor.public_id, "name": user.name, "email": user.email, "organisations": organisations}
        return Response(MeSerializer(body).data)


class OrganisationsView(View):
    scopes = {"POST": "manage"}

    @listing(OrganisationSettingsSerializer, filters=[prefix("name")], summary="My organizations")
    def get(self, request: Request) -> Response:
        rows = Organisation.objects.filter(memberships__actor=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(pk=request.auth.organisation_id)
        return page(request, rows, OrganisationSettingsSerializer().to_representation)

    def check_replay(self, request: Request, body: Any) -> None:
        organisation_of(request, body["id"], Role.OWNER)

    @operation(
        request=OrganisationSerializer,
        bodies=examples.ORGANISATION,
        responses={201: OrganisationSettingsSerializer},
        summary="Create an organization",
    )
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, ApiToken) or not organisations_of(actor=actor_of(request), role=Role.OWNER):
            raise Forbidden("Only owners of an organization can create another one, signed in rather than with a key.")
        data = valid(OrganisationSerializer(data=request.data))
        organisation = create_organisation(name=data["name"], owner=actor_of(request))
        return Response(OrganisationSettingsSerializer(organisation).data, status=status.HTTP_201_CREATED)


class TokensView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    @listing(
        TokenSerializer, filters=[prefix("name"), *times("expires", "expires_at", "Expires")], summary="My API keys"
    )
    def get(self, request: Request) -> Response:
        rows = ApiToken.objects.filter(actor=actor_of(request))
        if isinstance(request.auth, ApiToken):
            rows = rows.filter(organisation_id=request.auth.organisation_id)
        return page(request, rows, TokenSerializer().to_representation)

    def check_replay(self, request: Request, body: Any) -> None:
        token = token_for(actor=actor_of(request), public_id=body["id"])
        same_organisation(request, token.organisation_id)
        membership_of(organisation=token.organisation, actor=actor_of(request))

    @operation(
        request=NewTokenSerializer,
        bodies=examples.API_KEY,
        responses={201: CreatedTokenSerializer},
        secrets=("key",),
        summary="Create an API key",
    )
    def post(self, request: Request) -> Response:
        data = valid(NewTokenSerializer(data=request.data))
        organisation = pick_organisation(request, data.get("organisation"))
        token, key = create_token(
            actor=actor_of(request),
            organisation=organisation,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data.get("expires_at"),
            made_with=request.auth if isinstance(request.auth, ApiToken) else None,
        )
        body = {**TokenSerializer(token).data, "key": key}
        return Response(body, status=status.HTTP_201_CREATED)


class TokenView(View):
    scopes = {"DELETE": "manage"}

    @operation(responses={204: None}, summary="Revoke an API key")
    def delete(self, request: Request, token_id: uuid.UUID) -> Response:
        token = token_for(actor=actor_of(request), public_id=token_id)
        same_organisation(request, token.organisation_id)
        revoke_token(token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProjectInvitationsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    @listing(
        InvitationSerializer,
        filters=[one_of("role", Role), *times("expires", "expires_at", "Expires")],
        summary="Invitations to a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        rows = Invitation.objects.filter(project_id=project.pk, email="")
        return page(request, rows, InvitationSerializer().to_representation)

    @operation(
        request=InviteSerializer,
        bodies=examples.INVITATION,
        responses={201: CreatedInvitationSerializer},
        secrets=("url", "token"),
        summary="Create an invitation link",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(InviteSerializer(data=request.data))
        if data["role"] in {Role.OWNER, Role.MANAGER}:
            require_role(actor=actor_of(request), organisation_id=project.organisation_id, role=Role.OWNER)
        invitation, token = invite(
            organisation=project.organisation,
            by=actor_of(request),
            role=data["role"],
            project_id=project.pk if data["role"] == Role.WORKER else None,
            max_uses=data["max_uses"],
            expires_at=data.get("expires_at"),
            needs_approval=data["needs_approval"],
        )
        base = settings.ANNOTARY_BASE_URL or request.build_absolute_uri("/").rstrip("/")
        url = base + reverse("workers_ui:join", args=[token])
        body = {**InvitationSerializer(invitation).data, "url": url, "token": token}
        return Response(body, status=status.HTTP_201_CREATED)


class InvitationView(View):
    scopes = {"DELETE": "manage"}

    @operation(responses={204: None}, summary="Revoke an invitation")
    def delete(self, request: Request, invitation_id: uuid.UUID) -> Response:
        invitation = Invitation.objects.filter(public_id=invitation_id).first()
        if invitation is None:
            raise NotFound
        same_organisation(request, invitation.organisation_id)
        require_role(actor=actor_of(request), organisation_id=invitation.organisation_id, role=Role.MANAGER)
        revoke_invitation(invitation=invitation)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptInvitationView(View):
    scopes = {"POST": "work"}

    def check_replay(self, request: Request, body: Any) -> None:
        """The person may have been removed since; joining again takes another call."""
        invitation = invitation_with(token=valid(AcceptSerializer(data=request.data))["token"])
        membership_of(organisation=invitation.organisation, actor=actor_of(request))
        if body["project"] is not None:
            standing_for(worker=actor_of(request), project_id=uuid.UUID(body["project"]))

    @operation(
        request=AcceptSerializer, bodies=examples.ACCEPT, responses=AcceptedSerializer, summary="Accept an invitation"
    )
    def post(self, request: Request) -> Response:
        data = valid(AcceptSerializer(data=request.data))
        if isinstance(request.auth, ApiToken):
            # A key belongs to one organization; its owner cannot use it to join others.
            same_organisation(request, find_invitation(token=data["token"]).organisation_id)
        project = accept_invitation(token=data["token"], actor=actor_of(request))
        return Response({"project": str(project.public_id) if project else None})


def organisation_of(request: Request, public_id: uuid.UUID | str, role: str) -> Organisation:
    """The organization, if the caller's role in it covers `role`; a key sees its own. Raises NotFound, Forbidden."""
    organisation = Organisation.objects.filter(public_id=public_id).first()
    if organisation is None:
        raise NotFound
    same_organisation(request, organisation.pk)
    require_role(actor=actor_of(request), organisation_id=organisation.pk, role=role)
    return organisation


def pick_organisation(request: Request, public_id: uuid.UUID | None) -> Organisation:
    """The organization with the given id, by default the key's or the person's only one."""
    if isinstance(request.auth, ApiToken):
        if public_id is not None and public_id != request.auth.organisation.public_id:
            raise NotFound
        return request.auth.organisation
    organisations = organisations_of(actor=actor_of(request))
    if public_id is not None:
        organisations = [row for row in organisations if row.public_id == public_id]
    if not organisations:
        raise NotFound
    if len(organisations) > 1:
        raise serializers.ValidationError(
            {"organisation": "You belong to several organizations. Specify one by its id."}
        )
    return organisations[0]
