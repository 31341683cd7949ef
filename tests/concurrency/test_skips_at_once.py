"""The skips of one image at once, two managers who decide at once, and a decision concurrent with a skip."""

from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Actor
from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Assignment, SetAside
from tasks.assignment.services import skip_assignment
from tasks.batching.models import Task
from tasks.flow.set_aside import leave_out, restore_offers
from tests import factories, worker_actions
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("wren", "finch", "robin", "heron")


@pytest.fixture
def project() -> Project:
    workers = [factories.a_worker(name) for name in NAMES]
    project = factories.a_project(workers=workers, hand_size=1, gold_rate=0, answers_min=4, answers_max=4)
    factories.some_tasks(project, 1)
    for worker in workers:
        worker_actions.take(worker, project)
    return project


def skipping(worker: Actor) -> Any:
    lease = Assignment.objects.get(worker=worker)
    return partial(skip_assignment, worker=worker, assignment_id=lease.public_id)


def workers() -> list[Actor]:
    return [factories.a_worker(name) for name in NAMES]


def ids() -> list[Any]:
    return list(SetAside.objects.values_list("public_id", flat=True))


def assert_consistent(project: Project) -> None:
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
    assert worker_actions.stream_totals(project)["set_aside"] == Task.objects.filter(is_set_aside=True).count()


def test_workers_who_skip_an_image_at_once_set_it_aside_once(project: Project) -> None:
    results = together(*(skipping(worker) for worker in workers()))
    assert [each for each in results if isinstance(each, Exception)] == []
    assert Task.objects.get().is_set_aside
    assert SetAside.objects.count() == 1
    assert Event.objects.filter(kind="task.set_aside").count() == 1
    assert_consistent(project)


def test_of_two_managers_who_decide_at_once_the_first_one_decides(project: Project) -> None:
    for worker in workers()[:3]:
        skipping(worker)()
    ada = factories.ada()
    calls = [partial(act, project=project, by=ada, ids=ids()) for act in (restore_offers, leave_out, restore_offers)]
    results = together(*calls)
    task, row = Task.objects.get(), SetAside.objects.get()
    # The image may be left out and then offered again; each step is counted once.
    assert sum(each.decided for each in results) in (1, 2)
    assert (task.state, row.decision) in {("open", "offered"), ("left_out", "left_out")}
    assert not task.is_set_aside
    assert_consistent(project)


def test_a_skip_that_waited_for_the_decision_is_counted_after_it(project: Project) -> None:
    *first, last = workers()
    for worker in first:
        skipping(worker)()
    with transaction.atomic():
        restore_offers(project=project, by=factories.ada(), ids=ids())
        skip = BackgroundCall(skipping(last))
        skip.wait_until_blocked()
    assert skip.wait_for_result().state == Assignment.State.SKIPPED
    assert not Task.objects.get().is_set_aside, "three skips were decided on, and one came after"
    assert_consistent(project)


def test_an_answer_concurrent_with_leaving_the_image_out_is_kept_and_paid(project: Project) -> None:
    *first, last = workers()
    for worker in first:
        skipping(worker)()
    lease = Assignment.objects.get(worker=last)
    results = together(
        partial(worker_actions.answer, lease), partial(leave_out, project=project, by=factories.ada(), ids=ids())
    )
    assert [each for each in results if isinstance(each, Exception)] == []
    assert worker_actions.settle(lease.hand).answers == 1
    assert Task.objects.get().state == "left_out"
    assert_consistent(project)
