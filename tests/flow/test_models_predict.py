"""A model is an additional annotator: it takes no slot, earns nothing, and is weighted by its reliability."""

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Actor
from kernel.models import Job
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.consensus.evidence import task_evidence
from tasks.consensus.models import ConsensusLabel, Posterior, Prediction
from tasks.consensus.refit import refit
from tasks.consensus.worker_model import load_worker_model
from tasks.flow.errors import PredictionRefused
from tasks.flow.model_predictions import add_predictions
from tasks.flow.relabel import relabel
from tasks.pay.models import LedgerEntry
from tests.concurrency_helpers import together
from tests.crowd import simulated_votes, write_answers
from tests.factories import a_gold, a_project, a_task, a_worker, an_answer, class_answer, finch, some_tasks, wren

pytestmark = pytest.mark.django_db


def posterior(task: Task) -> dict[str, float]:
    shares: dict[str, float] = Posterior.objects.get(task=task).body["class"]
    return shares


def test_a_prediction_moves_the_posterior_and_takes_no_slot() -> None:
    project = a_project(answers_min=2, answers_max=2, workers=[wren(), finch()])
    task = a_task(project)
    an_answer(task, wren(), class_answer(1))
    relabel(task_ids=[task.pk])
    alone = posterior(task)["1"]

    assert add_predictions(project=project, model="owl-net", rows={task.image.public_id: {1: 0.9, 2: 0.1}}) == 1
    assert [job.args for job in Job.objects.filter(kind="consensus.update")] == [{"task_ids": [task.pk]}]
    assert Job.objects.filter(kind="consensus.refit").count() == 1
    relabel(task_ids=[task.pk])

    assert posterior(task)["1"] > alone
    task.refresh_from_db()
    assert (task.taken, task.state, Posterior.objects.get(task=task).answers) == (1, "open", 1)
    assert not LedgerEntry.objects.exists()
    assert not ConsensusLabel.objects.exists()


def test_the_evidence_of_a_label_names_the_model_and_the_people() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    task = a_task(project)
    add_predictions(project=project, model="owl-net", rows={task.image.public_id: {2: 1.0}})
    an_answer(task, wren(), class_answer(1))
    relabel(task_ids=[task.pk])

    label = ConsensusLabel.objects.get(task=task)
    assert label.method == "blend"  # not `single`: the model contributes
    assert [row["worker"] for row in label.evidence["answers"]] == [str(wren().public_id)]
    assert label.evidence["models"] == [
        {"model": "owl-net", "annotation": str(Annotation.objects.get(source="model").public_id), "weight": 0.8}
    ]
    influences = {row["model"]: row["influence"] or 0.0 for row in task_evidence(task=task)["answers"]}
    assert influences["owl-net"] * influences[None] < 0


def test_a_later_prediction_replaces_the_earlier_one_and_an_equal_one_has_no_effect() -> None:
    project = a_project()
    image = a_task(project).image.public_id

    assert add_predictions(project=project, model="owl-net", rows={image: {1: 0.6, 2: 0.4}}) == 1
    assert add_predictions(project=project, model="owl-net", rows={image: {1: 0.6, 2: 0.4}}) == 0
    assert add_predictions(project=project, model="owl-net", rows={image: {1: 0.2, 2: 0.8}}) == 1

    rows = Annotation.objects.filter(source="model").order_by("pk")
    assert [(row.is_current, row.body["image"]["class"]) for row in rows] == [(False, 1), (True, 2)]
    assert len({row.actor_id for row in rows}) == 1


def test_no_predictions_create_no_model_and_a_vanishing_probability_is_dropped() -> None:
    project = a_project()
    image = a_task(project).image.public_id
    assert add_predictions(project=project, model="owl-net", rows={}) == 0
    assert not Actor.objects.filter(kind=Actor.Kind.MODEL).exists()
    add_predictions(project=project, model="owl-net", rows={image: {1: 1e-12, 2: 1.0}})
    assert Prediction.objects.get().probabilities == {"2": 1.0}


def test_another_model_is_another_annotator() -> None:
    project = a_project()
    image = a_task(project).image.public_id
    for name in ("owl-net", "hawk-net"):
        add_predictions(project=project, model=name, rows={image: {1: 1.0}})
    assert Annotation.objects.filter(is_current=True).values("actor").distinct().count() == 2


def test_gold_measures_a_model_before_the_first_fit() -> None:
    project = a_project(answers_min=1, answers_max=1, workers=[wren()])
    golds = [a_gold(project, accepted=[class_answer(1)]) for _ in range(10)]
    task = a_task(project)
    wrong = {gold.image.public_id: {1: 0.1, 2: 0.9} for gold in golds}
    add_predictions(project=project, model="coin", rows=wrong | {task.image.public_id: {2: 1.0}})
    an_answer(task, wren(), class_answer(1))
    relabel(task_ids=[task.pk])

    label = ConsensusLabel.objects.get(task=task)
    assert label.body["image"]["class"] == 1
    assert label.evidence["models"][0]["weight"] == pytest.approx((8 + 1) / (10 + 10), abs=1e-6)


def test_a_refit_estimates_the_reliability_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotary_core.aggregation.classification.blend.COLD_START_ANSWERS", 50)
    workers = [wren(), finch(), a_worker("robin")]
    project = a_project(classes=("cat", "dog", "owl"), answers_min=3, answers_max=3, workers=workers)
    tasks = some_tasks(project, 40, wanted=3)
    truth = {task.pk: 1 + index % 3 for index, task in enumerate(tasks)}
    right = dict.fromkeys(workers, 0.85)
    write_answers(project, simulated_votes(project, tasks, workers, truth=truth, right=right, classes=3))
    rest = 0.05
    good = {t.image.public_id: {n: 0.9 if n == truth[t.pk] else rest for n in (1, 2, 3)} for t in tasks}
    always: dict[Any, Any] = {task.image.public_id: {1: 0.9, 2: rest, 3: rest} for task in tasks}
    add_predictions(project=project, model="good", rows=good)
    add_predictions(project=project, model="always-cat", rows=always)

    refit(project_id=project.pk)

    actors = dict(Annotation.objects.filter(source="model").values_list("actor__label", "actor_id"))
    worker_model = load_worker_model(project=project, workers=list(actors.values()), classes=())
    accuracy = dict(zip(worker_model.blend.workers.tolist(), worker_model.blend.accuracy.tolist(), strict=True))
    assert accuracy[actors["good"]] > 0.8 > 0.6 > accuracy[actors["always-cat"]]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({1: 0.5, 2: 0.2}, "sum to 1"),
        ({1: 1.5, 2: -0.5}, "be non-negative"),
        ({1: float("nan"), 2: 1.0}, "be non-negative"),
        ({1: 0.5, 9: 0.5}, "no class 9"),
    ],
)
def test_values_that_are_no_distribution_over_the_classes_are_refused(rows: dict[int, float], sentence: str) -> None:
    project = a_project()
    image = a_task(project).image.public_id
    with pytest.raises(PredictionRefused, match=sentence):
        add_predictions(project=project, model="owl-net", rows={image: rows})
    assert not Annotation.objects.exists()


def test_unknown_images_projects_without_classes_and_empty_names_are_refused() -> None:
    with pytest.raises(PredictionRefused, match="no image"):
        add_predictions(project=a_project(), model="owl-net", rows={uuid4(): {1: 1.0}})
    with pytest.raises(PredictionRefused, match="has none"):
        add_predictions(project=a_project("Boxes", tools=("box",)), model="owl-net", rows={})
    with pytest.raises(PredictionRefused, match="needs a name"):
        add_predictions(project=a_project("Nameless"), model=" ", rows={})


@pytest.mark.django_db(transaction=True)
def test_concurrent_calls_create_one_model_and_one_current_prediction() -> None:
    project = a_project()
    image = a_task(project).image.public_id

    together(
        lambda: add_predictions(project=project, model="owl-net", rows={image: {1: 1.0}}),
        lambda: add_predictions(project=project, model="owl-net", rows={image: {2: 1.0}}),
    )

    assert Annotation.objects.values("actor").distinct().count() == 1
    assert Annotation.objects.filter(is_current=True).count() == 1
