"""With minutes per set, a set has as many images as take its worker that long, from the worker's own answers."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts.models import Actor
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment, Hand
from tasks.flow.expiry import expire_leases
from tasks.workers.models import WorkerPace
from tasks.workers.pace import set_sizes_of
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


def a_project(wren: Actor, *, tasks: int = 150, **policy: Any) -> Project:
    values: dict[str, Any] = {"set_minutes": 5, "seconds_per_answer": 30, "gold_rate": 0, "answers_min": 1} | policy
    project = factories.a_project(workers=[wren], **values)
    factories.some_tasks(project, tasks)
    return project


def answer(lease: Assignment, seconds: float | None, number: int = 1) -> None:
    assert lease.worker is not None
    raw = factories.class_answer(number)
    submit_answer(worker=lease.worker, assignment_id=lease.public_id, raw=raw, raw_sha256="0" * 64, seconds=seconds)


def let_time_pass(hand: Hand, **time: int) -> None:
    Assignment.objects.filter(hand=hand).update(leased_at=F("leased_at") - timedelta(**time))


def answer_all(hand: Hand, seconds: float | None) -> None:
    """Answer all images of a set that was taken an hour ago."""
    let_time_pass(hand, hours=1)
    for lease in worker_actions.leases_of(hand):
        answer(lease, seconds)
    worker_actions.settle(hand)


def measured(worker: Actor) -> tuple[int, float]:
    row = WorkerPace.objects.filter(worker=worker).first()
    return (row.answers, row.seconds) if row else (0, 0.0)


def test_without_minutes_a_set_has_the_images_of_the_policy(wren: Actor) -> None:
    project = a_project(wren, set_minutes=0, hand_size=12)
    hand = worker_actions.take(wren, project)
    assert hand.size == 12
    answer_all(hand, 5)
    assert worker_actions.take(wren, project).size == 12
    assert measured(wren) == (12, 60.0), "measured all the same, for the day the minutes are set"


def test_a_newcomer_gets_what_the_manager_expects_and_then_what_they_manage(wren: Actor) -> None:
    project = a_project(wren)
    sizes = []
    for _ in range(3):
        hand = worker_actions.take(wren, project)
        sizes.append(hand.size)
        answer_all(hand, 15)
    # 300 s / 30 s; then 300 / ((10 * 30 + 10 * 15) / 20); then 300 / ((10 * 30 + 23 * 15) / 33).
    assert sizes == [10, 13, 15]
    assert (
        set_sizes_of(worker_id=wren.pk, projects=[project])[project.pk].images
        == worker_actions.take(wren, project).size
    )


def test_a_slow_worker_gets_smaller_sets_but_one_image_at_least(wren: Actor) -> None:
    project = a_project(wren, set_minutes=1, seconds_per_answer=60)
    sizes = []
    for _ in range(3):
        hand = worker_actions.take(wren, project)
        sizes.append(hand.size)
        answer_all(hand, 600)
    assert sizes == [1, 1, 1]


def test_the_fastest_worker_gets_100_images_at_most(wren: Actor) -> None:
    project = a_project(wren, set_minutes=20, seconds_per_answer=30)
    answer_all(worker_actions.take(wren, project), 1)
    assert worker_actions.take(wren, project).size == 100


@pytest.mark.parametrize(
    ("sent", "counted"), [(0, 1), (0.2, 1), (45, 45), (599, 599), (601, 600), (86_400, 600), (None, None)]
)
def test_each_time_is_plausible_for_the_project(wren: Actor, sent: float | None, counted: float | None) -> None:
    project = a_project(wren, set_minutes=0, hand_size=1)
    answer_all(worker_actions.take(wren, project), sent)
    assert measured(wren) == ((0, 0.0) if counted is None else (1, counted))


def test_no_answer_took_longer_than_the_time_since_it_was_assigned(wren: Actor) -> None:
    project = a_project(wren, set_minutes=0, hand_size=1)
    hand = worker_actions.take(wren, project)
    let_time_pass(hand, seconds=20)
    answer(worker_actions.leases_of(hand)[0], 500)
    worker_actions.settle(hand)
    answers, seconds = measured(wren)
    assert answers == 1
    assert 20 <= seconds < 25


def test_a_worker_who_inflates_the_times_gets_smaller_sets_at_the_same_price(wren: Actor) -> None:
    finch = factories.finch()
    project = a_project(wren)
    factories.admitted(project, finch)
    for worker, seconds in ((wren, 30), (finch, 3_000)):
        answer_all(worker_actions.take(worker, project), seconds)
    honest, inflated = worker_actions.take(wren, project), worker_actions.take(finch, project)
    assert honest.size > inflated.size
    prices = {lease.price for hand in (honest, inflated) for lease in worker_actions.leases_of(hand)}
    assert prices == {project.price}


def test_a_changed_answer_counts_once_with_the_time_of_both_visits(wren: Actor) -> None:
    project = a_project(wren, set_minutes=0, hand_size=1)
    hand = worker_actions.take(wren, project)
    let_time_pass(hand, hours=1)
    (lease,) = worker_actions.leases_of(hand)
    answer(lease, 20)
    answer(lease, 12, number=2)
    assert Annotation.objects.count() == 2
    worker_actions.settle(hand)
    worker_actions.settle(hand)
    assert measured(wren) == (1, 32.0)


def test_late_answers_count_once_when_they_are_paid(wren: Actor) -> None:
    project = a_project(wren, set_minutes=0, hand_size=3)
    hand = worker_actions.take(wren, project)
    let_time_pass(hand, hours=1)
    leases = worker_actions.leases_of(hand)
    answer(leases[0], 10)
    worker_actions.expire_hand(hand)
    expire_leases()
    assert measured(wren) == (1, 10.0)
    answer(leases[1], 20)
    assert measured(wren) == (1, 10.0), "not before it is paid"
    assert worker_actions.run_late_jobs() == 1
    worker_actions.settle(hand)
    assert measured(wren) == (2, 30.0)


def test_check_images_count_like_work(wren: Actor) -> None:
    project = a_project(wren, set_minutes=5, gold_rate=0.5)
    for _ in range(30):
        factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    let_time_pass(hand, hours=1)
    leases = worker_actions.leases_of(hand)
    assert sum(lease.gold_id is not None for lease in leases) == 5
    for lease in leases:
        answer(lease, 60 if lease.gold_id else 20)
    worker_actions.settle(hand)
    assert measured(wren) == (10, 400.0)


def test_what_comes_back_fills_a_set_of_the_workers_own_size(wren: Actor) -> None:
    project = a_project(wren, returns_per_day=10)
    hand = worker_actions.take(wren, project)
    let_time_pass(hand, hours=1)
    for lease in worker_actions.leases_of(hand)[:8]:
        answer(lease, 2)
    worker_actions.settle(hand)
    again = worker_actions.take(wren, project)
    assert again.size == round(300 / ((300 + 8 * 2) / 18))
    came_back = Assignment.objects.filter(hand=again, returned=True)
    assert came_back.count() == 2


def test_two_sets_of_a_fast_worker_may_come_back(wren: Actor) -> None:
    project = a_project(wren, set_minutes=10, returns_per_day=10)
    answer_all(worker_actions.take(wren, project), 5)
    for _ in range(2):
        hand = worker_actions.take(wren, project)
        worker_actions.expire_hand(hand)
        expire_leases()
    assert hand.size > 30
    assert project.standings.get().state == "active"
