"""The complete evidence behind a task's label, for the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from annotary_core.aggregation.consolidated import ImagePosterior
from annotary_core.labels.answer import Answer
from kernel.clock import rfc3339
from projects.selectors import class_names
from tasks.batching.models import Task
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.label_task import TaskAnswers, answer_weights, influences, load_inputs
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.selectors import label_versions
from tasks.consensus.worker_model import WorkerModel
from tasks.gold.compare import differences

_DIGITS = 6


class LabelVersion(TypedDict):
    """A version of a label. id: its public id."""

    id: str
    version: int
    content_hash: str
    method: str
    confidence: float
    created_at: str


class LabelWithEvidence(LabelVersion):
    """body: an answer. evidence: as `LabelEvidence.figures` writes it."""

    body: dict[str, Any]
    evidence: dict[str, Any]


class WorkerRates(TypedDict):
    """How reliably somebody draws the objects that exist; None where that is not estimated yet."""

    detection: float | None
    false_rate: float | None


class WeighedAnswer(WorkerRates):
    """An answer and what it did to the label. worker: a pseudonym; model: the name of a model, None for people.

    weight: the probability that its worker is right. influence: how much it shifts the log-odds of the agreed class, in
    nats; None if there is no such class. confusion: the worker's answer distribution when the true class is the agreed
    one. differences: what keeps it from matching the label by the rules and the tolerance of gold, in words; None
    without a label.
    """

    worker: str
    model: str | None
    annotation: str
    answer: Mapping[str, Any]
    weight: float
    influence: float | None
    confusion: dict[str, float] | None
    differences: list[str] | None


class TaskEvidence(TypedDict):
    """The complete evidence behind a task's label: the label, its earlier versions, each answer with its current
    weight, and the posterior. state_version: of the worker model, 0 while it rests on gold alone. posterior_version:
    the version that the posterior was computed with, which is older if later versions would have changed it only
    negligibly."""

    task: str
    state: str
    round: int
    wanted: int
    label: LabelWithEvidence | None
    versions: list[LabelVersion]
    state_version: int
    learnt_at: str | None
    cold: bool
    answers: list[WeighedAnswer]
    confidence: float | None
    posterior: ImagePosterior
    posterior_version: int | None


def task_evidence(*, task: Task) -> TaskEvidence:
    """The complete evidence behind a task's label, as plain JSON."""
    inputs = load_inputs(project=task.project, task_ids=[task.pk])
    answers, worker_model = inputs.by_task[task.pk], inputs.worker_model
    versions = list(label_versions(task=task))
    label = next((version for version in versions if version.is_current), None)
    posterior = Posterior.objects.filter(task=task).first()
    agreed = label.body["image"]["class"] if label else None
    return {
        "task": str(task.public_id),
        "state": task.state,
        "round": task.round,
        "wanted": task.wanted,
        "label": _label_with_evidence(label) if label else None,
        "versions": [_label_json(version) for version in versions],
        "state_version": worker_model.version,
        "learnt_at": rfc3339(worker_model.at) if worker_model.at else None,
        "cold": worker_model.blend.is_cold_start,
        "answers": _with_differences(_answers(answers, worker_model, agreed), label, task),
        "confidence": posterior.confidence if posterior else None,
        "posterior": posterior.body if posterior else {},
        "posterior_version": posterior.state_version if posterior else None,
    }


def _answers(answers: TaskAnswers, worker_model: WorkerModel, agreed: int | None) -> list[WeighedAnswer]:
    weights = answer_weights(answers, worker_model)
    influence = influences(answers, worker_model=worker_model, agreed=agreed) if agreed is not None else {}
    people = [(each.worker_id, each.worker, None, each.annotation, each.body) for each in answers.people]
    models = [(each.actor_id, each.actor, each.name, each.annotation, each.body) for each in answers.models]
    return [
        {
            "worker": str(worker),
            "model": model,
            "annotation": str(annotation),
            "answer": body,
            "weight": weights[actor],
            "influence": influence.get(actor),
            "confusion": confusion_row(worker_model, actor, agreed),
            **rates_of(worker_model, actor),
            "differences": None,
        }
        for actor, worker, model, annotation, body in [*people, *models]
    ]


def _with_differences(answers: list[WeighedAnswer], label: ConsensusLabel | None, task: Task) -> list[WeighedAnswer]:
    if label is None:
        return answers
    agreed, names = Answer.from_json(label.body), class_names(project=task.project)
    return [
        {
            **row,
            "differences": differences(Answer.from_json(row["answer"]), agreed, iou=task.project.gold_iou, names=names),
        }
        for row in answers
    ]


def confusion_row(worker_model: WorkerModel, actor: int, agreed: int | None) -> dict[str, float] | None:
    """The worker's answer distribution for images of this class; None if the project has no estimate."""
    blend = worker_model.blend
    index = int(blend.workers.searchsorted(actor))
    known = index < len(blend.workers) and blend.workers[index] == actor
    if agreed is None or not len(blend.confusion) or not known or agreed not in blend.classes:
        return None
    row = blend.confusion[index, int(blend.classes.searchsorted(agreed))]
    return {str(number): round(float(p), _DIGITS) for number, p in zip(blend.classes.tolist(), row, strict=True)}


def rates_of(worker_model: WorkerModel, actor: int) -> WorkerRates:
    rates = worker_model.rates
    index = -1 if rates is None else int(rates.workers.searchsorted(actor))
    if rates is None or index >= len(rates.workers) or rates.workers[index] != actor:
        return {"detection": None, "false_rate": None}
    return {
        "detection": round(float(rates.detection[index]), _DIGITS),
        "false_rate": round(float(rates.false_rate[index]), _DIGITS),
    }


def _label_with_evidence(label: ConsensusLabel) -> LabelWithEvidence:
    figures = LabelEvidence.from_json(label.evidence).figures()
    return {**_label_json(label), "body": label.body, "evidence": figures}


def _label_json(label: ConsensusLabel) -> LabelVersion:
    return {
        "id": str(label.public_id),
        "version": label.version,
        "content_hash": label.content_hash,
        "method": label.method,
        "confidence": label.confidence,
        "created_at": rfc3339(label.created_at),
    }
