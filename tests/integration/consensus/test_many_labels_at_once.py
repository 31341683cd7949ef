"""Labels of many tasks are computed together, with the results of computing each alone, and wait for nobody's lock."""

import random

import pytest
from django.db import transaction
from django.db.models import F

from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_task import aggregate_task, aggregate_tasks, load_inputs
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.next_steps import Asking
from tasks.consensus.refit import refit
from tasks.consensus.services import update_labels
from tests.concurrency_helpers import BackgroundCall
from tests.factories import a_project, a_worker, an_answer, class_answer, some_tasks

pytestmark = pytest.mark.django_db
CLASSES = ("cat", "dog", "fox", "owl")
NAMES = ("wren", "finch", "robin", "tit")


def a_crowd_project(tasks: int = 40) -> tuple[Project, list[Task]]:
    """Tasks with two to four answers each, many of them tied, from workers of different reliability."""
    workers = [a_worker(name) for name in NAMES]
    project = a_project(classes=CLASSES, answers_min=2, answers_max=4, workers=workers)
    chance = random.Random(3)
    created = some_tasks(project, tasks, batches=4, wanted=4)
    for number, task in enumerate(created):
        for index, worker in enumerate(workers[: 2 + number % 3]):
            right = chance.random() < 0.9 - 0.2 * index
            an_answer(task, worker, class_answer(number % 4 + 1 if right else chance.randrange(1, 5)))
    Task.objects.update(wanted=F("taken"))
    return project, created


@pytest.mark.parametrize("fitted", [False, True], ids=["cold", "fitted"])
def test_computed_together_every_label_is_the_same_as_alone(fitted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    project, tasks = a_crowd_project()
    if fitted:
        monkeypatch.setattr("annotary_core.aggregation.classification.blend.COLD_START_ANSWERS", 10)
        refit(project_id=project.pk)
    together = load_inputs(project=project, task_ids=[task.pk for task in tasks])
    results = aggregate_tasks(tasks=tasks, inputs=together)
    assert len(results) == len(tasks)
    tied = 0
    for task in tasks:
        alone = load_inputs(project=project, task_ids=[task.pk])
        assert results[task.pk] == aggregate_task(task=task, inputs=alone)
        image_class = results[task.pk].evidence.image_class
        assert image_class is not None
        tied += image_class.tied
    assert tied < len(tasks)
    assert fitted or tied > 0


@pytest.mark.django_db(transaction=True)
def test_a_task_that_somebody_holds_delays_no_other() -> None:
    _, tasks = a_crowd_project(12)
    with transaction.atomic():
        Task.objects.select_for_update(no_key=True).get(pk=tasks[5].pk)
        update = BackgroundCall(lambda: update_labels(task_ids=[task.pk for task in tasks], asking=Asking.CLOSE))
        update.wait_until_blocked()
        labeled = set(ConsensusLabel.objects.values_list("task_id", flat=True))
        assert labeled == {task.pk for task in tasks} - {tasks[5].pk}
    update.wait_for_result()
    assert ConsensusLabel.objects.filter(task=tasks[5]).exists()
