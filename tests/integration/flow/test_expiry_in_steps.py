"""A backlog of expired leases is worked off in steps; one that cannot expire holds up no other."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from kernel.clock import ClockTimestamp
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.flow import expiry
from tasks.flow.expiry import expire_leases, settle_expired_hands
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

WORKERS = 6
SIZE = 4
# PostgreSQL itself refuses: nothing of the application is replaced.
REFUSE = """
CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse_one BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id = {id} AND NEW.state <> OLD.state)
EXECUTE FUNCTION refuse_one()
"""


@pytest.fixture
def project() -> Project:
    """Expired sets of several workers over several batches, with gold in them."""
    workers = [factories.a_worker(f"worker-{number}") for number in range(WORKERS)]
    project = factories.a_project(workers=workers, hand_size=SIZE, gold_rate=0.25, answers_min=2)
    factories.some_tasks(project, 18, batches=5)
    for _ in range(4):
        factories.a_gold(project)
    for number, worker in enumerate(workers):
        hand = worker_actions.take(worker, project)
        worker_actions.expire_hand(hand)
        earlier = timedelta(seconds=number)
        Hand.objects.filter(pk=hand.pk).update(expires_at=F("expires_at") - earlier)
        Assignment.objects.filter(hand=hand).update(expires_at=F("expires_at") - earlier)
    return project


def leased() -> int:
    return Assignment.objects.filter(state=Assignment.State.LEASED).count()


def refuse(table: str, row_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REFUSE.format(table=table, id=row_id))


def assert_everything_is_settled(project: Project) -> None:
    assert leased() == 0
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


@pytest.mark.parametrize(("step", "window"), [(1, 1), (3, 5), (200, 10_000)])
def test_all_of_it_expires_whatever_the_steps(project: Project, monkeypatch: Any, step: int, window: int) -> None:
    monkeypatch.setattr(expiry, "STEP", step)
    monkeypatch.setattr(expiry, "WINDOW", window)
    waiting = leased()
    assert waiting > 2 * step or step == 200
    assert expire_leases() == waiting
    assert_everything_is_settled(project)
    assert expire_leases() == 0


def test_leases_with_the_same_end_are_all_reached(project: Project, monkeypatch: Any) -> None:
    Assignment.objects.update(expires_at=ClockTimestamp() - timedelta(seconds=9))
    same = Assignment.objects.order_by("pk").values_list("expires_at", flat=True)[0]
    Assignment.objects.update(expires_at=same)
    monkeypatch.setattr(expiry, "WINDOW", 5)
    waiting = leased()
    assert expire_leases() == waiting


def test_one_that_fails_again_and_again_holds_up_no_other(project: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(expiry, "WINDOW", 7)
    oldest = Assignment.objects.filter(state="leased").order_by("expires_at", "pk")[0]
    refuse("tasks_assignment", oldest.pk)
    waiting = leased()
    assert expire_leases() == waiting - 1
    assert list(Assignment.objects.filter(state="leased")) == [oldest]
    assert expire_leases() == 0
    assert list(Hand.objects.filter(state=Hand.State.LIVE)) == [oldest.hand]
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse_one ON tasks_assignment")
    assert expire_leases() == 1
    assert_everything_is_settled(project)


def test_a_set_that_cannot_be_settled_holds_up_no_other(project: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(expiry, "WINDOW", 1)
    oldest = Hand.objects.order_by("expires_at")[0]
    refuse("tasks_hand", oldest.pk)
    expire_leases()
    assert list(Hand.objects.filter(state=Hand.State.LIVE)) == [oldest]
    assert settle_expired_hands() == 0


def test_a_sweep_out_of_time_leaves_the_rest_to_the_next(project: Project) -> None:
    waiting = leased()
    assert expire_leases(seconds=-1) == 0
    assert leased() == waiting
    assert expire_leases() == waiting
    assert_everything_is_settled(project)


def test_leases_that_are_not_over_stay(project: Project) -> None:
    late = Hand.objects.order_by("pk")[0]
    future = ClockTimestamp() + timedelta(hours=1)
    Hand.objects.filter(pk=late.pk).update(expires_at=future)
    Assignment.objects.filter(hand=late).update(expires_at=future)
    expire_leases()
    assert leased() == SIZE
    assert list(Hand.objects.filter(state=Hand.State.LIVE)) == [late]
