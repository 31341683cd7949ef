"""Revocations against claims, submissions and invitations that arrive at the same time, on real connections."""

from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction

from accounts.models import Actor, Membership, Role
from accounts.services import invite
from kernel.locks import lock_access
from projects.models import Project
from tasks.annotation.errors import ImageGivenBack
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.flow.invitations import accept_invitation
from tasks.flow.revocation import change_role, deactivate, remove_worker
from tasks.flow.settlement import settle_hand
from tasks.pay.models import LedgerEntry
from tasks.standing.errors import StaffCannotWork, WorkerRemoved
from tasks.standing.models import Standing
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together
from tests.worker_actions import answer, assert_invariants, leases_of, take

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 15


def a_project(name: str = "Strays", *, tasks: int = 4) -> Project:
    project = factories.a_project(
        name, workers=[factories.wren()], hand_size=4, answers_min=1, gold_rate=0, price=Decimal("0.02")
    )
    factories.some_tasks(project, tasks, wanted=1)
    return project


def removal(project: Project) -> BackgroundCall:
    return BackgroundCall(lambda: remove_worker(project=project, worker=factories.wren(), reason="Shared the account."))


def test_a_removal_waits_for_a_claim_in_flight_and_ends_its_set() -> None:
    project = a_project()
    with transaction.atomic():
        hand = take(factories.wren(), project)
        call = removal(project)
        call.wait_until_blocked()
    assert call.wait_for_result().state == Standing.State.REMOVED
    assert Hand.objects.get(pk=hand.pk).state == Hand.State.SETTLED
    assert_invariants(project)


def test_a_claim_waits_for_a_removal_in_flight_and_is_refused() -> None:
    project = a_project()
    with transaction.atomic():
        remove_worker(project=project, worker=factories.wren(), reason="Shared the account.")
        call = BackgroundCall(lambda: claim_hand(worker=factories.wren(), project=project))
        call.wait_until_blocked()
    assert isinstance(call.wait_for_result(), WorkerRemoved)
    assert not Hand.objects.exists()


def test_a_claim_waits_for_a_deactivation_in_flight_and_is_refused() -> None:
    project = a_project()
    with transaction.atomic():
        deactivate(user=factories.wren().user)
        call = BackgroundCall(lambda: claim_hand(worker=factories.wren(), project=project))
        call.wait_until_blocked()
    assert isinstance(call.wait_for_result(), WorkerRemoved)


def test_a_submission_before_the_removal_is_waited_for_and_paid() -> None:
    project = a_project()
    lease = leases_of(take(factories.wren(), project))[0]
    with transaction.atomic():
        answer(lease)
        call = removal(project)
        call.wait_until_blocked()
    call.wait_for_result()
    assert LedgerEntry.objects.get().assignment_id == lease.pk
    assert_invariants(project)


def test_a_submission_after_the_removal_waits_and_is_refused() -> None:
    project = a_project()
    lease = leases_of(take(factories.wren(), project))[0]
    with transaction.atomic():
        remove_worker(project=project, worker=factories.wren(), reason="Shared the account.")
        call = BackgroundCall(lambda: answer(lease))
        call.wait_until_blocked()
    assert isinstance(call.wait_for_result(), WorkerRemoved)
    assert not LedgerEntry.objects.exists()
    assert_invariants(project)


def test_submissions_a_hand_in_and_a_removal_at_once_pay_exactly_what_was_acknowledged() -> None:
    wren = factories.wren()
    for number in range(ROUNDS):
        project = a_project(f"Strays {number}")
        hand = take(wren, project)
        leases = leases_of(hand)
        results = together(
            *[partial(answer, lease) for lease in leases],
            partial(settle_hand, worker=wren, hand_id=hand.public_id),
            partial(remove_worker, project=project, worker=wren, reason="Shared the account."),
        )
        unexpected = [each for each in results if isinstance(each, Exception)]
        assert all(isinstance(each, WorkerRemoved | ImageGivenBack) for each in unexpected), unexpected
        acknowledged = {
            lease.pk for lease, each in zip(leases, results, strict=False) if not isinstance(each, Exception)
        }
        paid = LedgerEntry.objects.filter(project=project).values_list("assignment_id", flat=True)
        assert sorted(paid) == sorted(acknowledged)
        assert not Assignment.objects.filter(project=project, state="leased").exists()
        assert_invariants(project)


def a_member(name: str) -> Actor:
    """Return a worker of the organization: of new members, the unique index would admit one tab after the other."""
    actor = factories.a_worker(name)
    Membership.objects.create(organisation=factories.an_organisation(), actor=actor, role=Role.WORKER)
    return actor


def links(project: Project) -> tuple[str, str]:
    """Return the tokens of a worker's and a reviewer's link."""
    create = partial(invite, organisation=project.organisation, by=factories.ada())
    return create(project_id=project.pk)[1], create(role=Role.REVIEWER)[1]


def test_two_tabs_that_accept_both_links_at_once_never_make_a_reviewer_who_works() -> None:
    for number in range(ROUNDS):
        project = factories.a_project(f"Strays {number}")
        finch = a_member(f"finch{number}")
        calls = [partial(accept_invitation, token=token, actor=finch) for token in links(project)]
        [as_worker, as_reviewer] = together(*calls)
        assert as_reviewer is None
        assert as_worker == project or isinstance(as_worker, StaffCannotWork)
        assert Membership.objects.get(actor=finch).role == Role.REVIEWER
        assert not Standing.objects.filter(worker=finch).exclude(state=Standing.State.REMOVED).exists()


@pytest.mark.parametrize("first", [0, 1])
def test_the_second_of_two_tabs_waits_for_the_first(first: int) -> None:
    project, finch = factories.a_project(), a_member("finch")
    tokens = links(project)
    with transaction.atomic():
        accept_invitation(token=tokens[first], actor=finch)
        call = BackgroundCall(lambda: accept_invitation(token=tokens[1 - first], actor=finch))
        call.wait_until_blocked()
    result = call.wait_for_result()
    assert result is None if first == 0 else isinstance(result, StaffCannotWork)
    assert not Standing.objects.filter(worker=finch).exclude(state=Standing.State.REMOVED).exists()


def test_a_worker_who_becomes_a_reviewer_while_claiming_has_no_set() -> None:
    project = a_project()
    with transaction.atomic():
        change_role(organisation=project.organisation, member=factories.wren(), role=Role.REVIEWER)
        call = BackgroundCall(lambda: claim_hand(worker=factories.wren(), project=project))
        call.wait_until_blocked()
    assert isinstance(call.wait_for_result(), StaffCannotWork)
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()


def test_one_persons_revocation_does_not_wait_for_anothers_claims() -> None:
    project = a_project()
    factories.admitted(project, factories.finch())
    with transaction.atomic():
        lock_access(actor_id=factories.wren().pk)
        assert isinstance(BackgroundCall(lambda: take(factories.finch(), project)).wait_for_result(), Hand)
