"""Limits of a worker hold when two tabs, devices or projects claim at the same moment; any work is one set."""

from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Actor, Organisation
from projects.models import Project
from tasks.assignment.errors import ImagesTodayUsed, LiveSetsReached, ShareReached
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.flow.claim_any import claim_any
from tasks.flow.settlement import settle_hand
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.api.people import member, with_key
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)


def projects(worker: Actor, count: int, **policy: Any) -> list[Project]:
    found = []
    for number in range(count):
        project = factories.a_project(f"Project {number}", workers=[worker], gold_rate=0, **policy)
        factories.some_tasks(project, 60)
        found.append(project)
    return found


def limit_live_sets(count: int) -> None:
    Organisation.objects.filter(pk=factories.an_organisation().pk).update(live_sets=count)


def test_a_claim_waits_for_one_in_another_project_before_it_counts_sets_in_progress() -> None:
    wren = factories.wren()
    limit_live_sets(1)
    first, second = projects(wren, 2, hand_size=2)
    with transaction.atomic():
        assert claim_hand(worker=wren, project=first) is not None
        claim = BackgroundCall(partial(claim_hand, worker=wren, project=second))
        claim.wait_until_blocked()
    assert isinstance(claim.wait_for_result(), LiveSetsReached)
    assert Hand.objects.get().project == first


def test_four_projects_at_once_give_as_many_sets_as_are_allowed() -> None:
    wren = factories.wren()
    limit_live_sets(2)
    found = projects(wren, 4, hand_size=2)
    for _ in range(5):
        results = together(*[partial(claim_hand, worker=wren, project=project) for project in found])
        assert sum(isinstance(result, Hand) for result in results) == 2, results
        assert sum(isinstance(result, LiveSetsReached) for result in results) == 2, results
        for hand in Hand.objects.filter(state=Hand.State.LIVE):
            settle_hand(worker=wren, hand_id=hand.public_id)


def test_workers_do_not_wait_for_each_other() -> None:
    wren, finch = factories.wren(), factories.finch()
    limit_live_sets(1)
    first, second = projects(wren, 2, hand_size=2)
    factories.admitted(second, finch)
    with transaction.atomic():
        assert claim_hand(worker=wren, project=first) is not None
        claim = BackgroundCall(partial(claim_hand, worker=finch, project=second))
        assert isinstance(claim.wait_for_result(), Hand)


@pytest.mark.parametrize(
    ("policy", "refusal"), [({"images_per_day": 17}, ImagesTodayUsed), ({"share_per_worker": 0.29}, ShareReached)]
)
def test_tabs_that_take_and_hand_in_at_once_do_not_get_more_images_than_allowed(
    policy: dict[str, Any], refusal: type[Exception]
) -> None:
    wren = factories.wren()
    (project,) = projects(wren, 1, hand_size=3, **policy)

    def tab() -> list[Any]:
        ends: list[Any] = []
        while True:
            try:
                hand = claim_hand(worker=wren, project=project)
            except refusal as error:
                return [*ends, error]
            assert hand is not None
            for lease in worker_actions.leases_of(hand):
                try:
                    worker_actions.answer(lease)
                except Exception as error:  # the other tab has handed the set in
                    ends.append(error)
            settle_hand(worker=wren, hand_id=hand.public_id)

    results = together(tab, tab, tab, tab)
    assert all(isinstance(result[-1], refusal) for result in results), results
    assert Assignment.objects.filter(worker=wren).count() == 17
    worker_actions.assert_invariants(project)


def test_a_claim_that_waits_for_the_standing_counts_on_what_it_finds_then() -> None:
    """As when a sweep counts the worker's returned images at this moment."""
    wren = factories.wren()
    (project,) = projects(wren, 1, hand_size=3, images_per_day=10)
    for _ in range(5):
        factories.a_gold(project)
    Project.objects.filter(pk=project.pk).update(gold_rate=0.5)
    with transaction.atomic():
        Standing.objects.filter(worker=wren).update(returns=4, images=7)
        claim = BackgroundCall(partial(claim_hand, worker=wren, project=project))
        claim.wait_until_blocked()
    assert claim.wait_for_result().size == 3
    standing = Standing.objects.get(worker=wren)
    assert (standing.returns, standing.images, standing.images_today) == (4, 10, 3)


def test_any_work_in_two_tabs_is_one_set() -> None:
    wren = factories.wren()
    projects(wren, 4, hand_size=2)
    for _ in range(5):
        results = together(*[partial(claim_any, worker=wren)] * 3)
        assert len({result.hand.pk for result in results}) == 1, results
        assert sorted(result.fresh for result in results) == [False, False, True]
        settle_hand(worker=wren, hand_id=results[0].hand.public_id)


def test_the_second_tab_waits_for_the_set_of_the_first() -> None:
    worker = member("worker")
    first, second = projects(worker, 2, hand_size=2)
    Project.objects.filter(pk=second.pk).update(priority=5)
    with transaction.atomic():
        # The first tab has chosen its project before the second one's priority was raised.
        Project.objects.filter(pk=first.pk).update(priority=9)
        taken = claim_any(worker=worker)
        assert taken is not None
        assert taken.hand.project == first
        call = BackgroundCall(lambda: with_key(member("worker")).post("/api/v1/work/hands/"))
        call.wait_until_blocked()
    response = call.wait_for_result()
    assert response.status_code == 200
    assert response.json()["id"] == str(taken.hand.public_id)
    assert Hand.objects.count() == 1
