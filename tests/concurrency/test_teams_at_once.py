"""Members come and go while batches are kept, archived and claimed, on real connections."""

from functools import partial

import pytest
from django.db import transaction

from accounts.errors import TeamInUse, TeamRefused
from accounts.models import TeamMember
from accounts.teams import add_member, create_team, remove_member
from kernel.errors import NotFound
from tasks.assignment.models import Hand
from tasks.batching.models import Batch
from tasks.batching.services import change_batch
from tasks.batching.teams import archive_team
from tasks.flow.people import invite_from_file
from tasks.flow.revocation import block_worker
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together
from tests.worker_actions import assert_invariants, take

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


def test_no_batch_is_kept_for_a_team_that_is_archived_at_the_same_moment() -> None:
    project = factories.a_project()
    for number in range(ROUNDS):
        team = create_team(organisation=project.organisation, name=f"Team {number}")
        batch = factories.a_batch(project)
        results = together(
            partial(archive_team, team=team), partial(change_batch, batch=batch, changes={"team": team.public_id})
        )
        team.refresh_from_db()
        batch.refresh_from_db()
        assert sum(isinstance(each, TeamInUse | TeamRefused | NotFound) for each in results) == 1, results
        assert (team.archived_at is None) == (batch.team_id == team.pk)


def test_nobody_is_in_a_team_who_is_blocked_at_the_same_moment() -> None:
    project = factories.a_project()
    team = create_team(organisation=project.organisation, name="Harbor")
    for number in range(ROUNDS):
        worker = factories.a_worker(f"bird{number}")
        factories.admitted(project, worker)
        together(
            partial(add_member, team=team, worker=worker),
            partial(
                block_worker, organisation=project.organisation, worker=worker, by=factories.ada(), reason="A script."
            ),
        )
        assert not TeamMember.objects.filter(worker=worker).exists()


def test_adding_a_member_waits_for_a_claim_in_flight() -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], answers_min=1, gold_rate=0)
    team = create_team(organisation=project.organisation, name="Harbor")
    factories.some_tasks(project, 3, wanted=1)
    with transaction.atomic():
        hand = take(wren, project)
        call = BackgroundCall(lambda: add_member(team=team, worker=wren))
        call.wait_until_blocked()
    assert call.wait_for_result() is True
    remove_member(team=team, worker=wren)
    assert Hand.objects.get(pk=hand.pk).state == Hand.State.LIVE


def test_a_crowd_of_two_teams_takes_only_what_is_theirs() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(8)]
    project = factories.a_project(workers=crowd, hand_size=4, answers_min=1, gold_rate=0)
    teams = [create_team(organisation=project.organisation, name=name) for name in ("Harbor", "Quay")]
    batches: list[Batch] = []
    for number in range(4):
        batch = factories.a_batch(project)
        for _ in range(8):
            factories.a_task(project, batch=batch, wanted=1)
        batches.append(change_batch(batch=batch, changes={"team": teams[number % 2].public_id}))
    for number, worker in enumerate(crowd):
        add_member(team=teams[number % 2], worker=worker)
    hands = together(*[partial(take, worker, project) for worker in crowd])
    for number, hand in enumerate(hands):
        own = {batch.pk for batch in batches if batch.team_id == teams[number % 2].pk}
        assert {lease.task.batch_id for lease in hand.assignments.all()} <= own
    assert_invariants(project)


def test_two_files_put_the_same_people_into_two_teams_without_a_deadlock() -> None:
    crowd = [factories.a_worker(f"bird{number}") for number in range(6)]
    project = factories.a_project(workers=crowd)
    for name in ("Harbor", "Quay"):
        create_team(organisation=project.organisation, name=name)
    other = factories.a_project("Other", workers=crowd)
    names = [f"bird{number}@example.org" for number in range(6)]
    files = [
        "\n".join(["email,team,skill.cats", *(f"{each},{team},1" for each in order)]).encode()
        for team, order in (("Harbor", names), ("Quay", names[::-1]))
    ]
    invite = partial(invite_from_file, by=factories.ada(), base_url="https://a.example")
    reports = together(
        partial(invite, project=project, content=files[0]), partial(invite, project=other, content=files[1])
    )
    assert [report.is_applied for report in reports] == [True, True]
    assert TeamMember.objects.count() == 12
