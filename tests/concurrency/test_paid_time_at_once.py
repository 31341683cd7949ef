"""Sets of one worker that are settled at once, in several projects, are paid for the time of one person."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection

from kernel.clock import ClockTimestamp
from tasks.annotation.services import submit_answer
from tasks.assignment.models import Assignment, Hand
from tasks.flow.settlement import settle_hand, settle_late_answer
from tasks.pay.models import LedgerEntry, WorkedTime
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)

BY_HOUR: dict[str, Any] = {"pay_by": "hour", "price": Decimal(36), "paid_seconds": 60, "gold_rate": 0, "hand_size": 10}
OVERLAPS = """
SELECT count(*) FROM tasks_workedtime a JOIN tasks_workedtime b ON a.worker_id = b.worker_id AND a.id < b.id
    AND tstzrange(a.started_at, a.ended_at) && tstzrange(b.started_at, b.ended_at)
"""


def an_answered_set(name: str) -> Hand:
    wren = factories.wren()
    project = factories.a_project(name, workers=[wren], **BY_HOUR)
    factories.some_tasks(project, 10)
    hand = worker_actions.take(wren, project)
    Assignment.objects.filter(hand=hand).update(leased_at=ClockTimestamp() - timedelta(minutes=5))
    for lease in worker_actions.leases_of(hand):
        submit_answer(
            worker=wren,
            assignment_id=lease.public_id,
            raw=factories.class_answer(1),
            raw_sha256="0" * 64,
            seconds=60,
        )
    return hand


def test_six_sets_of_six_projects_at_once_are_paid_the_time_that_has_passed() -> None:
    hands = [an_answered_set(f"Project {number}") for number in range(6)]
    calls = [partial(settle_hand, worker=hand.worker, hand_id=hand.public_id) for hand in (*hands, *hands)]
    results = together(*calls)
    assert not [each for each in results if isinstance(each, Exception)], results
    seconds = LedgerEntry.objects.filter(kind="credit").values_list("seconds", flat=True)
    total = sum((each or Decimal(0) for each in seconds), Decimal(0))
    # Each set says ten minutes, and five have passed since they were taken.
    assert 300 <= total < 360
    assert LedgerEntry.objects.filter(kind="credit").count() == 60
    with connection.cursor() as cursor:
        cursor.execute(OVERLAPS)
        assert cursor.fetchone()[0] == 0
    for hand in hands:
        worker_actions.assert_invariants(hand.project)


def test_a_late_answer_and_a_set_of_another_project_do_not_wait_for_each_other_forever() -> None:
    first, second = an_answered_set("Strays"), an_answered_set("Streets")
    worker_actions.settle(first)
    late = Assignment.objects.filter(hand=first).first()
    assert late is not None
    calls = [partial(settle_late_answer, assignment_id=late.pk)] * 4
    results = together(partial(settle_hand, worker=second.worker, hand_id=second.public_id), *calls)
    assert not [each for each in results if isinstance(each, Exception)], results
    assert WorkedTime.objects.filter(hand=second).exists() or not WorkedTime.objects.filter(hand=first).exists()
    worker_actions.assert_invariants(first.project)
