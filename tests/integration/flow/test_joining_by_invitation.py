"""An invitation link makes a person a worker of a project."""

from datetime import timedelta

import pytest

from accounts.errors import InvitationGone, InvitationUnknown
from accounts.models import Invitation, Membership
from accounts.services import find_invitation, invite, revoke_invitation
from kernel.clock import utc_now
from tasks.flow.invitations import accept_invitation
from tasks.flow.revocation import change_role, deactivate, erase_person, remove_member
from tasks.standing.models import Standing
from tasks.standing.services import WorkerRemoved, remove
from tests import factories

pytestmark = pytest.mark.django_db


def test_opening_the_link_admits_the_worker_and_returns_the_project() -> None:
    project, wren = factories.a_project(), factories.wren()
    invitation, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    assert accept_invitation(token=token, actor=wren) == project
    assert Standing.objects.get(project=project, worker=wren).state == Standing.State.ACTIVE
    assert Membership.objects.get(actor=wren).role == "worker"
    invitation.refresh_from_db()
    assert invitation.uses == 1


def test_opening_it_twice_counts_as_one_use_even_once_used_up_or_expired() -> None:
    project, wren = factories.a_project(), factories.wren()
    invitation, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk, max_uses=1)
    for _ in range(2):
        assert accept_invitation(token=token, actor=wren) == project
    invitation.refresh_from_db()
    assert invitation.uses == 1
    revoke_invitation(invitation=invitation)
    assert accept_invitation(token=token, actor=wren) == project
    with pytest.raises(InvitationGone):
        accept_invitation(token=token, actor=factories.finch())


def test_a_member_of_the_organization_joins_another_project_with_its_link() -> None:
    first, second, wren = factories.a_project(), factories.a_project("Second"), factories.wren()
    factories.admitted(first, wren)
    _, token = invite(organisation=second.organisation, by=factories.ada(), project_id=second.pk)
    assert accept_invitation(token=token, actor=wren) == second
    assert Standing.objects.filter(worker=wren).count() == 2


def test_a_link_without_a_project_only_creates_a_member() -> None:
    ada, wren = factories.ada(), factories.wren()
    _, token = invite(organisation=factories.an_organisation(), by=ada, role="reviewer")
    assert accept_invitation(token=token, actor=wren) is None
    assert Membership.objects.get(actor=wren).role == "reviewer"


@pytest.mark.parametrize("role", ["owner", "manager", "reviewer", "client"])
@pytest.mark.parametrize("end", ["demoted", "removed", "closed", "erased"])
def test_nobody_comes_back_by_links_that_they_made_before(role: str, end: str) -> None:
    olga, bert = factories.a_user("olga"), factories.a_user("bert")
    organisation = factories.an_organisation()
    for user in (olga, bert):
        Membership.objects.create(organisation=organisation, actor=user.actor, role="owner")
    _, token = invite(organisation=organisation, by=bert.actor, role=role)
    find_invitation(token=token)
    if end == "demoted":
        change_role(organisation=organisation, member=bert.actor, role="client", by=olga.actor)
    elif end == "removed":
        remove_member(organisation=organisation, member=bert.actor, by=olga.actor)
    else:
        (deactivate if end == "closed" else erase_person)(user=bert)
    with pytest.raises(InvitationGone, match="can no longer invite"):
        accept_invitation(token=token, actor=factories.wren())
    assert not Membership.objects.filter(actor=factories.wren()).exists()


def test_a_link_for_workers_outlives_the_membership_of_its_sender() -> None:
    project, bert = factories.a_project(), factories.a_user("bert")
    Membership.objects.create(organisation=project.organisation, actor=bert.actor, role="manager")
    _, token = invite(organisation=project.organisation, by=bert.actor, project_id=project.pk)
    remove_member(organisation=project.organisation, member=bert.actor)
    assert accept_invitation(token=token, actor=factories.wren()) == project


def test_a_used_up_link_without_a_project_may_be_opened_again_by_its_member() -> None:
    _, token = invite(organisation=factories.an_organisation(), by=factories.ada(), role="reviewer", max_uses=1)
    for _ in range(2):
        assert accept_invitation(token=token, actor=factories.wren()) is None
    with pytest.raises(InvitationGone):
        accept_invitation(token=token, actor=factories.finch())


def test_a_worker_becomes_a_reviewer_through_a_link_of_the_same_project_and_leaves_it() -> None:
    project, wren = factories.a_project(), factories.wren()
    standing = factories.admitted(project, wren)
    invitation, token = invite(
        organisation=project.organisation, by=factories.ada(), project_id=project.pk, role="reviewer", max_uses=1
    )
    for _ in range(2):
        assert accept_invitation(token=token, actor=wren) is None
    assert Membership.objects.get(actor=wren).role == "reviewer"
    standing.refresh_from_db()
    assert standing.state == Standing.State.REMOVED
    invitation.refresh_from_db()
    assert invitation.uses == 1


def test_unknown_and_expired_links_are_refused() -> None:
    project, wren = factories.a_project(), factories.wren()
    with pytest.raises(InvitationUnknown):
        accept_invitation(token="no such thing", actor=wren)
    invitation, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=utc_now() - timedelta(days=1))
    with pytest.raises(InvitationGone):
        accept_invitation(token=token, actor=wren)


def test_a_removed_worker_cannot_rejoin_with_the_link() -> None:
    project, wren = factories.a_project(), factories.wren()
    invitation, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    accept_invitation(token=token, actor=wren)
    remove(project=project, worker=wren, reason="Shared the account.")
    with pytest.raises(WorkerRemoved):
        accept_invitation(token=token, actor=wren)
    invitation.refresh_from_db()
    assert invitation.uses == 1
