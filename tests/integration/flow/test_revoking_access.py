"""Whoever loses the right to work loses the running set at once; what was answered before is kept and paid."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts.errors import LastOwner, RoleRefused
from accounts.models import ApiToken, Membership, Role, User
from accounts.services import create_token, reactivate
from kernel.errors import AnnotaryError, NotFound
from projects.models import Project
from tasks.annotation.errors import AnswersFinal
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.selectors import assignment_for, hand_for
from tasks.assignment.services import claim_hand, skip_assignment
from tasks.flow.jobs import expire_leases_job
from tasks.flow.revocation import (
    change_role,
    deactivate,
    end_hands_without_access,
    erase_person,
    remove_member,
    remove_worker,
    sign_out_everywhere,
)
from tasks.pay.selectors import balance
from tasks.standing.errors import StaffCannotWork, WorkerRemoved
from tasks.standing.models import Standing
from tests import factories
from tests.worker_actions import answer, answer_all, assert_invariants, assert_stream_matches_tables, leases_of, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = factories.a_project(
        workers=[factories.wren(), factories.finch()], hand_size=3, answers_min=1, gold_rate=0, price=Decimal("0.02")
    )
    factories.some_tasks(project, 3, wanted=1)
    return project


def removed(project: Project) -> None:
    remove_worker(project=project, worker=factories.wren(), reason="Shared the account.")


def no_member(project: Project) -> None:
    remove_member(organisation=project.organisation, member=factories.wren())


def made_reviewer(project: Project) -> None:
    change_role(organisation=project.organisation, member=factories.wren(), role=Role.REVIEWER)


def signed_out(project: Project) -> None:
    sign_out_everywhere(user=factories.wren().user, revoke_keys=True)


def deactivated(project: Project) -> None:
    deactivate(user=factories.wren().user)


def erased(project: Project) -> None:
    erase_person(user=factories.wren().user)


@pytest.mark.parametrize("revoke", [removed, no_member, made_reviewer, signed_out, deactivated, erased])
def test_the_set_ends_what_was_answered_is_paid_and_the_rest_is_free(
    project: Project, revoke: Callable[[Project], None]
) -> None:
    wren = factories.wren()
    hand = take(wren, project)
    answer(leases_of(hand)[0])
    assert claim_hand(worker=factories.finch(), project=project) is None
    revoke(project)
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert [row.approved for row in balance(worker=wren)] == [Decimal("0.02")]
    assert take(factories.finch(), project).size == 2
    assert_invariants(project)
    assert_stream_matches_tables(project)


ACTIONS: dict[str, Callable[[Hand, Assignment], object]] = {
    "answer": lambda hand, lease: answer(lease),
    "image": lambda hand, lease: assignment_for(worker=hand.worker, assignment_id=lease.public_id),
    "skip": lambda hand, lease: skip_assignment(worker=hand.worker, assignment_id=lease.public_id),
    "hand in": lambda hand, lease: hand_for(worker=hand.worker, hand_id=hand.public_id),
    "claim": lambda hand, lease: claim_hand(worker=hand.worker, project=hand.project),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("revoke", "error"), [(removed, WorkerRemoved), (no_member, WorkerRemoved), (made_reviewer, StaffCannotWork)]
)
def test_every_action_is_refused_in_the_same_words(
    project: Project, revoke: Callable[[Project], None], error: type[AnnotaryError], action: str
) -> None:
    hand = take(factories.wren(), project)
    first, *_, last = leases_of(hand)
    answer(first)
    revoke(project)
    for lease in (first, last):
        with pytest.raises(error) as refused:
            ACTIONS[action](hand, lease)
        assert refused.value.detail == error().detail


@pytest.mark.parametrize(
    "change",
    [
        lambda: Standing.objects.update(state="removed"),
        lambda: Membership.objects.filter(role="worker").delete(),
        lambda: Membership.objects.filter(role="worker").update(role="client"),
        lambda: User.objects.filter(email__startswith="wren").update(is_active=False),
    ],
    ids=["standing", "membership", "role", "account"],
)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_change_made_in_the_database_is_enough(project: Project, change: Callable[[], object], action: str) -> None:
    hand = take(factories.wren(), project)
    answer(leases_of(hand)[0])
    change()
    with pytest.raises((WorkerRemoved, StaffCannotWork)):
        ACTIONS[action](hand, leases_of(hand)[1])
    expire_leases_job()
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert_invariants(project)


def test_the_sweep_leaves_the_sets_of_people_who_may_work(project: Project) -> None:
    hand = take(factories.wren(), project)
    Standing.objects.update(state="paused")
    assert end_hands_without_access() == 0
    assert answer_all(hand)


def test_answers_on_a_device_count_as_late_ones_after_a_sign_out_everywhere(project: Project) -> None:
    hand = take(factories.wren(), project)
    sign_out_everywhere(user=factories.wren().user, revoke_keys=False)
    assert {row.message for row in answer_all(hand)} == {"Saved. You are paid for it."}


def test_a_deactivated_person_comes_back_to_the_same_projects(project: Project) -> None:
    wren = factories.wren().user
    token, _ = create_token(actor=wren.actor, organisation=project.organisation, name="phone", scopes=["work"])
    before = wren.get_session_auth_hash()
    deactivate(user=wren)
    with pytest.raises(WorkerRemoved):
        claim_hand(worker=wren.actor, project=project)
    reactivate(user=wren)
    assert take(wren.actor, project).size == 3
    token.refresh_from_db()
    wren.refresh_from_db()
    assert token.revoked_at is not None
    assert wren.get_session_auth_hash() != before


def test_only_the_keys_of_that_organization_end_with_a_membership(project: Project) -> None:
    wren, elsewhere = factories.wren(), factories.an_organisation("Elsewhere")
    for organisation in (project.organisation, elsewhere):
        create_token(actor=wren, organisation=organisation, name="key", scopes=["work"])
    remove_member(organisation=project.organisation, member=wren)
    assert [row.organisation for row in ApiToken.objects.filter(revoked_at__isnull=True)] == [elsewhere]


def test_the_last_owner_stays_and_nobody_is_lowered_to_worker(project: Project) -> None:
    ada, organisation = factories.ada(), project.organisation
    with pytest.raises(LastOwner):
        remove_member(organisation=organisation, member=ada)
    with pytest.raises(LastOwner):
        change_role(organisation=organisation, member=ada, role=Role.MANAGER)
    made_reviewer(project)
    with pytest.raises(RoleRefused):
        change_role(organisation=organisation, member=factories.wren(), role=Role.WORKER)
    with pytest.raises(NotFound):
        remove_member(organisation=organisation, member=factories.a_worker("owen"))


def test_removal_from_one_project_leaves_the_others(project: Project) -> None:
    second = factories.a_project("Second", workers=[factories.wren()], gold_rate=0)
    factories.some_tasks(second, 1, wanted=1)
    hand = take(factories.wren(), second)
    removed(project)
    answer_all(hand)


def test_a_settled_set_of_someone_who_may_work_is_still_final(project: Project) -> None:
    hand = take(factories.wren(), project)
    answer(leases_of(hand)[0])
    sign_out_everywhere(user=factories.wren().user, revoke_keys=False)
    with pytest.raises(AnswersFinal):
        answer(leases_of(hand)[0], 2)
