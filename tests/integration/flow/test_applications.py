"""People apply to work in a project that lists itself, or by a link; a manager decides."""

from datetime import timedelta

import pytest

from accounts.errors import Blocked, InvitationGone, MustApply
from accounts.models import Actor, Invitation, Membership
from accounts.services import invite
from kernel.clock import utc_now
from kernel.errors import NotFound
from projects.models import Project
from tasks.flow.applications import (
    MOST_TIMES,
    MOST_WAITING,
    accept,
    apply,
    apply_by_link,
    decline,
    sign_up_to_apply,
    withdraw,
)
from tasks.flow.invitations import accept_invitation
from tasks.flow.revocation import block_worker, change_role, erase_person, leave_project, remove_worker
from tasks.standing.applications import applications_of, count_waiting, openings_for
from tasks.standing.errors import (
    ApplicationDecided,
    ApplicationRefused,
    ReasonMissing,
    StaffCannotWork,
    WorkerRemoved,
)
from tasks.standing.models import Application, Standing
from tests import factories

pytestmark = pytest.mark.django_db

State = Application.State


@pytest.fixture
def wren() -> Actor:
    """A worker of the organization, in another of its projects."""
    factories.a_project("Another", workers=[factories.wren()])
    return factories.wren()


@pytest.fixture
def project() -> Project:
    return factories.a_project("Listed", applications="listed")


def a_link(project: Project, **options: object) -> str:
    _, token = invite(
        organisation=project.organisation,
        by=factories.ada(),
        project_id=project.pk,
        needs_approval=True,
        **options,  # type: ignore[arg-type]
    )
    return token


def applied(project: Project, worker: Actor, note: str = "Two years of X-rays.") -> Application:
    return apply(project=project, worker=worker, note=note)


def is_in(project: Project, worker: Actor) -> bool:
    rows = Standing.objects.filter(project=project, worker=worker, state="active")
    return rows.exists() and Membership.objects.filter(actor=worker, role="worker").exists()


def test_a_worker_sees_what_lists_itself_applies_and_is_accepted(project: Project, wren: Actor) -> None:
    factories.a_project("Unlisted")
    factories.a_project("Draft", applications="listed", state="draft")
    assert list(openings_for(worker=wren)) == [project]
    row = applied(project, wren, "  Two years\nof X-rays. ")
    assert (row.note, row.state) == ("Two years of X-rays.", State.WAITING)
    assert applied(project, wren, "again") == row
    assert (count_waiting(project=project), is_in(project, wren)) == (1, False)
    for _ in range(2):
        assert accept(application=row, by=factories.ada()).state == State.ACCEPTED
    assert is_in(project, wren)
    assert not openings_for(worker=wren).exists()
    with pytest.raises(ApplicationDecided):
        decline(application=row, by=factories.ada(), reason="Too late.")


def test_only_workers_of_the_organization_see_it(project: Project) -> None:
    stranger = factories.a_worker("robin")
    assert not openings_for(worker=stranger).exists()
    with pytest.raises(NotFound):
        applied(project, stranger)
    with pytest.raises(StaffCannotWork):
        applied(project, factories.ada())


def test_a_project_that_is_not_listed_takes_none(wren: Actor) -> None:
    with pytest.raises(NotFound):
        applied(factories.a_project("Unlisted"), wren)


def test_a_decline_needs_a_reason_and_has_a_pause(project: Project, wren: Actor) -> None:
    row = applied(project, wren)
    with pytest.raises(ReasonMissing):
        decline(application=row, by=factories.ada(), reason="  ")
    decline(application=row, by=factories.ada(), reason="We have enough people.")
    assert applications_of(worker=wren).get().reason == "We have enough people."
    with pytest.raises(ApplicationRefused, match="again from"):
        applied(project, wren)
    with pytest.raises(ApplicationDecided):
        accept(application=row, by=factories.ada())
    Application.objects.update(decided_at=utc_now() - timedelta(days=8))
    assert applied(project, wren) != row


def test_nobody_applies_for_ever(project: Project, wren: Actor) -> None:
    for _ in range(MOST_TIMES):
        row = applied(project, wren)
        withdraw(application=row)
        withdraw(application=row)
    with pytest.raises(ApplicationRefused, match="3 times"):
        applied(project, wren)


def test_only_so_many_wait_at_a_time(wren: Actor) -> None:
    for number in range(MOST_WAITING):
        applied(factories.a_project(f"Listed {number}", applications="listed"), wren)
    with pytest.raises(ApplicationRefused, match="10 applications"):
        applied(factories.a_project("One more", applications="listed"), wren)


def test_blocked_and_removed_people_cannot_apply_or_be_accepted(project: Project, wren: Actor) -> None:
    row = applied(project, wren)
    block_worker(organisation=project.organisation, worker=wren, by=factories.ada(), reason="A script.")
    with pytest.raises(ApplicationRefused):
        accept(application=row, by=factories.ada())
    assert not is_in(project, wren)
    withdraw(application=row)
    with pytest.raises(Blocked):
        apply_by_link(token=a_link(project), worker=wren, note="")
    finch = factories.finch()
    factories.admitted(project, finch)
    remove_worker(project=project, worker=finch, reason="Shared the account.")
    assert not openings_for(worker=finch).exists()
    with pytest.raises(WorkerRemoved):
        applied(project, finch)
    with pytest.raises(WorkerRemoved):
        apply_by_link(token=a_link(project), worker=finch, note="")


def test_who_became_staff_meanwhile_is_not_accepted(project: Project, wren: Actor) -> None:
    row = applied(project, wren)
    change_role(organisation=project.organisation, member=wren, role="reviewer")
    with pytest.raises(StaffCannotWork):
        accept(application=row, by=factories.ada())


def test_a_link_to_apply_by_admits_nobody_by_itself(project: Project) -> None:
    token, robin = a_link(project, max_uses=2), factories.a_worker("robin")
    with pytest.raises(MustApply):
        accept_invitation(token=token, actor=robin)
    row = apply_by_link(token=token, worker=robin, note="Hello")
    assert apply_by_link(token=token, worker=robin, note="Hello again") == row
    assert (Invitation.objects.get().uses, is_in(project, robin)) == (1, False)
    assert not Membership.objects.filter(actor=robin).exists()
    assert row is not None
    accept(application=row, by=factories.ada())
    assert is_in(project, robin)
    assert apply_by_link(token=token, worker=robin, note="") is None


def test_a_new_account_applies_by_the_link_until_it_is_used_up(project: Project) -> None:
    token = a_link(project, max_uses=1)
    user = sign_up_to_apply(token=token, email="jo@example.org", password="a long sentence", name="Jo", note="Hi")
    assert applications_of(worker=user.actor).get().note == "Hi"
    with pytest.raises(InvitationGone):
        sign_up_to_apply(token=token, email="kim@example.org", password="a long sentence", name="", note="")


def test_who_left_applies_and_comes_back_as_they_were(project: Project, wren: Actor) -> None:
    factories.admitted(project, wren, state="paused", reason="Slow down.")
    leave_project(project=project, worker=wren)
    accept(application=applied(project, wren), by=factories.ada())
    assert Standing.objects.get(project=project, worker=wren).state == "paused"


def test_an_erased_account_leaves_no_note(project: Project, wren: Actor) -> None:
    row = applied(project, wren)
    erase_person(user=wren.user)
    row.refresh_from_db()
    assert (row.note, row.state) == ("", State.WITHDRAWN)
