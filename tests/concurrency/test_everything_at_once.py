"""Sixteen connections at once, at random: workers, some with two tabs, three managers, and sweeps and jobs twice."""

import time
from functools import partial

import pytest

from accounts.memberships import change_organisation
from kernel.events import number_events
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.flow.expiry import expire_leases
from tasks.pay.models import LedgerEntry
from tests import factories, random_walk, worker_actions
from tests.concurrency_helpers import database_url, together
from tests.decision_walk import OPTIONS, ConcernedWorker, DecisionWalk, something_to_decide
from tests.invariants import violations
from tests.manager_walk import ManagerWalk, extra_workers
from tests.random_walk import BeatWalk, RandomWalk, Walk
from tests.simulation.crowd_schedule import two_sets_at_once

pytestmark = pytest.mark.django_db(transaction=True)

#: The walks end after this many verbs, or seconds on a busy machine.
STEPS, SECONDS = 320, 60.0
#: Drafts of rejections are drawn by chance.
MAY_HAVE_NO_CHANCE = {"decide_on_draft"}
#: So many verbs are drawn at random for each that was not made yet: a rare one would be left out by chance.
RANDOM_ONES = 4
TABS = ("w0", "w0", "w1", "w1", "w2", "w3", "w4", "w5", "w6", "extra0", "extra1")


def two_projects() -> tuple[Project, Project]:
    """A project with managers, in which images are soon set aside, and a small one of the same organization, in which
    workers may have one set in progress."""
    project = random_walk.a_busy_project(8, tasks=60, batches=6, **OPTIONS)
    Project.objects.filter(pk=project.pk).update(skips_to_manager=1)
    people = [factories.a_worker(name) for name in sorted(set(TABS[:8]))]
    other = factories.a_project("Another", workers=people, hand_size=3, answers_min=1, answers_max=1)
    factories.some_tasks(other, 20)
    change_organisation(organisation=project.organisation, live_sets=1)
    return project, other


def all_walks(project: Project, other: Project) -> list[Walk]:
    extra_workers(project)
    something_to_decide(project)
    workers = [factories.a_worker(name) for name in TABS]
    walks: list[Walk] = [ConcernedWorker(project, worker, 7 + n, other=other) for n, worker in enumerate(workers)]
    walks += [ManagerWalk(project, 107 + number) for number in range(2)]
    walks.append(DecisionWalk(project, 307))
    return [*walks, *[BeatWalk(project, 207 + number) for number in range(2)]]


def settle_everything(*projects: Project) -> None:
    for hand in Hand.objects.filter(project__in=projects, state=Hand.State.LIVE):
        worker_actions.expire_hand(hand)
    expire_leases()
    worker_actions.run_all_jobs()
    for project in projects:
        while number_events(project_id=project.pk):
            pass


@pytest.mark.slow
def test_every_verb_at_once_keeps_the_rules_and_every_acknowledged_answer() -> None:
    project, other = two_projects()
    walks, end = all_walks(project, other), time.monotonic() + SECONDS

    def wander(walk: Walk) -> None:
        for number in range(1, STEPS + 1):
            if time.monotonic() > end:
                return
            walk.step() if number % (RANDOM_ONES + 1) else walk.step_to_another_verb()

    results = together(*[partial(wander, walk) for walk in walks])
    assert results == [None] * 16
    settle_everything(project, other)

    receipts = [receipt for walk in walks if isinstance(walk, RandomWalk) for receipt in walk.receipts]
    assert violations(database_url(), receipts=receipts) == []
    for each in (project, other):
        worker_actions.assert_invariants(each)
        worker_actions.assert_stream_matches_tables(each)
    assert not two_sets_at_once(project, other)
    submitted = Assignment.objects.filter(state="submitted").count()
    print(f"{submitted} answers")
    assert submitted == len({receipt.assignment for receipt in receipts}) > 60
    assert LedgerEntry.objects.filter(kind="credit").count() == submitted
    assert_every_verb_was_tried(walks)


def assert_every_verb_was_tried(walks: list[Walk]) -> None:
    """Few succeed at any moment, as the approval of a batch; a walk without them would prove little."""
    tried = {name.partition(":")[0] for walk in walks for name in [*walk.done, *walk.refused]}
    assert tried | MAY_HAVE_NO_CHANCE >= {verb.__name__ for walk in walks for verb in walk.verbs()}
