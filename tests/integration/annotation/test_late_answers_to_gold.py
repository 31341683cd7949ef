"""Late answers to gold are compared like others, but only together with a later set."""

from datetime import timedelta

import pytest
from django.db.models import F

from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import release_hand
from tasks.flow.expiry import expire_leases
from tasks.flow.gold_images import retire_gold_image
from tasks.gold.models import Gold, GoldResult
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

WRONG = 2


def a_checked_project(golds: int, *, size: int = 4, rate: float = 0.5) -> Project:
    project = factories.a_project(workers=[factories.wren()], hand_size=size, gold_rate=rate, answers_min=1)
    factories.some_tasks(project, 40)
    for _ in range(golds):
        factories.a_gold(project)
    return project


def answer_late(project: Project, number: int = WRONG) -> Hand:
    """Take a set, let its time run out, and answer all of it after the sweep."""
    hand = worker_actions.take(factories.wren(), project)
    worker_actions.expire_hand(hand)
    expire_leases()
    worker_actions.answer_all(hand, number)
    worker_actions.run_late_jobs()
    return hand


def standing() -> Standing:
    return Standing.objects.get(worker=factories.wren())


def seen() -> tuple[int, int]:
    return factories.gold_seen(factories.wren())


def let_time_pass(**time: int) -> None:
    """Everything that has happened so far was this much earlier."""
    earlier = timedelta(**time)
    Hand.objects.filter(state="settled").update(settled_at=F("settled_at") - earlier)
    late = Assignment.objects.filter(late=True)
    late.update(submitted_at=F("submitted_at") - earlier, closed_at=F("closed_at") - earlier)


def test_a_late_answer_to_gold_is_paid_at_once_and_compared_when_the_next_set_is_settled() -> None:
    project = a_checked_project(2)
    late = answer_late(project)
    expire_leases()
    assert LedgerEntry.objects.filter(kind="credit").count() == 4
    assert (GoldResult.objects.count(), seen()) == (0, (0, 0)), "nothing may react to a single late answer"

    following = worker_actions.take(factories.wren(), project)
    worker_actions.answer_all(following)
    assert GoldResult.objects.count() == 0
    worker_actions.settle(following)

    results = GoldResult.objects.filter(assignment__hand=late)
    assert [result.correct for result in results] == [False, False]
    assert seen() == (2, 0)
    assert not Assignment.objects.filter(awaits_comparison=True).exists()
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_a_worker_who_always_answers_late_is_judged_like_any_other() -> None:
    project = a_checked_project(12)
    for _ in range(3):
        answer_late(project)
    assert Assignment.objects.filter(gold__isnull=False, state="submitted").count() == 6
    assert (seen(), standing().state) == ((4, 0), "paused")
    let_time_pass(days=1)
    expire_leases()
    assert GoldResult.objects.filter(correct=False).count() == seen()[0] == 6
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_without_a_later_set_the_comparison_follows_after_a_day_and_pauses_nobody() -> None:
    project = a_checked_project(4, size=8)
    answer_late(project)
    let_time_pass(hours=23)
    expire_leases()
    assert GoldResult.objects.count() == 0
    let_time_pass(hours=2)
    expire_leases()
    expire_leases()
    assert GoldResult.objects.count() == 4
    assert (seen()[0], standing().state) == (4, "active")
    worker_actions.assert_stream_matches_tables(project)


def test_a_later_set_that_is_returned_without_an_answer_settles_late_answers_too() -> None:
    project = a_checked_project(2)
    answer_late(project)
    release_hand(worker=factories.wren(), hand_id=worker_actions.take(factories.wren(), project).public_id)
    expire_leases()
    assert seen()[0] == 2


def test_late_answers_to_gold_retired_meanwhile_or_with_unknown_classes_do_not_count() -> None:
    project = a_checked_project(3, size=6)
    late = answer_late(project)
    retired, unanswerable, answerable = Gold.objects.order_by("pk")
    retire_gold_image(gold=retired)
    Gold.objects.filter(pk=unanswerable.pk).update(accepted=[factories.class_answer(9)])
    following = worker_actions.take(factories.wren(), project)
    worker_actions.settle(following)
    assert [result.gold for result in GoldResult.objects.filter(assignment__hand=late)] == [answerable]
    Gold.objects.filter(pk=retired.pk).update(state=Gold.State.ACTIVE)
    worker_actions.answer_all(worker_actions.take(factories.wren(), project))
    worker_actions.settle(Hand.objects.get(state="live"))
    assert not GoldResult.objects.filter(gold=retired).exists(), "it was not active when it was due"


def test_work_of_a_late_answerer_becomes_labels_while_their_trust_is_known() -> None:
    """Gold that was answered late weighs on the labels that the next settlement asks for."""
    project = a_checked_project(2)
    answer_late(project)
    following = worker_actions.take(factories.wren(), project)
    worker_actions.answer_all(following, WRONG)
    worker_actions.settle(following)
    assert seen()[1] == 0
