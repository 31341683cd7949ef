"""The invariants hold after every step, whatever workers, sweep and managers do in any order."""

import random

import pytest
from django.db import connection

from kernel.models import Event
from tasks.assignment.models import Assignment
from tasks.standing.models import Standing
from tests import random_walk, worker_actions
from tests.seeded import seed_services

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(4))
def test_the_invariants_hold_after_every_step(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fix_randomness(seed, monkeypatch)
    project = random_walk.a_busy_project(4)
    standings = Standing.objects.filter(project=project).select_related("worker").order_by("pk")
    walks = [random_walk.RandomWalk(project, row.worker, seed * 100 + number) for number, row in enumerate(standings)]
    order = random.Random(seed)
    for number in range(320):
        order.choice(walks).step()
        if number % 60 == 30:
            worker_actions.run_late_jobs()
            standings.update(state=Standing.State.ACTIVE)
        if number % 4 == 0:
            assert_invariants_hold(walks)
    worker_actions.run_late_jobs()
    assert_invariants_hold(walks)
    worker_actions.assert_invariants(project)
    # The walk is only meaningful if it covered every transition.
    kinds = Event.objects.filter(project_id=project.pk).values_list("kind", flat=True)
    assert set(kinds) >= {
        "answer.submitted",
        "assignment.skipped",
        "assignment.expired",
        "assignment.released",
        "hand.settled",
    }
    assert Event.objects.filter(kind="hand.claimed", delta__has_any_keys=["released", "expired"]).exists()
    assert worker_actions.stream_totals(project)["gold_seen"]
    assert Assignment.objects.filter(state="submitted", late=True).exists()


def fix_randomness(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the walk reproducible: the positions of gold, and the choice among the least exposed."""
    seed_services(monkeypatch, random.Random(seed))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")


def assert_invariants_hold(walks: list[random_walk.RandomWalk]) -> None:
    worker_actions.assert_invariants(walks[0].project, late_jobs_pending=True)
    worker_actions.assert_stream_matches_tables(walks[0].project)
    for walk in walks:
        walk.assert_nothing_acknowledged_was_lost()
