"""Aggregates the answers to a task into its label, using what is known about the workers who gave them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.predict import FittedBlend
from annotary_core.aggregation.consolidate import ClassConsensus, WorkerAnswer, consolidate
from annotary_core.labels.schema import Schema
from projects.models import Project
from projects.selectors import mapping_of, schema_of
from tasks.batching.models import Task
from tasks.consensus.class_pass import decide_classes
from tasks.consensus.label_evidence import AnswerWeight, ComputedLabel, LabelEvidence
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.selectors import CountingAnswer, ModelPrediction, counting_answers, predictions_by_task
from tasks.consensus.worker_model import WorkerModel, load_worker_model

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ProjectBlend:
    """Adapts a fitted state to the method interface, for answers that may name fewer classes than it knows, or new
    ones.

    Worker weights are part of the state, so the weights of the answers are ignored unless they are `soft`: a model's
    probabilities, with 1 for every other answer.
    """

    state: FittedModel
    seed: int = 0
    soft: bool = False
    name: str = "blend"
    uses: frozenset[str] = frozenset({"gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        classes = np.union1d(answers.classes, self.state.classes)
        weights = answers.weights if self.soft else None
        return FittedBlend(self.state, seed=self.seed).fit_predict(replace(answers, classes=classes, weights=weights))


@dataclass(frozen=True, slots=True)
class TaskAnswers:
    """The input to a task's label: the counting answers of people and the predictions of models."""

    people: Sequence[CountingAnswer] = ()
    models: Sequence[ModelPrediction] = ()

    @property
    def actors(self) -> list[int]:
        return [each.worker_id for each in self.people] + [each.actor_id for each in self.models]


@dataclass(frozen=True, slots=True)
class LabelInputs:
    """The inputs to the labels of several tasks of one project, by task id."""

    schema: Schema
    worker_model: WorkerModel
    by_task: dict[int, TaskAnswers]


def load_inputs(*, project: Project, task_ids: Sequence[int], without: int | None = None) -> LabelInputs:
    """Load the inputs of all of these tasks, with a single version of the worker model.

    without: the row id of a worker whose answers are left out, as if they were void.
    """
    schema, mapping = schema_of(project=project), mapping_of(project.schema)
    answers = counting_answers(task_ids=task_ids, mapping=mapping)
    models = predictions_by_task(task_ids=task_ids, mapping=mapping)
    people = {pk: [each for each in rows if each.worker_id != without] for pk, rows in answers.items()}
    by_task = {pk: TaskAnswers(people.get(pk, ()), models.get(pk, ())) for pk in task_ids}
    actors = {actor for each in by_task.values() for actor in each.actors}
    classes = [item.number for item in schema.classes]
    return LabelInputs(schema, load_worker_model(project=project, workers=actors, classes=classes), by_task)


def aggregate_tasks(
    *, tasks: Sequence[Task], inputs: LabelInputs, undecided: Container[int] = frozenset()
) -> dict[int, ComputedLabel]:
    """Aggregate the answers to each task that has one from a person; the result is the same for each task alone.

    A single answer becomes the label unchanged, with the worker's estimated accuracy as its confidence. undecided:
    tasks that get no label from this result, so that objects need not be fused where that takes long.
    """
    weights = _weights(
        sorted({actor for each in inputs.by_task.values() for actor in each.actors}), inputs.worker_model
    )
    answered = [task for task in tasks if inputs.by_task[task.pk].people]
    rows = {task.pk: _rows(inputs.by_task[task.pk], inputs.worker_model, weights) for task in answered}
    classes: dict[int, ClassConsensus] = {}
    for soft in (False, True) if inputs.schema.has_image_class else ():
        method = ProjectBlend(inputs.worker_model.blend, soft=soft)
        group = {pk: each for pk, each in rows.items() if bool(inputs.by_task[pk].models) == soft}
        classes |= decide_classes(group, method=method, classes=inputs.worker_model.blend.classes)
    return {
        task.pk: _aggregate(
            task, inputs, rows[task.pk], weights, classes.get(task.pk), fuse_exactly=task.pk not in undecided
        )
        for task in answered
    }


def aggregate_task(*, task: Task, inputs: LabelInputs) -> ComputedLabel:
    """Aggregate the answers to one task; it needs at least one answer from a person."""
    return aggregate_tasks(tasks=[task], inputs=inputs)[task.pk]


def _aggregate(
    task: Task,
    inputs: LabelInputs,
    rows: Sequence[WorkerAnswer],
    weights: Mapping[int, float],
    classes: ClassConsensus | None,
    *,
    fuse_exactly: bool,
) -> ComputedLabel:
    answers, worker_model = inputs.by_task[task.pk], inputs.worker_model
    method = ProjectBlend(worker_model.blend, seed=task.pk, soft=bool(answers.models))
    result = consolidate(
        rows,
        schema=inputs.schema,
        seed=task.pk,
        method=method,
        rates=worker_model.rates,
        classes=classes,
        fuse_exactly=fuse_exactly,
    )
    people = [AnswerWeight(str(each.worker), str(each.annotation), weights[each.worker_id]) for each in answers.people]
    models = [AnswerWeight(each.name, str(each.annotation), weights[each.actor_id]) for each in answers.models]
    evidence = replace(
        LabelEvidence.from_json(result.evidence),
        round=task.round,
        state_version=worker_model.version,
        answers=tuple(people),
        models=tuple(models) or None,
    )
    if len(answers.actors) > 1:
        return ComputedLabel(result.answer, result.posterior, evidence, result.confidence)
    single = answers.people[0]
    return ComputedLabel(single.answer, result.posterior, replace(evidence, method=SINGLE), weights[single.worker_id])


def answer_weights(answers: TaskAnswers, worker_model: WorkerModel) -> dict[int, float]:
    """The probability that each actor is right, 0 to 1."""
    return _weights(answers.actors, worker_model)


def _weights(actors: Sequence[int], worker_model: WorkerModel) -> dict[int, float]:
    accuracy = worker_model.blend.accuracy_of(np.array(actors, np.int64))
    return {actor: round(float(p), _DIGITS) for actor, p in zip(actors, accuracy, strict=True)}


def influences(task_answers: TaskAnswers, *, worker_model: WorkerModel, agreed: int) -> dict[int, float]:
    """How much each answer shifts the log-odds of the agreed class against the likeliest other class, in nats.

    Computed leave-one-out, which also works for a blend of models. Actors whose answer names no class are omitted.
    """
    votes = _votes(task_answers)
    actors = sorted({actor for actor, _, _ in votes})
    rows = [(0, *vote) for vote in votes]
    for scenario, actor in enumerate(actors, start=1):
        rows += [(scenario, *vote) for vote in votes if vote[0] != actor]
    if not rows:
        return {}
    task, worker, label, weight = zip(*rows, strict=True)
    answers = Answers.of(task, worker, label, weights=weight, classes=np.union1d(label, [agreed]))
    result = ProjectBlend(worker_model.blend, soft=True).fit_predict(answers)
    log_odds = _log_odds(result, worker_model.blend, agreed)
    # Without its only answer a task has no evidence: even odds.
    return {
        actor: round(log_odds[0] - log_odds.get(scenario, 0.0), _DIGITS)
        for scenario, actor in enumerate(actors, start=1)
    }


def _log_odds(result: Consensus, blend: FittedModel, agreed: int) -> dict[int, float]:
    """Log-odds, in each task, of the agreed class against the likeliest other class of the first task."""
    classes = np.union1d(blend.classes, np.union1d(result.posteriors.label, [agreed]))
    p = np.maximum(result.posteriors.dense(classes), 1e-12)
    agreed_index = int(np.searchsorted(classes, agreed))
    others = np.delete(np.arange(len(classes)), agreed_index)
    if not len(others):
        return {int(task): 0.0 for task in result.task}
    rival = others[int(p[0, others].argmax())]
    return {int(task): float(np.log(row[agreed_index] / row[rival])) for task, row in zip(result.task, p, strict=True)}


def _votes(task_answers: TaskAnswers) -> list[tuple[int, int, float]]:
    """(actor, class, weight) rows for the class model."""
    votes = [
        (each.worker_id, each.answer.image.class_number, 1.0)
        for each in task_answers.people
        if each.answer.image.class_number is not None
    ]
    for each in task_answers.models:
        probabilities = {number: p for number, p in each.probabilities.items() if p > 0}
        votes += [(each.actor_id, number, p * len(probabilities)) for number, p in probabilities.items()]
    return votes


def _rows(task_answers: TaskAnswers, worker_model: WorkerModel, weights: Mapping[int, float]) -> list[WorkerAnswer]:
    """A worker without rates is weighted by estimated accuracy, relative to that of an unknown worker."""
    if task_answers.models:
        people = [WorkerAnswer(each.worker_id, each.answer) for each in task_answers.people]
        soft = [
            WorkerAnswer(each.actor_id, each.answer, probabilities=each.probabilities) for each in task_answers.models
        ]
        return people + soft
    baseline = worker_model.blend.pooled_accuracy
    return [
        WorkerAnswer(each.worker_id, each.answer, weights[each.worker_id] / baseline) for each in task_answers.people
    ]
