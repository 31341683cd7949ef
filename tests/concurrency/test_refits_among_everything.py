"""Refits while sets are settled, reviewers decide, labels are recomputed and a model predicts: no deadlock."""

from collections.abc import Callable

import pytest
from django.db import connection

from kernel.models import Job
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, ConsensusState, Posterior
from tasks.consensus.refit import queue_missed_tasks, refit
from tasks.flow.model_predictions import add_predictions
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.review.errors import LabelChanged
from tasks.review.services import fix_label
from tests import worker_actions
from tests.concurrency_helpers import together
from tests.crowd import simulated_votes, write_answers
from tests.factories import a_gold, a_project, a_worker, ada, class_answer, some_tasks
from tests.invariants import FORBIDDEN

pytestmark = pytest.mark.django_db(transaction=True)


def test_refits_run_concurrently_with_settlement_reviews_and_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotary_core.aggregation.classification.blend.COLD_START_ANSWERS", 50)
    workers = [a_worker(name) for name in ("wren", "finch", "robin")]
    careless = a_worker("tit")
    project = a_project(answers_min=3, answers_max=4, hand_size=20, gold_rate=0.5, workers=[*workers, careless])
    tasks = some_tasks(project, 40, batches=4, wanted=3)
    truth = {task.pk: 1 + task.pk % 2 for task in tasks}
    write_answers(project, simulated_votes(project, tasks, workers, truth=truth, right=dict.fromkeys(workers, 0.8)))
    relabel(task_ids=[task.pk for task in tasks])
    some_tasks(project, 20, batches=2, wanted=3)
    for _ in range(10):
        a_gold(project)
    hand = worker_actions.take(careless, project)
    for lease in Assignment.objects.filter(hand=hand):
        worker_actions.answer(lease, 2)
    labels = list(ConsensusLabel.objects.filter(is_current=True).select_related("task").order_by("pk"))
    boss = ada()

    def refits() -> None:
        for _ in range(4):
            refit(project_id=project.pk)
            queue_missed_tasks(project_id=project.pk)

    def verdicts(some: list[ConsensusLabel], decide: Callable[[ConsensusLabel], object]) -> None:
        for label in some:
            _decide_on_the_current_version(label, decide)

    def fix(label: ConsensusLabel) -> None:
        other = 3 - label.body["image"]["class"]
        fix_label(reviewer=boss, task=label.task, label_hash=label.content_hash, raw=class_answer(other))

    def reject(label: ConsensusLabel) -> None:
        reject_label(reviewer=boss, task=label.task, label_hash=label.content_hash, reason="It is blurred.")

    def predict() -> None:
        for share in (0.6, 0.7, 0.8):
            rows = {task.image.public_id: {1: share, 2: 1 - share} for task in tasks[20:]}
            add_predictions(project=project, model="owl-net", rows=rows)

    done = together(
        refits,
        refits,
        lambda: verdicts(labels[:8], fix),
        lambda: verdicts(labels[8:16], reject),
        predict,
        lambda: [relabel(task_ids=[task.pk for task in tasks[20:]]) for _ in range(3)],
        lambda: worker_actions.settle(hand),
    )
    assert [result for result in done if isinstance(result, Exception)] == []

    for job in Job.objects.filter(kind="consensus.update").order_by("pk"):
        relabel(task_ids=job.args["task_ids"])
    refit(project_id=project.pk)
    queue_missed_tasks(project_id=project.pk)
    _check_what_is_left(fixed=labels[:8], rejected=[label.task_id for label in labels[8:16]])


def _decide_on_the_current_version(label: ConsensusLabel, decide: Callable[[ConsensusLabel], object]) -> None:
    """Decide as a reviewer does, who reloads a label that has changed meanwhile."""
    while True:
        try:
            decide(label)
            return
        except LabelChanged:
            label = ConsensusLabel.objects.select_related("task").get(task=label.task, is_current=True)


def _check_what_is_left(*, fixed: list[ConsensusLabel], rejected: list[int]) -> None:
    assert ConsensusState.objects.filter(is_current=True).count() == 1
    assert Job.objects.filter(kind="consensus.refit", state="queued").count() <= 1
    now = ConsensusLabel.objects.filter(task__in=[label.task_id for label in fixed], is_current=True)
    assert set(now.values_list("method", flat=True)) == {"review"}
    assert set(Task.objects.filter(pk__in=rejected).values_list("round", "taken")) == {(2, 0)}
    assert not Posterior.objects.filter(task__in=rejected).exists()
    with connection.cursor() as cursor:
        # The ledger is not checked: the crowd's answers were written directly to the tables.
        for rule, query in FORBIDDEN.items():
            if rule[:2] in ("I1", "I2", "I3"):
                cursor.execute(query)
                assert cursor.fetchall() == [], rule
