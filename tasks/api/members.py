"""Ending what a person may do: another role, removal from an organization, sign-out everywhere."""

import uuid
from typing import Any, cast

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Membership, Role, User
from accounts.selectors import managed_membership
from kernel.errors import NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of
from tasks.api.operations import operation
from tasks.api.request_bodies import valid
from tasks.flow.revocation import change_role, remove_member, sign_out_everywhere


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class SignOutSerializer(serializers.Serializer[Any]):
    revoke_keys = serializers.BooleanField(default=True, help_text="Also revoke all of your API keys")


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
        changed = change_role(organisation=membership.organisation, member=membership.actor, role=role)
        return Response(RoleSerializer({"role": changed.role}).data)

    @operation(responses={204: None}, summary="Remove a member")
    def delete(self, request: Request, organisation_id: uuid.UUID, member_id: uuid.UUID) -> Response:
        """Ends the membership with its API keys; sets are settled and paid, and unanswered images are free at once."""
        membership = _membership(request, organisation_id, member_id)
        remove_member(organisation=membership.organisation, member=membership.actor)
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
