"""Whoever skips, returns or lets expire more images a day than the project allows is paused for a person to look."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from kernel.clock import ClockTimestamp
from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import WorkerPaused, claim_hand, release_hand, skip_assignment
from tasks.flow.expiry import expire_leases
from tasks.standing.models import Standing
from tasks.standing.services import pause, remove, resume
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

REASON = "More than 10 images were skipped, returned or not answered in time within one day."
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def release(hand: Hand) -> None:
    release_hand(worker=hand.worker, hand_id=hand.public_id)


def let_expire(hand: Hand) -> None:
    worker_actions.expire_hand(hand)
    expire_leases()


def skip_all(hand: Hand) -> None:
    for lease in worker_actions.leases_of(hand):
        skip_assignment(worker=hand.worker, assignment_id=lease.public_id)
    worker_actions.settle(hand)


def settle(hand: Hand) -> None:
    worker_actions.settle(hand)


def a_strict_project(*, hand_size: int = 4) -> Project:
    project = factories.a_project(workers=[factories.wren()], hand_size=hand_size, gold_rate=0, returns_per_day=10)
    factories.some_tasks(project, 40)
    return project


def standing() -> Standing:
    return Standing.objects.get(worker=factories.wren())


@pytest.mark.parametrize("give_back", [release, let_expire, skip_all, settle])
def test_above_the_limit_the_worker_is_paused_and_the_manager_reads_why(give_back: Callable[[Hand], None]) -> None:
    project = a_strict_project()
    for returned in (4, 8):
        give_back(worker_actions.take(factories.wren(), project))
        assert (standing().returns, standing().state) == (returned, "active")
    give_back(worker_actions.take(factories.wren(), project))
    assert (standing().state, standing().reason) == ("paused", REASON)
    with pytest.raises(WorkerPaused):
        claim_hand(worker=factories.wren(), project=project)
    assert Event.objects.get(kind="worker.paused").data["reason"] == REASON
    worker_actions.assert_stream_matches_tables(project)


def test_a_manager_resumes_the_worker_who_starts_at_zero(client: Client) -> None:
    project = a_strict_project()
    for _ in range(3):
        release(worker_actions.take(factories.wren(), project))
    client.force_login(factories.a_user("ada"), backend=BACKEND)
    page = client.get(reverse("workers_ui:workers", args=[project.public_id])).content.decode()
    assert REASON in page
    assert "Resume" in page
    client.force_login(factories.a_user("wren"), backend=BACKEND)
    assert REASON in client.get(reverse("workers_ui:intro", args=[project.public_id])).content.decode()
    resume(project=project, worker=factories.wren())
    assert standing().returns == 0
    release(worker_actions.take(factories.wren(), project))
    assert standing().state == "active"


def test_a_late_answer_takes_back_the_count_of_its_image() -> None:
    project = a_strict_project()
    for _ in range(5):
        hand = worker_actions.take(factories.wren(), project)
        let_expire(hand)
        assert standing().returns == 4
        worker_actions.answer_all(hand)
        assert standing().returns == 0
    assert standing().state == "active"


def test_after_a_day_the_count_starts_anew() -> None:
    project = a_strict_project()
    for _ in range(2):
        release(worker_actions.take(factories.wren(), project))
    Standing.objects.update(returns_since=F("returns_since") - timedelta(days=1))
    release(worker_actions.take(factories.wren(), project))
    assert (standing().returns, standing().state) == (4, "active")


def test_two_sets_are_always_allowed_however_large() -> None:
    project = a_strict_project(hand_size=30)
    release(worker_actions.take(factories.wren(), project))
    release(worker_actions.take(factories.wren(), project))
    assert (standing().returns, standing().state) == (60, "active")
    release(worker_actions.take(factories.wren(), project))
    assert standing().state == "paused"


def test_a_pause_or_removal_by_a_manager_keeps_its_reason() -> None:
    project = a_strict_project()
    for act, state in ((pause, "paused"), (remove, "removed")):
        Standing.objects.update(state=Standing.State.ACTIVE, returns=0)
        hand = worker_actions.take(factories.wren(), project)
        act(project=project, worker=factories.wren(), reason="Read the instructions.")
        Standing.objects.update(returns=10, returns_since=ClockTimestamp())
        release(hand)
        assert (standing().state, standing().reason, standing().returns) == (state, "Read the instructions.", 14)
