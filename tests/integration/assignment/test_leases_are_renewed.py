"""A set lasts as long as its worker answers or asks for more time, and never longer than four times its usual time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.clock import ClockTimestamp, database_now
from kernel.errors import NotFound
from projects.models import Project
from tasks.annotation.acknowledged import SentAnswer, submit_together
from tasks.assignment.errors import SetOver, TimeLimitReached
from tasks.assignment.leases import MOST_LEASES, extend_hand
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import skip_assignment
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

LEASE = 1000
LIMIT = MOST_LEASES * LEASE


@pytest.fixture
def hand() -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=5, gold_rate=0, lease_seconds=LEASE)
    factories.some_tasks(project, 5)
    return worker_actions.take(wren, project)


def set_time(hand: Hand, *, since_claim: float, left: float) -> None:
    """Have the hand been claimed `since_claim` seconds ago, to end in `left` seconds."""
    now, end = ClockTimestamp(), ClockTimestamp() + timedelta(seconds=left)
    Hand.objects.filter(pk=hand.pk).update(created_at=now - timedelta(seconds=since_claim), expires_at=end)
    hand.refresh_from_db()
    Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).update(expires_at=hand.expires_at)


def left(hand: Hand) -> float:
    hand.refresh_from_db()
    return (hand.expires_at - database_now()).total_seconds()


def ends_of_leases(hand: Hand) -> set[datetime | None]:
    return {row.expires_at for row in worker_actions.leases_of(hand) if row.state == Assignment.State.LEASED}


def answer_first(hand: Hand, **options: Any) -> Any:
    return worker_actions.answer(worker_actions.leases_of(hand)[0], **options)


def extend(hand: Hand) -> Hand:
    return extend_hand(worker=hand.worker, hand_id=hand.public_id)


def test_an_answer_after_half_of_the_time_renews_the_whole_set(hand: Hand) -> None:
    set_time(hand, since_claim=600, left=400)
    before = hand.expires_at
    submitted = answer_first(hand)
    assert left(hand) == pytest.approx(LEASE, abs=5)
    assert ends_of_leases(hand) == {hand.expires_at}
    assert submitted.ends == hand.expires_at
    assert worker_actions.leases_of(hand)[0].expires_at == before, "the answered one keeps the time that it had"


def test_an_answer_in_the_first_half_renews_nothing(hand: Hand) -> None:
    set_time(hand, since_claim=400, left=600)
    before = hand.expires_at
    assert answer_first(hand).ends == before
    assert left(hand) == pytest.approx(600, abs=5)
    assert ends_of_leases(hand) == {before}


def test_a_changed_answer_renews_it_and_the_same_one_again_does_not(hand: Hand) -> None:
    answer_first(hand)
    set_time(hand, since_claim=600, left=400)
    answer_first(hand)
    assert left(hand) == pytest.approx(400, abs=5)
    assert answer_first(hand, number=2).ends == Hand.objects.get().expires_at
    assert left(hand) == pytest.approx(LEASE, abs=5)


def test_several_answers_at_once_renew_it(hand: Hand) -> None:
    set_time(hand, since_claim=600, left=400)
    answers = [
        SentAnswer(row.public_id, f"k{row.position}", factories.class_answer(1), 2.0, {"n": row.position})
        for row in worker_actions.leases_of(hand)[:3]
    ]
    sent = submit_together(worker=hand.worker, hand_id=hand.public_id, answers=answers)
    assert left(hand) == pytest.approx(LEASE, abs=5)
    ends = {each.body["expires_at"] for each in sent}  # type: ignore[union-attr]  # none was refused
    assert ends == {hand.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def test_renewals_end_at_the_limit(hand: Hand) -> None:
    set_time(hand, since_claim=LIMIT - 700, left=300)
    answer_first(hand)
    assert left(hand) == pytest.approx(700, abs=5)
    set_time(hand, since_claim=LIMIT - 200, left=200)
    answer_first(hand, number=2)
    assert left(hand) == pytest.approx(200, abs=5)


def test_whoever_answers_an_image_now_and_then_holds_a_set_until_the_limit_and_no_longer(hand: Hand) -> None:
    """As an attacker would: one image at the last moment of each lease, with a request for more time."""
    rows = worker_actions.leases_of(hand)
    held, spare = 0.0, left(hand)
    for lease in rows:
        held += spare - 1
        if held >= LIMIT:
            break
        set_time(hand, since_claim=held, left=1)
        worker_actions.answer(lease)
        spare = left(hand)
    assert held + spare == pytest.approx(LIMIT, abs=10)
    set_time(hand, since_claim=LIMIT - 1, left=1)
    with pytest.raises(TimeLimitReached):
        extend(hand)
    worker_actions.expire_hand(hand)
    expire_leases()
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED


def test_what_is_over_is_not_renewed(hand: Hand) -> None:
    set_time(hand, since_claim=1100, left=-1)
    before = hand.expires_at
    assert answer_first(hand).late
    hand.refresh_from_db()
    assert hand.expires_at == before
    with pytest.raises(SetOver):
        extend(hand)


def test_more_time_lasts_a_whole_lease_from_now_and_repeating_it_adds_nothing(hand: Hand) -> None:
    set_time(hand, since_claim=300, left=700)
    answer_first(hand)
    first = extend(hand)
    assert left(hand) == pytest.approx(LEASE, abs=5)
    assert first.expires_at == hand.expires_at
    assert ends_of_leases(hand) == {hand.expires_at}
    extend(hand)
    assert left(hand) == pytest.approx(LEASE, abs=5)


def test_more_time_ends_at_the_limit_with_a_clear_refusal(hand: Hand) -> None:
    set_time(hand, since_claim=LIMIT - 600, left=100)
    extend(hand)
    assert left(hand) == pytest.approx(600, abs=5)
    with pytest.raises(TimeLimitReached):
        extend(hand)


def test_a_settled_set_and_that_of_another_worker_get_no_more_time(hand: Hand) -> None:
    with pytest.raises(NotFound):
        extend_hand(worker=factories.finch(), hand_id=hand.public_id)
    worker_actions.settle(hand)
    with pytest.raises(SetOver):
        extend(hand)


def test_a_shorter_time_per_set_takes_nothing_from_the_sets_that_are_out(hand: Hand) -> None:
    Project.objects.update(lease_seconds=300)
    set_time(hand, since_claim=100, left=900)
    assert extend(hand).expires_at == hand.expires_at
    Project.objects.update(lease_seconds=60)
    with pytest.raises(TimeLimitReached):
        extend(hand)
    answer_first(hand)
    assert left(hand) == pytest.approx(900, abs=5)


def test_skipped_and_answered_images_are_not_leased_again(hand: Hand) -> None:
    skipped, answered, *_ = worker_actions.leases_of(hand)
    skip_assignment(worker=hand.worker, assignment_id=skipped.public_id)
    worker_actions.answer(answered)
    set_time(hand, since_claim=600, left=400)
    extend(hand)
    states = [row.state for row in worker_actions.leases_of(hand)]
    assert states == ["skipped", "submitted", "leased", "leased", "leased"]
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


@pytest.mark.parametrize("is_due", [False, True])
def test_gold_renews_like_work_by_the_same_statements(is_due: bool) -> None:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=6, gold_rate=0.5, lease_seconds=LEASE)
    factories.some_tasks(project, 6)
    for _ in range(6):
        factories.a_gold(project)
    hand = worker_actions.take(wren, project)
    rows = worker_actions.leases_of(hand)
    gold, work = (next(row for row in rows if (row.gold_id is None) is is_work) for is_work in (False, True))
    sent = []
    for lease in (gold, work):
        set_time(hand, since_claim=600, left=100 if is_due else 900)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            submitted = worker_actions.answer(lease)
        sent.append([query["sql"].split(" WHERE ")[0][:40] for query in queries])
        assert submitted.ends == Hand.objects.get().expires_at
        assert left(hand) == pytest.approx(LEASE if is_due else 900, abs=5)
    assert len(sent[0]) == len(sent[1])
