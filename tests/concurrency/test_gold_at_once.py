"""Many workers claim at once: no gold is seen by more of them than an image is, nor placed twice."""

from functools import partial

import pytest
from django.db.models import Count, Q

from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand
from tasks.flow.settlement import settle_hand
from tasks.gold.models import Gold
from tests import factories, worker_actions
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 12


def test_no_gold_has_more_views_than_an_image_of_work() -> None:
    people = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
    project = factories.a_project(workers=people, hand_size=5, gold_rate=0.4, answers_min=2, answers_max=2)
    factories.some_tasks(project, 60, wanted=2, batches=3)
    for _ in range(30):
        factories.a_gold(project, views_wanted=2)

    def work(number: int) -> None:
        while (hand := claim_hand(worker=people[number], project=project)) is not None:
            worker_actions.answer_all(hand)
            settle_hand(worker=people[number], hand_id=hand.public_id)

    results = together(*(partial(work, number) for number in range(WORKERS)))
    assert results == [None] * WORKERS

    views = Count("assignments", filter=Q(assignments__state="submitted"))
    seen = list(Gold.objects.annotate(views=views).values_list("views", flat=True))
    assert max(seen) == 2, "as many as see an image"
    assert sum(seen) > 15
    placed = Gold.objects.filter(site__isnull=False).values_list("site", flat=True)
    assert len(set(placed)) == len(placed) > 10, "one in front of a task"
    assert Assignment.objects.filter(task__isnull=False).count() == 120
    worker_actions.assert_invariants(project)
