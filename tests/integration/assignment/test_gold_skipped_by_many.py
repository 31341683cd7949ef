"""Gold that many workers skip is set aside like work, and a worker cannot tell the difference."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import SetAside
from tasks.assignment.services import claim_hand, skip_assignment
from tasks.assignment.set_aside import waiting_set_aside
from tasks.batching.models import Batch, Task
from tasks.flow.gold_images import make_gold_image, retire_gold_image
from tasks.flow.set_aside import restore_gold_offers, restore_offers
from tasks.gold.models import Gold
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def crowd(count: int = 4) -> list[Actor]:
    return [factories.a_worker(name) for name in ("wren", "finch", "robin", "heron")[:count]]


def a_gold_project() -> tuple[Project, Gold]:
    """Every set of two is one check image and one image of work."""
    project = factories.a_project(workers=crowd(), hand_size=2, gold_rate=0.5, answers_min=5, answers_max=5)
    factories.some_tasks(project, 1)
    image = factories.an_image(project)
    gold = make_gold_image(project=project, image=image, raw=factories.class_answer(1), by=factories.ada())
    Batch.objects.filter(state="draft").update(state="open")
    return project, gold


def skip_hand(project: Project, worker: Actor) -> dict[bool, list[str]]:
    """Skip a whole set; return the statements of each skip, by whether it was gold."""
    hand = worker_actions.take(worker, project)
    sent = {}
    for lease in worker_actions.leases_of(hand):
        with CaptureQueriesContext(connection) as queries:
            skip_assignment(worker=worker, assignment_id=lease.public_id, reason="other", note="x")
        sent[lease.gold_id is not None] = [" ".join(query["sql"].split())[:30] for query in queries]
    worker_actions.settle(hand)
    return sent


def test_gold_that_many_skip_is_set_aside_like_work_by_the_same_statements() -> None:
    """Otherwise an image that a worker gets after three others skipped it would be gold."""
    project, gold = a_gold_project()
    for worker in crowd(3):
        sent = skip_hand(project, worker)
        assert sent[True] == sent[False]
    gold.refresh_from_db()
    assert gold.is_set_aside
    assert set(Task.objects.values_list("state", "is_set_aside")) == {("open", True), ("approved", False)}
    assert claim_hand(worker=crowd()[3], project=project) is None
    assert SetAside.objects.filter(gold=gold, decision="undecided").count() == 1
    assert waiting_set_aside(project=project).count() == 1, "check images are in the list of check images"
    assert restore_gold_offers(gold=gold, by=factories.ada())
    assert not restore_gold_offers(gold=gold, by=factories.ada())
    restore_offers(
        project=project,
        by=factories.ada(),
        ids=list(waiting_set_aside(project=project).values_list("public_id", flat=True)),
    )
    assert {row.gold_id for row in worker_actions.leases_of(worker_actions.take(crowd()[3], project))} == {
        gold.pk,
        None,
    }


def test_retiring_a_check_image_that_was_set_aside_is_the_decision_on_it() -> None:
    project, gold = a_gold_project()
    for worker in crowd(3):
        skip_hand(project, worker)
    retire_gold_image(gold=gold, by=factories.ada())
    row = SetAside.objects.get(gold=gold)
    assert (row.decision, row.decided_by) == ("left_out", factories.ada())
