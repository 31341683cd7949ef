"""Limits of a worker: images a day and a share of the images in a project, sets in progress in an organization."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Actor, Membership, Organisation, Role
from kernel.clock import database_now
from projects.models import Project
from tasks.analytics.project_progress import Need, project_progress
from tasks.assignment.caps import allowances_of, seconds_to_midnight
from tasks.assignment.errors import ImagesTodayUsed, LiveSetsReached, ShareReached
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.services import create_tasks
from tasks.flow.expiry import expire_leases
from tasks.flow.policy_change import change_project_policy
from tasks.gold.services import retire_gold
from tasks.standing.models import Standing
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


def a_project(wren: Actor, *, tasks: int = 60, **policy: Any) -> Project:
    project = factories.a_project(workers=[wren], **{"gold_rate": 0, "hand_size": 10, **policy})
    factories.some_tasks(project, tasks)
    return project


def work(wren: Actor, project: Project) -> int:
    """Answer a whole set; return its size."""
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    return hand.size


def work_until_refused(wren: Actor, project: Project) -> list[int]:
    """Answer sets until a limit is reached; return their sizes."""
    sizes: list[int] = []
    while True:
        try:
            sizes.append(work(wren, project))
        except (ImagesTodayUsed, ShareReached):
            return sizes


def left(wren: Actor, project: Project) -> tuple[int | None, int | None]:
    caps = allowances_of(worker=wren, projects=[project])[project.pk].caps
    return caps.left_today, caps.left_of_share


def test_without_limits_nothing_changes(wren: Actor) -> None:
    project = a_project(wren, tasks=25)
    assert [work(wren, project) for _ in range(3)] == [10, 10, 5]
    assert claim_hand(worker=wren, project=project) is None
    assert left(wren, project) == (None, None)


def test_the_last_set_of_the_day_is_cut_to_what_is_left(wren: Actor) -> None:
    project = a_project(wren, images_per_day=15)
    assert work_until_refused(wren, project) == [10, 5]
    with pytest.raises(ImagesTodayUsed) as refused:
        claim_hand(worker=wren, project=project)
    assert refused.value.detail == "You have had today's 15 images in this project. More tomorrow at 00:00 UTC."
    assert int(refused.value.headers["Retry-After"]) == pytest.approx(seconds_to_midnight(database_now()), abs=5)
    assert not Hand.objects.filter(state="live").exists()


def test_the_next_day_begins_with_none(wren: Actor) -> None:
    project = a_project(wren, images_per_day=15)
    work_until_refused(wren, project)
    yesterday = database_now().astimezone(UTC).date() - timedelta(days=1)
    Standing.objects.update(images_day=yesterday)
    assert left(wren, project) == (15, None)
    assert work_until_refused(wren, project) == [10, 5]


def test_check_images_count_like_work(wren: Actor) -> None:
    project = a_project(wren, images_per_day=23, gold_rate=0.4)
    for _ in range(40):
        factories.a_gold(project)
    assert work_until_refused(wren, project) == [10, 10, 3]
    had = Assignment.objects.filter(worker=wren)
    assert had.count() == 23
    assert had.filter(gold__isnull=False).count() >= 4


def test_images_that_come_back_use_no_limit_again(wren: Actor) -> None:
    project = a_project(wren, images_per_day=10)
    hand = worker_actions.take(wren, project)
    first = {lease.public_id for lease in worker_actions.leases_of(hand)}
    release_hand(worker=wren, hand_id=hand.public_id)
    again = worker_actions.take(wren, project)
    assert {lease.public_id for lease in worker_actions.leases_of(again)} == first
    worker_actions.expire_hand(again)
    expire_leases()
    third = worker_actions.take(wren, project)
    assert {lease.public_id for lease in worker_actions.leases_of(third)} == first
    assert left(wren, project) == (0, None)


def test_giving_back_never_shows_more_than_the_limit(wren: Actor) -> None:
    """Someone who takes sets and gives them back sees no image beyond the limit."""
    project = a_project(wren, images_per_day=15, gold_rate=0.2, returns_per_day=1000)
    for _ in range(10):
        factories.a_gold(project)
    for number in range(8):
        hand = worker_actions.take(wren, project)
        if number == 2:
            worker_actions.answer(worker_actions.leases_of(hand)[0])
            worker_actions.settle(hand)
        else:
            release_hand(worker=wren, hand_id=hand.public_id)
    assert Assignment.objects.filter(worker=wren).count() <= 15


def test_skipped_images_use_the_limit(wren: Actor) -> None:
    project = a_project(wren, images_per_day=10)
    hand = worker_actions.take(wren, project)
    for lease in worker_actions.leases_of(hand):
        skip_assignment(worker=wren, assignment_id=lease.public_id)
    worker_actions.settle(hand)
    with pytest.raises(ImagesTodayUsed):
        claim_hand(worker=wren, project=project)


def test_a_check_image_that_was_retired_does_not_hold_the_refusal_back(wren: Actor) -> None:
    project = a_project(wren, images_per_day=1, gold_rate=0)
    gold = factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    Assignment.objects.filter(hand=hand).update(task=None, gold=gold, counts=False)
    release_hand(worker=wren, hand_id=hand.public_id)
    retire_gold(gold=gold)
    with pytest.raises(ImagesTodayUsed):
        claim_hand(worker=wren, project=project)
    assert not allowances_of(worker=wren, projects=[project])[project.pk].has_returned


def test_a_worker_gets_no_more_than_their_share_of_the_images(wren: Actor) -> None:
    project = a_project(wren, share_per_worker=0.29, tasks=100)
    assert left(wren, project) == (None, 29)
    assert work_until_refused(wren, project) == [10, 10, 9]
    with pytest.raises(ShareReached) as refused:
        claim_hand(worker=wren, project=project)
    assert refused.value.detail == (
        "You have had 29 images of this project, which is as many as one person may label. Choose another project."
    )


def test_check_images_count_for_the_share_too(wren: Actor) -> None:
    project = a_project(wren, share_per_worker=0.5, gold_rate=0.4)
    for _ in range(40):
        factories.a_gold(project)
    assert sum(work_until_refused(wren, project)) == 30
    assert Assignment.objects.filter(worker=wren, gold__isnull=False).exists()


def test_added_images_raise_the_share(wren: Actor) -> None:
    project = a_project(wren, share_per_worker=0.1, tasks=20)
    assert work_until_refused(wren, project) == [2]
    assert create_tasks(project=project, images=[factories.an_image(project) for _ in range(30)]) == 30
    assert left(wren, project) == (None, 3)
    assert Project.objects.get().images_count == 50


def test_a_limit_that_is_set_later_counts_what_was_before(wren: Actor) -> None:
    project = a_project(wren, tasks=50)
    work(wren, project)
    work(wren, project)
    change_project_policy(project=project, changes={"share_per_worker": 0.5, "images_per_day": 30})
    assert left(wren, project) == (10, 5)
    assert work_until_refused(wren, project) == [5]


def test_what_was_before_the_counters_is_counted_once(wren: Actor) -> None:
    """As in a project and a standing that an upgrade found."""
    project = a_project(wren, tasks=50)
    work(wren, project)
    Standing.objects.update(images=None, images_day=None, images_today=0)
    Project.objects.update(images_count=None)
    project.refresh_from_db()
    work(wren, project)
    assert Standing.objects.get().images is None
    assert Project.objects.get().images_count is None
    change_project_policy(project=project, changes={"share_per_worker": 0.5})
    assert Project.objects.get().images_count == 50
    assert left(wren, project) == (None, 5)
    assert work(wren, project) == 5
    assert Standing.objects.get().images == 25
    with pytest.raises(ShareReached):
        claim_hand(worker=wren, project=project)


def test_the_manager_is_asked_for_more_workers_once_everyone_has_their_share(wren: Actor) -> None:
    project = a_project(wren, tasks=20, share_per_worker=0.1)
    assert project_progress(project=project).need is None
    work_until_refused(wren, project)
    assert project_progress(project=project).need is Need.INVITE_MORE_WORKERS
    factories.admitted(project, factories.finch())
    assert project_progress(project=project).need is None


def two_projects(wren: Actor, *, live_sets: int) -> tuple[Project, Project]:
    Organisation.objects.filter(pk=factories.an_organisation().pk).update(live_sets=live_sets)
    return a_project(wren, tasks=20, name="Strays"), a_project(wren, tasks=20, name="Signs")


def test_a_set_beyond_the_limit_of_sets_in_progress_is_refused(wren: Actor) -> None:
    first, second = two_projects(wren, live_sets=1)
    hand = worker_actions.take(wren, first)
    with pytest.raises(LiveSetsReached, match=r"You have 1 set that is not finished\. Finish or give it back first\."):
        claim_hand(worker=wren, project=second)
    assert claim_hand(worker=wren, project=first) == hand
    assert Hand.objects.count() == 1
    worker_actions.settle(hand)
    assert claim_hand(worker=wren, project=second) is not None


def test_the_refusal_names_how_many_sets_are_in_progress(wren: Actor) -> None:
    first, second = two_projects(wren, live_sets=2)
    third = a_project(wren, tasks=20, name="Cups")
    worker_actions.take(wren, first)
    worker_actions.take(wren, second)
    with pytest.raises(LiveSetsReached) as refused:
        claim_hand(worker=wren, project=third)
    assert refused.value.detail == "You have 2 sets that are not finished. Finish or give back one of them first."
    refusal = allowances_of(worker=wren, projects=[third])[third.pk].refusal(now=database_now())
    assert refusal is not None
    assert refusal.detail == refused.value.detail


def test_sets_that_are_over_or_elsewhere_or_of_others_do_not_count(wren: Actor) -> None:
    first, second = two_projects(wren, live_sets=1)
    finch = factories.finch()
    factories.admitted(first, finch)
    worker_actions.take(finch, first)
    over = worker_actions.take(wren, first)
    worker_actions.expire_hand(over)
    elsewhere = Organisation.objects.create(name="Owen's own")
    Membership.objects.create(organisation=elsewhere, actor=wren, role=Role.WORKER)
    away = a_project(wren, tasks=20, name="Away")
    Project.objects.filter(pk=away.pk).update(organisation=elsewhere)
    worker_actions.take(wren, away)
    assert claim_hand(worker=wren, project=second) is not None


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (datetime(2026, 11, 28, 0, 0, tzinfo=UTC), 86_400),
        (datetime(2026, 11, 28, 23, 59, 59, 500_000, tzinfo=UTC), 1),
        (datetime(2026, 11, 28, 12, 0, 0, 1, tzinfo=UTC), 43_200),
    ],
)
def test_the_wait_ends_at_midnight_in_utc(moment: datetime, seconds: int) -> None:
    assert seconds_to_midnight(moment) == seconds
