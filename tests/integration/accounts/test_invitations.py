"""An invitation creates a member or raises a role; it counts once per person, never lowers a role, and expires."""

from datetime import timedelta

import pytest

from accounts.errors import InvitationGone, InvitationRefused, InvitationUnknown
from accounts.models import Actor, Invitation, Membership, Role
from accounts.selectors import role_in
from accounts.services import find_invitation, invite, revoke_invitation
from kernel.clock import utc_now
from tasks.flow.invitations import accept_invitation
from tests import factories
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db


def a_link(role: str = Role.WORKER, **fields: object) -> str:
    _, token = invite(organisation=factories.an_organisation(), by=factories.ada(), role=role, **fields)  # type: ignore[arg-type]
    return token


def role_of(actor: Actor) -> str | None:
    return role_in(actor=actor, organisation_id=factories.an_organisation().pk)


def uses(token: str) -> int:
    return find_invitation(token=token).uses


def test_only_the_hash_of_a_token_is_stored() -> None:
    token = a_link()
    assert token not in str(Invitation.objects.values().get())


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 500, "a\0b", "\ud800"])
def test_an_invalid_token_is_unknown(token: str) -> None:
    with pytest.raises(InvitationUnknown):
        find_invitation(token=token)


def test_a_link_creates_a_member_and_accepting_it_again_uses_nothing() -> None:
    token = a_link(Role.REVIEWER, max_uses=2)
    accept_invitation(token=token, actor=factories.wren())
    accept_invitation(token=token, actor=factories.wren())
    assert role_of(factories.wren()) == Role.REVIEWER
    assert uses(token) == 1


def test_a_link_can_be_used_up() -> None:
    token = a_link(max_uses=1)
    accept_invitation(token=token, actor=factories.wren())
    with pytest.raises(InvitationGone):
        accept_invitation(token=token, actor=factories.finch())
    assert role_of(factories.finch()) is None


def test_an_expired_or_revoked_link_creates_no_member() -> None:
    token = a_link()
    revoke_invitation(invitation=find_invitation(token=token))
    late = a_link()
    Invitation.objects.filter(pk=find_invitation(token=late).pk).update(expires_at=utc_now() - timedelta(seconds=1))
    for link in (token, late):
        with pytest.raises(InvitationGone):
            accept_invitation(token=link, actor=factories.wren())
    assert role_of(factories.wren()) is None


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_link_expires_within_a_year(days: int) -> None:
    with pytest.raises(InvitationRefused):
        a_link(expires_at=utc_now() + timedelta(days=days))


@pytest.mark.parametrize(
    ("has", "offered", "then"),
    [
        (Role.WORKER, Role.REVIEWER, Role.REVIEWER),
        (Role.WORKER, Role.MANAGER, Role.MANAGER),
        (Role.CLIENT, Role.MANAGER, Role.MANAGER),
        (Role.MANAGER, Role.OWNER, Role.OWNER),
        (Role.MANAGER, Role.WORKER, Role.MANAGER),
        (Role.OWNER, Role.CLIENT, Role.OWNER),
        (Role.CLIENT, Role.REVIEWER, Role.CLIENT),  # neither covers the other, so an owner has to decide
        (Role.REVIEWER, Role.CLIENT, Role.REVIEWER),
    ],
)
def test_a_link_raises_a_role_and_never_lowers_one(has: str, offered: str, then: str) -> None:
    Membership.objects.create(organisation=factories.an_organisation(), actor=factories.wren(), role=has)
    token = a_link(offered)
    accept_invitation(token=token, actor=factories.wren())
    assert role_of(factories.wren()) == then
    assert uses(token) == (1 if has != then else 0)


@pytest.mark.django_db(transaction=True)
def test_the_last_use_admits_only_one_of_two_concurrent_people() -> None:
    token, people = a_link(max_uses=1), [factories.wren(), factories.finch()]
    calls = [lambda actor=actor: accept_invitation(token=token, actor=actor) for actor in people]
    results = together(*calls)
    assert sorted(type(result).__name__ for result in results) == ["InvitationGone", "NoneType"]
    assert Membership.objects.filter(actor__in=people).count() == 1
