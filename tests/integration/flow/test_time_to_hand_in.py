"""Handing in a set takes the same statements, whether or not check images are in it: its time would tell."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def statements_to_hand_in(*, gold: int) -> list[str]:
    """The statements that settle a set of four images, so many of them gold, which were all answered correctly."""
    wren = factories.wren()
    project = factories.a_project(f"{gold} check images", workers=[wren], hand_size=4, gold_rate=0, answers_min=1)
    factories.some_tasks(project, 4)
    hand = worker_actions.take(wren, project)
    leases = worker_actions.leases_of(hand)
    for lease in leases[:gold]:
        made = factories.a_gold(project)
        lease.gold, lease.task, lease.counts = made, None, False
        lease.save()
    worker_actions.answer_all(hand)
    with CaptureQueriesContext(connection) as queries:
        worker_actions.settle(hand)
    return [query["sql"].split(" ")[0] for query in queries]


def test_a_set_with_check_images_is_handed_in_with_the_same_statements_as_one_without() -> None:
    statements_to_hand_in(gold=1)
    without, one, three = (statements_to_hand_in(gold=gold) for gold in (0, 1, 3))
    assert len(one) == len(three)
    assert len(without) == len(one), f"{len(without)} statements without check images, {len(one)} with one"
