"""Deletions, archiving, claims and changes of roles that happen at the same time, on real connections."""

from functools import partial

import pytest
from django.db import transaction

from accounts.models import Actor, Membership, Role
from kernel.errors import AnnotaryError, Forbidden
from kernel.models import Job
from projects.errors import ProjectUnknown
from projects.lifecycle import archive_project, mark_deleted, reopen_project
from projects.models import Project
from projects.services import rename_project
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.flow.project_deletion import delete_project, erase_project
from tasks.flow.revocation import change_role, end_hands_without_access, remove_member
from tasks.pay.models import LedgerEntry
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


def a_project(name: str = "Strays") -> Project:
    project = factories.a_project(name, workers=[factories.wren()], answers_min=1, gold_rate=0)
    factories.some_tasks(project, 4)
    return project


def delete(project: Project, by: Actor) -> None:
    delete_project(project=project, by=by, confirm=project.name, record={})


def erase(project: Project) -> None:
    erase_project(project_id=project.pk, progress=lambda done, total: None)


def an_owner(name: str) -> Actor:
    actor = factories.a_user(name).actor
    Membership.objects.update_or_create(
        organisation=factories.an_organisation(), actor=actor, defaults={"role": Role.OWNER}
    )
    return actor


def test_two_tabs_delete_a_project_once() -> None:
    by = factories.ada()
    for number in range(ROUNDS):
        project = a_project(f"Strays {number}")
        results = together(*[partial(delete, project, by)] * 3)
        assert sorted(type(result).__name__ for result in results) == ["NoneType", "ProjectUnknown", "ProjectUnknown"]
        assert Job.objects.filter(kind="flow.delete_project", project_id=project.pk).count() == 1


def test_a_deletion_that_waited_for_another_name_needs_that_name() -> None:
    project, by = a_project(), factories.ada()
    with transaction.atomic():
        rename_project(project=project, name="Owls")
        call = BackgroundCall(lambda: mark_deleted(project=project, by=by, confirm="Strays", record={}))
        call.wait_until_blocked()
    assert "does not match" in str(call.wait_for_result())


def test_reopening_and_deleting_at_once_ends_deleted() -> None:
    by = factories.ada()
    for number in range(ROUNDS):
        project = a_project(f"Strays {number}")
        archive_project(project=project)
        deleted, reopened = together(partial(delete, project, by), partial(reopen_project, project=project))
        assert deleted is None
        assert isinstance(reopened, Project | ProjectUnknown)
        row = Project.objects.get(pk=project.pk)
        assert (row.state, row.deleted_at is None) == (Project.State.CLOSED, False)


def test_a_claim_in_flight_ends_with_the_project_and_its_answer_is_paid() -> None:
    project, worker, by = a_project(), factories.wren(), factories.ada()
    with transaction.atomic():
        answer(leases_of(take(worker, project))[0])
        assert BackgroundCall(lambda: delete(project, by)).wait_for_result() is None
    assert Hand.objects.get().state == Hand.State.LIVE
    assert end_hands_without_access() == 1
    assert LedgerEntry.objects.count() == 1
    erase(project)
    assert not Hand.objects.exists()
    assert LedgerEntry.objects.count() == 1


def test_the_job_waits_for_a_claim_in_flight() -> None:
    project, worker, by = a_project(), factories.wren(), factories.ada()
    with transaction.atomic():
        take(worker, project)
        BackgroundCall(lambda: delete(project, by)).wait_for_result()
        job = BackgroundCall(lambda: erase(project))
        job.wait_until_blocked()
    job.wait_for_result()  # a foreign key may refuse it; then the job's next attempt ends it
    erase(project)
    assert not Hand.objects.exists()
    assert Project.objects.get(pk=project.pk).erased_at is not None


def test_an_archived_project_is_worked_on_no_more_and_what_was_answered_is_paid() -> None:
    worker = factories.wren()

    def work(project: Project) -> None:
        hand = claim_hand(worker=worker, project=project)
        for lease in leases_of(hand) if hand else []:
            answer(lease)

    for number in range(ROUNDS):
        project = a_project(f"Strays {number}")
        worked, archived = together(partial(work, project), partial(archive_project, project=project))
        assert isinstance(archived, Project)
        assert worked is None or isinstance(worked, AnnotaryError), worked
        end_hands_without_access()
        assert not Hand.objects.filter(project=project, state=Hand.State.LIVE).exists()
        paid = LedgerEntry.objects.filter(project=project).count()
        assert paid == project.assignments.filter(state="submitted").count()


@pytest.mark.parametrize("step", ["demote", "remove"])
def test_of_two_owners_who_end_each_other_one_stays(step: str) -> None:
    """With a third owner neither is the last one: the second must be asked for their right under the lock."""
    organisation = factories.an_organisation()
    an_owner("olga")

    def end(by: Actor, other: Actor) -> None:
        if step == "demote":
            change_role(organisation=organisation, member=other, role=Role.REVIEWER, by=by)
        else:
            remove_member(organisation=organisation, member=other, by=by)

    for _ in range(ROUNDS):
        ada, bert = an_owner("ada"), an_owner("bert")
        results = together(partial(end, ada, bert), partial(end, bert, ada))
        refused = [result for result in results if result is not None]
        assert len(refused) == 1, results
        assert isinstance(refused[0], AnnotaryError)
        assert Membership.objects.filter(actor__in=[ada, bert], role=Role.OWNER).count() == 1


def test_a_demotion_waits_and_is_refused_once_the_right_is_gone() -> None:
    organisation = factories.an_organisation()
    an_owner("olga")
    ada, bert = an_owner("ada"), an_owner("bert")
    with transaction.atomic():
        change_role(organisation=organisation, member=bert, role=Role.REVIEWER, by=ada)
        call = BackgroundCall(lambda: change_role(organisation=organisation, member=ada, role=Role.CLIENT, by=bert))
        call.wait_until_blocked()
    assert isinstance(call.wait_for_result(), Forbidden)
    assert Membership.objects.get(actor=ada).role == Role.OWNER


def test_the_last_two_owners_cannot_both_step_down() -> None:
    organisation = factories.an_organisation()
    ada, bert = an_owner("ada"), an_owner("bert")
    results = together(
        lambda: change_role(organisation=organisation, member=ada, role=Role.CLIENT, by=ada),
        lambda: change_role(organisation=organisation, member=bert, role=Role.CLIENT, by=bert),
    )
    assert sum(isinstance(result, AnnotaryError) for result in results) == 1
    assert Membership.objects.filter(organisation=organisation, role=Role.OWNER).count() == 1
