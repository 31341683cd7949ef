"""Eight workers act at random at the same time, each on its own connection, together with the sweep and a manager."""

from functools import partial

import pytest

from tasks.assignment.models import Assignment
from tasks.flow.expiry import expire_leases
from tasks.standing.models import Standing
from tests import random_walk, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.slow
def test_random_walks_do_not_deadlock_and_keep_the_invariants() -> None:
    project = random_walk.a_busy_project(8, tasks=40, batches=4)
    standings = Standing.objects.filter(project=project).select_related("worker").order_by("pk")
    walks = [random_walk.RandomWalk(project, row.worker, 7 + number) for number, row in enumerate(standings)]

    def wander(walk: random_walk.RandomWalk) -> None:
        for _ in range(70):
            walk.step()

    results = together(*[partial(wander, walk) for walk in walks])
    assert results == [None] * len(walks)
    expire_leases()
    worker_actions.run_late_jobs()
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
    for walk in walks:
        walk.assert_nothing_acknowledged_was_lost()
    assert Assignment.objects.filter(state="submitted").count() > 40
