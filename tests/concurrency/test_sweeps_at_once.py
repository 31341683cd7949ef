"""The sweep, concurrent with another one and with whoever holds what it wants: it passes over it and comes back."""

import pytest
from django.db import transaction

from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch
from tasks.flow import expiry
from tasks.flow.expiry import expire_leases, settle_expired_hands
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 6
SIZE = 3


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    """Expired sets of several workers, each with its batch; small steps."""
    monkeypatch.setattr(expiry, "STEP", 2)
    workers = [factories.a_worker(f"worker-{number}") for number in range(WORKERS)]
    project = factories.a_project(workers=workers, hand_size=SIZE, gold_rate=0, answers_min=1, answers_max=1)
    factories.some_tasks(project, WORKERS * SIZE, batches=WORKERS)
    for worker in workers:
        worker_actions.expire_hand(worker_actions.take(worker, project))
    return project


def in_state(state: str) -> int:
    return Assignment.objects.filter(state=state).count()


def assert_all_expired(project: Project) -> None:
    assert in_state("expired") == WORKERS * SIZE
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_a_batch_that_somebody_holds_holds_up_no_other(project: Project) -> None:
    held = Batch.objects.filter(taken__gt=0).order_by("pk")[0]
    waiting = Assignment.objects.filter(task__batch=held, state="leased").count()
    with transaction.atomic():
        Batch.objects.select_for_update(no_key=True).get(pk=held.pk)
        sweep = BackgroundCall(expire_leases)
        sweep.wait_until_blocked()
        assert in_state("leased") == waiting, "it comes back to the held batch when the others are done"
    assert sweep.wait_for_result() == WORKERS * SIZE
    assert_all_expired(project)


def test_a_lease_that_a_submission_holds_holds_up_no_other(project: Project) -> None:
    oldest = Assignment.objects.order_by("expires_at", "pk")[0]
    with transaction.atomic():
        worker_actions.answer(oldest)
        sweep = BackgroundCall(expire_leases)
        assert sweep.wait_for_result() == WORKERS * SIZE - 1
    assert expire_leases() == 0
    assert (in_state("submitted"), in_state("expired")) == (1, WORKERS * SIZE - 1)
    worker_actions.assert_invariants(project)


def test_two_sweeps_share_the_work(project: Project) -> None:
    counts = together(expire_leases, expire_leases)
    assert sum(counts) == WORKERS * SIZE, counts
    expire_leases()
    assert_all_expired(project)


def test_a_set_that_somebody_holds_is_left_to_the_next_sweep(project: Project) -> None:
    expiry._expire_all(until=float("inf"))
    held = Hand.objects.order_by("expires_at")[0]
    with transaction.atomic():
        Hand.objects.select_for_update(no_key=True).get(pk=held.pk)
        assert BackgroundCall(settle_expired_hands).wait_for_result() == WORKERS - 1
    assert settle_expired_hands() == 1
    assert_all_expired(project)
