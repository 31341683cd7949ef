"""Several answers in one call, concurrent with the same call, with single answers, the sweep, and the settlement."""

import contextlib
import random
from functools import partial
from typing import Any

import pytest

from kernel.errors import AnnotaryError
from tasks.annotation.acknowledged import Acknowledgement, SentAnswer, submit_once, submit_together
from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand
from tasks.assignment.services import skip_assignment
from tasks.flow.expiry import expire_leases
from tasks.flow.settlement import settle_hand
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6
SIZE = 8


def a_set(name: str) -> Hand:
    wren = factories.wren()
    project = factories.a_project(name, workers=[wren], hand_size=SIZE, gold_rate=0)
    factories.some_tasks(project, SIZE, batches=2)
    return worker_actions.take(wren, project)


def answers_to(hand: Hand, *, device: str = "phone", number: int = 1) -> list[SentAnswer]:
    """Answers in an order of their own, as from one device: the same each time it sends them."""
    raw = factories.class_answer(number)
    answers = [
        SentAnswer(row.public_id, f"{device} {row.position}", raw, 4.2, {"answer": raw, "seconds": 4.2})
        for row in worker_actions.leases_of(hand)
    ]
    random.Random(device).shuffle(answers)
    return answers


def submit(hand: Hand, answers: list[SentAnswer]) -> list[Any]:
    return submit_together(worker=hand.worker, hand_id=hand.public_id, answers=answers)


def assert_the_books_balance(hand: Hand) -> None:
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_the_same_call_twice_at_once_is_recorded_once() -> None:
    for number in range(ROUNDS):
        hand = a_set(f"Same {number}")
        answers = answers_to(hand)
        first, second = together(*[partial(submit, hand, answers)] * 2)
        assert [one.body for one in first] == [one.body for one in second]
        for pair in zip(first, second, strict=True):
            assert sorted(one.replayed for one in pair) == [False, True]
        assert Annotation.objects.filter(project=hand.project).count() == SIZE
        assert_the_books_balance(hand)


def test_a_call_and_the_same_answers_alone_at_once_are_recorded_once() -> None:
    for number in range(ROUNDS):
        hand = a_set(f"Alone {number}")
        answers = answers_to(hand)
        singles = [partial(submit_once, worker=hand.worker, answer=answer) for answer in answers[:4]]
        results, *alone = together(partial(submit, hand, answers), *singles)
        assert [one.body for one in alone] == [one.body for one in results[:4]]
        assert Annotation.objects.filter(project=hand.project).count() == SIZE
        assert_the_books_balance(hand)


def test_calls_of_two_devices_in_different_orders_do_not_deadlock() -> None:
    for number in range(ROUNDS):
        hand = a_set(f"Devices {number}")
        phone, laptop = answers_to(hand), answers_to(hand, device="laptop", number=2)
        results = together(partial(submit, hand, phone), partial(submit, hand, laptop))
        assert all(one.status == 200 for result in results for one in result)
        for lease in worker_actions.leases_of(hand):
            rows = Annotation.objects.filter(assignment=lease).order_by("revision")
            assert list(rows.values_list("revision", "is_current")) == [(1, False), (2, True)]
        assert_the_books_balance(hand)


def test_a_call_at_once_with_the_hand_in_is_paid_for_exactly_what_it_acknowledged() -> None:
    for number in range(ROUNDS):
        hand = a_set(f"Hand-in {number}")
        answers = answers_to(hand)
        results, settled = together(
            partial(submit, hand, answers), partial(settle_hand, worker=hand.worker, hand_id=hand.public_id)
        )
        saved = [one for one in results if isinstance(one, Acknowledgement)]
        refused = [one for one in results if isinstance(one, AnnotaryError)]
        assert settled.answers == len(saved)
        assert {one.code for one in refused} <= {"image_given_back"}
        assert Annotation.objects.filter(project=hand.project).count() == len(saved)
        assert_the_books_balance(hand)


def test_a_call_at_once_with_the_sweep_and_a_skip_loses_nothing() -> None:
    for number in range(ROUNDS):
        hand = a_set(f"Sweep {number}")
        worker_actions.expire_hand(hand)
        answers = answers_to(hand)
        skip = partial(skip_assignment, worker=hand.worker, assignment_id=answers[0].assignment_id)
        results = together(partial(submit, hand, answers), expire_leases, partial(_ignore, skip))[0]
        assert all(isinstance(one, Acknowledgement) for one in results[1:])
        saved = [one for one in results if isinstance(one, Acknowledgement)]
        assert Annotation.objects.filter(project=hand.project).count() == len(saved)
        worker_actions.run_late_jobs()
        expire_leases()
        assert_the_books_balance(hand)


def _ignore(call: Any) -> None:
    with contextlib.suppress(AnnotaryError):
        call()
