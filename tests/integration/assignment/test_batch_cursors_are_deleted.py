"""Cursors of batches that are finished are deleted, in steps; those that claims read stay."""

import pytest

from tasks.assignment import cursors
from tasks.assignment.cursors import delete_unread_cursors
from tasks.assignment.models import BatchCursor
from tasks.assignment.services import skip_assignment
from tasks.batching.models import Batch
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def test_those_of_approved_and_of_full_batches_go_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "WINDOW", 2)
    project = factories.a_project(workers=[factories.wren(), factories.finch()])
    people = [factories.wren(), factories.finch()]
    states = {"open": 0, "paused": 0, "approved": 0, "full": 3}
    for name, taken in states.items():
        batch = factories.a_batch(project, state="open" if name == "full" else name, wanted=3, taken=taken)
        for worker in people:
            BatchCursor.objects.create(project=project, batch=batch, worker=worker, generation=batch.generation)

    assert delete_unread_cursors() == 4
    left = BatchCursor.objects.values_list("batch__state", "batch__taken")
    assert sorted(left) == [("open", 0)] * 2 + [("paused", 0)] * 2
    assert delete_unread_cursors() == 0


def test_a_slot_that_opens_in_a_full_batch_is_found_without_its_cursors() -> None:
    wren, finch = factories.wren(), factories.finch()
    project = factories.a_project(workers=[wren, finch], gold_rate=0, hand_size=2)
    first, second = factories.some_tasks(project, 2, wanted=1)
    lease = worker_actions.leases_of(worker_actions.take(wren, project))[0]
    BatchCursor.objects.create(project=project, batch=Batch.objects.get(), worker=finch, generation=0)

    assert delete_unread_cursors() == 1
    skip_assignment(worker=wren, assignment_id=lease.public_id)
    (given,) = worker_actions.leases_of(worker_actions.take(finch, project))
    assert given.task_id == lease.task_id in (first.pk, second.pk)
