"""Label updates that raise the number of answers need the batch, which claims lock before its tasks."""

from typing import Any

import pytest
from django.db import transaction

from projects.models import Project
from tasks.assignment.models import Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.consensus import services
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.services import update_labels
from tasks.flow.overlap import close_with_current_answers
from tests.concurrency_helpers import BackgroundCall, together
from tests.factories import a_project, a_task, a_worker, an_answer, class_answer, finch, some_tasks, wren
from tests.worker_actions import leases_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    people = [wren(), finch(), a_worker("robin")]
    return a_project(answers_min=2, answers_max=5, confidence_target=0.6, gold_rate=0, hand_size=2, workers=people)


def answered(project: Project, *numbers: int) -> Task:
    """A task that wren and finch have answered with these classes."""
    task = a_task(project)
    for worker, number in zip((wren(), finch()), numbers, strict=False):
        an_answer(task, worker, class_answer(number))
    return task


def test_while_somebody_holds_the_batch_only_tasks_that_need_it_wait(project: Project) -> None:
    disputed, agreed = answered(project, 1, 2), answered(project, 1, 1)
    with transaction.atomic():
        Batch.objects.select_for_update(no_key=True).get(pk=disputed.batch_id)
        update = BackgroundCall(lambda: update_labels(task_ids=[disputed.pk, agreed.pk]))
        update.wait_until_blocked()
        # It waits for the batch and holds no task, as a claim with the batch may want any of them.
        list(Task.objects.select_for_update(no_key=True, nowait=True))
        assert list(ConsensusLabel.objects.values_list("task_id", flat=True)) == [agreed.pk]
        assert not Posterior.objects.filter(task=disputed).exists()
    assert update.wait_for_result() == 1
    disputed.refresh_from_db()
    assert (disputed.state, disputed.wanted, disputed.batch.wanted) == ("open", 3, 5)
    assert Posterior.objects.filter(task=disputed).exists()


def test_a_claim_that_waits_for_a_task_of_the_update_does_not_deadlock_with_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim has the batch and waits for the task; the update has the task and wants the batch."""
    disputed, waiting = answered(project, 1, 2), answered(project, 1)
    lock_batches, claims = services._lock_batches, list[BackgroundCall]()

    def claim_first(batch_ids: Any) -> frozenset[int]:
        if batch_ids and not claims:
            claims.append(BackgroundCall(lambda: claim_hand(worker=a_worker("robin"), project=project)))
            claims[0].wait_until_blocked()
        return lock_batches(batch_ids)

    monkeypatch.setattr(services, "_lock_batches", claim_first)
    assert update_labels(task_ids=[disputed.pk, waiting.pk]) == 0

    hand = claims[0].wait_for_result()
    assert isinstance(hand, Hand), hand
    assert [row.task_id for row in leases_of(hand)] == [waiting.pk]
    disputed.refresh_from_db()
    assert (disputed.state, disputed.wanted) == ("open", 3)
    assert Batch.objects.get().wanted == 5


def test_updates_claims_and_a_manager_who_closes_tasks_keep_the_sums(project: Project) -> None:
    tasks = some_tasks(project, 12, batches=2, wanted=2)
    for number, task in enumerate(tasks):
        an_answer(task, wren(), class_answer(1))
        an_answer(task, finch(), class_answer(1 + number % 2))
    ids = [task.pk for task in tasks]
    batches = [task.batch for task in tasks[:2]]

    results = together(
        lambda: update_labels(task_ids=ids),
        lambda: update_labels(task_ids=ids[::-1]),
        lambda: claim_hand(worker=a_worker("robin"), project=project),
        lambda: close_with_current_answers(batch=batches[0]),
        lambda: update_labels(task_ids=ids),
    )

    assert not [result for result in results if isinstance(result, Exception)]
    for batch in Batch.objects.all():
        rows = list(batch.tasks.values_list("wanted", "taken"))
        assert (batch.wanted, batch.taken) == (sum(row[0] for row in rows), sum(row[1] for row in rows))
    labeled = set(ConsensusLabel.objects.values_list("task_id", flat=True))
    assert labeled == set(Task.objects.filter(state=Task.State.ANSWERED).values_list("pk", flat=True))
    # Nobody asked twice on the same answers.
    assert set(Task.objects.filter(state=Task.State.OPEN).values_list("wanted", flat=True)) <= {3}


def test_the_label_and_the_number_of_answers_are_one_transaction(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputed = answered(project, 1, 2)

    def fail(**change: Any) -> None:
        raise RuntimeError("the process dies here")

    monkeypatch.setattr(services, "change_wanted", fail)
    with pytest.raises(RuntimeError):
        update_labels(task_ids=[disputed.pk])
    assert not Posterior.objects.exists()
