"""An organization and its members: another name and limit, other roles, removal; sign-out everywhere."""

import uuid
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.memberships import MAX_LIVE_SETS, change_organisation
from accounts.models import Actor, ApiToken, Membership, Role, User
from accounts.selectors import managed_membership, members_of
from kernel.errors import NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of
from tasks.api.accounts import OrganisationSettingsSerializer, organisation_of
from tasks.api.filters import one_of, prefix, times
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.request_bodies import valid
from tasks.flow.revocation import change_role, remove_member, sign_out_everywhere


class OrganisationChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    live_sets = serializers.IntegerField(
        min_value=0,
        max_value=MAX_LIVE_SETS,
        required=False,
        help_text="Sets that a worker may have in progress at once, over all projects; 0 for no limit",
    )


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="actor.public_id")
    kind = serializers.ChoiceField(
        source="actor.kind",
        choices=[("person", "person"), ("service", "service")],
        help_text="A service account is a program: it has API keys and cannot sign in",
    )
    name = serializers.CharField(source="actor.user.name", allow_blank=True)
    email = serializers.SerializerMethodField(help_text="Of the team's people alone; null for workers and programs")
    role = serializers.ChoiceField(choices=Role.choices)
    since = serializers.DateTimeField(source="created_at")

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_email(self, membership: Membership) -> str | None:
        is_person = membership.actor.kind == Actor.Kind.PERSON
        return membership.actor.user.email if is_person and membership.role != Role.WORKER else None


class SignOutSerializer(serializers.Serializer[Any]):
    revoke_keys = serializers.BooleanField(default=True, help_text="Also revoke all of your API keys")


class OrganisationView(View):
    scopes = {"PATCH": "manage"}

    @operation(
        request=OrganisationChangeSerializer,
        bodies=examples.RENAMED,
        responses=OrganisationSettingsSerializer,
        summary="Rename an organization, or limit the sets in progress",
    )
    def patch(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """For owners."""
        organisation = organisation_of(request, organisation_id, Role.OWNER)
        data = valid(OrganisationChangeSerializer(data=request.data))
        changed = change_organisation(organisation=organisation, name=data.get("name"), live_sets=data.get("live_sets"))
        return Response(OrganisationSettingsSerializer(changed).data)


class MembersView(View):
    scopes = {"GET": "manage"}

    @listing(
        MemberSerializer,
        filters=[
            one_of("role", Role),
            one_of("kind", (Actor.Kind.PERSON, Actor.Kind.SERVICE), "actor__kind"),
            prefix("actor__user__name", what="Names that begin with this"),
            *times("since", "created_at", "Joined"),
        ],
        summary="The members of an organization",
    )
    def get(self, request: Request, organisation_id: uuid.UUID) -> Response:
        """In the order in which they joined; people who deleted their accounts are left out."""
        organisation = organisation_of(request, organisation_id, Role.MANAGER)
        rows = members_of(organisation=organisation).filter(actor__user__isnull=False)
        return page(request, rows, MemberSerializer().to_representation, newest_first=False)


class MemberView(View):
    """Managers manage reviewers, clients and workers; owners manage everyone."""

    scopes = {"PATCH": "manage", "DELETE": "manage"}

    @operation(
        request=RoleSerializer, bodies=examples.ROLE, responses=RoleSerializer, summary="Give a member another role"
    )
    def patch(self, request: Request, organisation_id: uuid.UUID, member_id: uuid.UUID) -> Response:
        """A worker who gets another role leaves all projects of the organization: their sets are settled and paid.

        Nobody gets the role of worker: members of the team have seen check images.
        """
        role = valid(RoleSerializer(data=request.data))["role"]
        membership = _membership(request, organisation_id, member_id, role)
        changed = change_role(
            organisation=membership.organisation, member=membership.actor, role=role, by=actor_of(request)
        )
        return Response(RoleSerializer({"role": changed.role}).data)

    @operation(responses={204: None}, summary="Remove a member")
    def delete(self, request: Request, organisation_id: uuid.UUID, member_id: uuid.UUID) -> Response:
        """Ends the membership with its API keys; sets are settled and paid, and unanswered images are free at once."""
        membership = _membership(request, organisation_id, member_id)
        remove_member(organisation=membership.organisation, member=membership.actor, by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignOutView(View):
    scopes = {"POST": "manage"}

    @operation(
        request=SignOutSerializer,
        bodies=examples.SIGN_OUT,
        responses={204: None},
        repeatable="It ends what the caller signed in with, so a retry is refused or has nothing left to end.",
        summary="Sign out everywhere",
    )
    def post(self, request: Request) -> Response:
        """Ends all of your sessions, and your running sets, which are settled and paid."""
        revoke_keys = valid(SignOutSerializer(data=request.data))["revoke_keys"]
        sign_out_everywhere(user=cast(User, request.user), revoke_keys=revoke_keys)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _membership(request: Request, organisation_id: uuid.UUID, member_id: uuid.UUID, role: str = "") -> Membership:
    if isinstance(request.auth, ApiToken) and request.auth.organisation.public_id != organisation_id:
        raise NotFound
    return managed_membership(by=actor_of(request), organisation_id=organisation_id, member_id=member_id, role=role)
