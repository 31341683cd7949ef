"""A claim begins anywhere in the order of its batch and continues at the beginning; urgent tasks come first."""

import pytest

from projects.models import Project
from tasks.batching.models import Task
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

TASKS, SIZE, WORKERS = 8, 3, 24


@pytest.fixture
def project() -> Project:
    """A batch in which the order of the tasks is that of their ids."""
    project = factories.a_project(hand_size=SIZE, gold_rate=0)
    for number, task in enumerate(factories.some_tasks(project, TASKS, wanted=WORKERS)):
        Task.objects.filter(pk=task.pk).update(order_key=(number + 0.5) / TASKS)
    return project


def claimed(project: Project, number: int) -> frozenset[int]:
    """Return the places, in the order of the batch, of the tasks that a new worker gets."""
    worker = factories.a_worker(f"worker{number}")
    factories.admitted(project, worker)
    first = Task.objects.order_by("pk").values_list("pk", flat=True)[0]
    leases = worker_actions.leases_of(worker_actions.take(worker, project))
    return frozenset(lease.task_id - first for lease in leases if lease.task_id is not None)


def test_sets_are_neighbors_in_the_order_and_begin_anywhere(project: Project) -> None:
    arcs = {frozenset((start + step) % TASKS for step in range(SIZE)) for start in range(TASKS)}
    hands = [claimed(project, number) for number in range(WORKERS)]
    assert set(hands) <= arcs
    assert len(set(hands)) > SIZE


@pytest.mark.parametrize("urgent", [{0, 7}, {3}, {1, 2, 6, 7}])
def test_urgent_tasks_come_first_wherever_a_claim_begins(project: Project, urgent: set[int]) -> None:
    for place, task in enumerate(Task.objects.order_by("pk")):
        Task.objects.filter(pk=task.pk).update(priority=5 if place in urgent else 0)
    hands = [claimed(project, number) for number in range(WORKERS)]
    assert all(len(hand & urgent) == min(SIZE, len(urgent)) and len(hand) == SIZE for hand in hands)
