"""What the answers to one task agree on, given what is known of those who gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.predict import Scored
from annotary_core.aggregation.consolidate import Consolidated, WorkerAnswer, consolidate
from annotary_core.labels.schema import Schema
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.predictions import Predicted, predictions_of
from tasks.consensus.selectors import CountingAnswer, counting_answers
from tasks.consensus.worker_model import Learnt, learnt_of

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class InProject:
    """A state as a method for answers that may name fewer classes than it knows, or new ones.

    What a worker weighs is in the state, so weights are left aside, unless they are `soft`: those of a model's
    probabilities, with 1 for everybody else.
    """

    state: BlendState
    seed: int = 0
    soft: bool = False
    name: str = "blend"
    uses: frozenset[str] = frozenset({"gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        every = np.union1d(answers.classes, self.state.classes)
        weights = answers.weights if self.soft else None
        return Scored(self.state, seed=self.seed).fit_predict(replace(answers, classes=every, weights=weights))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a task's label is made from: the answers of people that count, and what models predict."""

    people: Sequence[CountingAnswer] = ()
    models: Sequence[Predicted] = ()

    @property
    def actors(self) -> list[int]:
        return [each.worker_id for each in self.people] + [each.actor_id for each in self.models]


@dataclass(frozen=True, slots=True)
class Ground:
    """Some tasks of a project with all that their labels are made from."""

    schema: Schema
    learnt: Learnt
    of: dict[int, Gathered]


def ground_of(*, project: Project, task_ids: Sequence[int]) -> Ground:
    """One version of what is known of the workers, for all of these tasks."""
    assert project.schema is not None  # tasks are made and claimed only with a schema
    schema = Schema.from_json(project.schema.body)
    people, models = counting_answers(task_ids=task_ids), predictions_of(task_ids=task_ids)
    of = {pk: Gathered(people.get(pk, ()), models.get(pk, ())) for pk in task_ids}
    actors = {actor for each in of.values() for actor in each.actors}
    classes = [item.number for item in schema.classes]
    return Ground(schema, learnt_of(project=project, workers=actors, classes=classes), of)


def agree(*, task: Task, ground: Ground) -> Consolidated:
    """Needs an answer of a person. With one answer alone the label is that answer as it was given, and it is as sure as
    its worker is known to be right."""
    given, learnt = ground.of[task.pk], ground.learnt
    weights = weights_of(given, learnt)
    method = InProject(learnt.blend, seed=task.pk, soft=bool(given.models))
    result = consolidate(_rows(given, learnt), schema=ground.schema, seed=task.pk, method=method, rates=learnt.rates)
    evidence = {
        **result.evidence,
        "round": task.round,
        "state_version": learnt.version,
        "answers": [
            {"worker": str(each.worker), "annotation": str(each.annotation), "weight": weights[each.worker_id]}
            for each in given.people
        ],
    }
    if given.models:
        evidence["models"] = [
            {"model": each.name, "annotation": str(each.annotation), "weight": weights[each.actor_id]}
            for each in given.models
        ]
    if len(given.actors) > 1:
        return replace(result, evidence=evidence)
    alone = given.people[0]
    return Consolidated(alone.answer, result.posterior, {**evidence, "method": SINGLE}, weights[alone.worker_id])


def weights_of(given: Gathered, learnt: Learnt) -> dict[int, float]:
    """How likely each of them is right, 0 to 1."""
    actors = np.array(given.actors, np.int64)
    return {int(a): round(float(p), _DIGITS) for a, p in zip(actors, learnt.blend.accuracy_of(actors), strict=True)}


def influences(given: Gathered, *, learnt: Learnt, agreed: int) -> dict[int, float]:
    """By how much each answer moves the log-odds of the agreed class against the likeliest other one, in nats.

    What it moves is what is missing without it, so that a blend of models has an answer too. Those whose answer names
    no class are left out.
    """
    votes = _votes(given)
    actors = sorted({actor for actor, _, _ in votes})
    rows = [(0, *vote) for vote in votes]
    for without, actor in enumerate(actors, start=1):
        rows += [(without, *vote) for vote in votes if vote[0] != actor]
    if not rows:
        return {}
    task, worker, label, weight = zip(*rows, strict=True)
    answers = Answers.of(task, worker, label, weights=weight, classes=np.union1d(label, [agreed]))
    found = InProject(learnt.blend, soft=True).fit_predict(answers)
    odds = _log_odds(found, learnt.blend, agreed)
    # Without its only answer a task says nothing: even odds.
    return {actor: round(odds[0] - odds.get(at, 0.0), _DIGITS) for at, actor in enumerate(actors, start=1)}


def _log_odds(found: Consensus, blend: BlendState, agreed: int) -> dict[int, float]:
    """Of the agreed class against the likeliest other one of the first task, in each task."""
    classes = np.union1d(blend.classes, np.union1d(found.posteriors.label, [agreed]))
    p = np.maximum(found.posteriors.dense(classes), 1e-12)
    at = int(np.searchsorted(classes, agreed))
    others = np.delete(np.arange(len(classes)), at)
    if not len(others):
        return {int(task): 0.0 for task in found.task}
    rival = others[int(p[0, others].argmax())]
    return {int(task): float(np.log(row[at] / row[rival])) for task, row in zip(found.task, p, strict=True)}


def _votes(given: Gathered) -> list[tuple[int, int, float]]:
    """(actor, class, weight) as the class model reads them."""
    votes = [
        (each.worker_id, each.answer.image.class_number, 1.0)
        for each in given.people
        if each.answer.image.class_number is not None
    ]
    for each in given.models:
        said = {number: p for number, p in each.probabilities.items() if p > 0}
        votes += [(each.actor_id, number, p * len(said)) for number, p in said.items()]
    return votes


def _rows(given: Gathered, learnt: Learnt) -> list[WorkerAnswer]:
    """The weight is how careful a worker is held to be who has no rates yet, against one of whom nothing is known."""
    if given.models:
        people = [WorkerAnswer(each.worker_id, each.answer) for each in given.people]
        soft = [WorkerAnswer(each.actor_id, each.answer, probabilities=each.probabilities) for each in given.models]
        return people + soft
    weights, usual = weights_of(given, learnt), learnt.blend.pooled_accuracy
    return [WorkerAnswer(each.worker_id, each.answer, weights[each.worker_id] / usual) for each in given.people]
