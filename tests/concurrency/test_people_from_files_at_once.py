"""The same file of people twice at once, and leaving while a set is claimed, on real connections."""

import pytest
from django.db import transaction

from accounts.models import Invitation
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.flow.people import invite_from_file, leave_from_file
from tasks.flow.revocation import leave_project
from tasks.standing.errors import WorkerRemoved
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together
from tests.worker_actions import assert_invariants, take

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_file_twice_at_once_invites_nobody_twice() -> None:
    project, ada = factories.a_project(), factories.ada()
    content = b"email,skill.cats\n" + b"".join(b"p%d@example.org,1\n" % number for number in range(200))
    reports = together(
        *[lambda: invite_from_file(project=project, content=content, by=ada, base_url="https://a.example")] * 4
    )
    assert sorted(report.changed for report in reports) == [0, 0, 0, 200]
    assert Invitation.objects.count() == 200


def test_leaving_waits_for_a_claim_in_flight_and_ends_its_set() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=4, answers_min=1, gold_rate=0)
    factories.some_tasks(project, 4, wanted=1)
    with transaction.atomic():
        hand = take(wren, project)
        call = BackgroundCall(lambda: leave_project(project=project, worker=wren))
        call.wait_until_blocked()
    call.wait_for_result()
    assert Hand.objects.get(pk=hand.pk).state == Hand.State.SETTLED
    with pytest.raises(WorkerRemoved):
        claim_hand(worker=wren, project=project)
    assert_invariants(project)


def test_two_files_end_the_sets_of_a_crowd_without_a_deadlock() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(6)]
    project = factories.a_project(workers=crowd, hand_size=3, answers_min=1, gold_rate=0)
    factories.some_tasks(project, 30, wanted=1)
    for worker in crowd:
        take(worker, project)
    lines = [f"bird{number}@example.org" for number in range(6)]
    files = ["\n".join(["email", *order]).encode() for order in (lines, lines[::-1])]
    reports = together(
        *[lambda content=content: leave_from_file(project=project, content=content) for content in files]
    )
    assert [report.problems for report in reports] == [0, 0]
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()
    assert_invariants(project)
