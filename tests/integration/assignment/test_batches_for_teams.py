"""A batch that is kept for a team is claimed by its members alone; whoever has a set keeps it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Actor, Team
from accounts.teams import add_member, create_team, remove_member
from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.batch_deadlines import deadline_forecasts
from tasks.assignment.selectors import StuckTasks, stuck_tasks
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_batch
from tasks.consensus.selectors import remaining_workers
from tasks.flow.claim_any import claim_any
from tasks.flow.requeue import requeue_stuck
from tests import factories
from tests.worker_actions import answer, assert_invariants, leases_of, settle, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    workers = [factories.wren(), factories.finch(), factories.a_worker("robin")]
    return factories.a_project(workers=workers, answers_min=1, gold_rate=0, hand_size=5)


@pytest.fixture
def team(project: Project) -> Team:
    """The harbor team, of which wren is the only member."""
    row = create_team(organisation=project.organisation, name="Harbor")
    add_member(team=row, worker=factories.wren())
    return row


def kept(project: Project, team: Team | None, tasks: int = 3, **fields: Any) -> Batch:
    batch = factories.a_batch(project, **fields)
    for _ in range(tasks):
        factories.a_task(project, batch=batch, wanted=1)
    return change_batch(batch=batch, changes={"team": team and team.public_id})


def batches_of(worker: Actor, project: Project) -> set[int]:
    return {lease.task.batch_id for lease in leases_of(take(worker, project)) if lease.task}


def test_only_members_get_its_images_and_others_get_the_rest(project: Project, team: Team) -> None:
    urgent, shared = kept(project, team, priority=5), kept(project, None)
    assert batches_of(factories.finch(), project) == {shared.pk}
    assert batches_of(factories.wren(), project) == {urgent.pk}
    assert claim_hand(worker=factories.a_worker("robin"), project=project) is None
    assert_invariants(project)


def test_a_queue_over_projects_passes_by_what_is_kept_for_others(project: Project, team: Team) -> None:
    kept(project, team)
    assert claim_any(worker=factories.finch()) is None
    claimed = claim_any(worker=factories.wren())
    assert claimed is not None


def test_members_of_two_teams_get_the_batches_of_both(project: Project, team: Team) -> None:
    quay = create_team(organisation=project.organisation, name="Quay")
    add_member(team=quay, worker=factories.wren())
    first, second = kept(project, team, tasks=2), kept(project, quay, tasks=2)
    assert batches_of(factories.wren(), project) == {first.pk, second.pk}


def test_a_batch_that_is_opened_again_is_offered_to_those_who_found_nothing(project: Project, team: Team) -> None:
    batch, finch = kept(project, team), factories.finch()
    assert claim_hand(worker=finch, project=project) is None
    change_batch(batch=batch, changes={"team": ""})
    assert batches_of(finch, project) == {batch.pk}


def test_who_leaves_the_team_keeps_the_set_and_what_comes_back_of_it(project: Project, team: Team) -> None:
    batch, wren = kept(project, team, tasks=6), factories.wren()
    hand = take(wren, project)
    remove_member(team=team, worker=wren)
    answered, *others = leases_of(hand)
    assert answer(answered).counts
    release_hand(worker=wren, hand_id=hand.public_id)
    settle(hand)
    again = take(wren, project)
    # What was shown comes back first, check images and work alike; nothing new of the batch comes with it.
    assert {lease.task_id for lease in leases_of(again)} == {lease.task_id for lease in others}
    for lease in leases_of(again):
        answer(lease)
    settle(again)
    assert claim_hand(worker=wren, project=project) is None
    assert Task.objects.filter(batch=batch, taken=0).count() == 1
    assert_invariants(project)


def test_images_that_no_member_can_take_are_stuck_though_others_could(project: Project, team: Team) -> None:
    kept(project, team, tasks=2)
    hand = take(factories.wren(), project)
    for lease in leases_of(hand):
        skip_assignment(worker=factories.wren(), assignment_id=lease.public_id)
    settle(hand)
    assert stuck_tasks(project=project) == StuckTasks(without_answer=2, with_answers=0)
    add_member(team=team, worker=factories.finch())
    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)
    remove_member(team=team, worker=factories.finch())
    assert requeue_stuck(project=project) == (2, 0)
    assert len(leases_of(take(factories.wren(), project))) == 2


def test_shared_images_are_not_stuck_because_a_team_has_had_them(project: Project, team: Team) -> None:
    kept(project, team, tasks=1)
    kept(project, None, tasks=1)
    hand = take(factories.wren(), project)
    for lease in leases_of(hand):
        skip_assignment(worker=factories.wren(), assignment_id=lease.public_id)
    settle(hand)
    assert stuck_tasks(project=project) == StuckTasks(without_answer=1, with_answers=0)


def test_a_team_without_workers_in_the_project_waits_for_its_first(project: Project) -> None:
    kept(project, create_team(organisation=project.organisation, name="Quay"))
    assert stuck_tasks(project=project) == StuckTasks(without_answer=0, with_answers=0)


def test_remaining_workers_of_a_kept_task_are_the_members(project: Project, team: Team) -> None:
    mine, shared = kept(project, team, tasks=1), kept(project, None, tasks=1)
    first, second = Task.objects.get(batch=mine), Task.objects.get(batch=shared)
    ids = [first.pk, second.pk]
    assert remaining_workers(project_id=project.pk, task_ids=ids) == {first.pk: 1, second.pk: 3}
    take(factories.wren(), project)
    assert remaining_workers(project_id=project.pk, task_ids=ids) == {first.pk: 0, second.pk: 2}
    add_member(team=team, worker=factories.finch())
    assert remaining_workers(project_id=project.pk, task_ids=ids) == {first.pk: 1, second.pk: 2}


def test_a_kept_batch_is_forecast_at_the_pace_of_its_team(project: Project, team: Team) -> None:
    due = database_now() + timedelta(hours=50)
    batch = kept(project, team, tasks=4, deadline_at=due)
    other = kept(project, create_team(organisation=project.organisation, name="Quay"), tasks=9, deadline_at=due)
    shared = kept(project, None, tasks=2)
    for worker in (factories.finch(), factories.wren()):
        for lease in leases_of(take(worker, project))[:2]:
            answer(lease)
    batches = list(Batch.objects.filter(pk__in=[batch.pk, other.pk]))
    pace = {"answers": 4, "workers": 2, "hours": 1.0}
    found = deadline_forecasts(project=project, batches=batches, throughput=pace)  # type: ignore[arg-type]
    assert shared.pk not in found
    done_at = found[batch.pk].done_at
    assert done_at is not None
    # Two answers are left, and wren gave two in the hour.
    assert round((done_at - database_now()).total_seconds() / 3600) == 1
    assert found[other.pk].done_at is None
