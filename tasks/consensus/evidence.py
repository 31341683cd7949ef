"""Everything that a task's label stands on, for a page and for those who ask over the API."""

from __future__ import annotations

from typing import Any

from tasks.batching.models import Task
from tasks.consensus.label_task import Gathered, ground_of, influences, weights_of
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.worker_model import Learnt

_DIGITS = 6

Json = dict[str, Any]


def task_evidence(*, task: Task) -> Json:
    """All that a task's label stands on, as plain JSON: the label, its earlier versions, each answer with what it
    weighs today, and the posterior. Workers appear by their pseudonyms, models by their names.

    Of each answer: "weight", how likely its worker is right; "influence", by how much it moves the log-odds of the
    agreed class (nats; None without one); "confusion", what its worker says when the truth is the agreed class;
    "detection" and "false_rate", of those who draw. "state_version" is that of what was learnt of the workers, 0 when
    that is their check images alone; "posterior_version" the one that the posterior was made with, which is earlier
    where the versions since would have moved it by a hair alone.
    """
    ground = ground_of(project=task.project, task_ids=[task.pk])
    given, learnt = ground.of[task.pk], ground.learnt
    versions = list(ConsensusLabel.objects.filter(task=task).order_by("-version"))
    label = next((version for version in versions if version.is_current), None)
    posterior = Posterior.objects.filter(task=task).first()
    agreed = label.body["image"]["class"] if label else None
    return {
        "task": str(task.public_id),
        "state": task.state,
        "round": task.round,
        "wanted": task.wanted,
        "label": _label_json(label) | {"body": label.body, "evidence": label.evidence} if label else None,
        "versions": [_label_json(version) for version in versions],
        "state_version": learnt.version,
        "learnt_at": learnt.at.isoformat() if learnt.at else None,
        "cold": learnt.blend.cold,
        "answers": _answers(given, learnt, agreed),
        "confidence": posterior.confidence if posterior else None,
        "posterior": posterior.body if posterior else {},
        "posterior_version": posterior.state_version if posterior else None,
    }


def _answers(given: Gathered, learnt: Learnt, agreed: int | None) -> list[Json]:
    weights = weights_of(given, learnt)
    moved = influences(given, learnt=learnt, agreed=agreed) if agreed is not None else {}
    people = [(each.worker_id, each.worker, None, each.annotation, each.body) for each in given.people]
    models = [(each.actor_id, each.actor, each.name, each.annotation, each.body) for each in given.models]
    return [
        {
            "worker": str(worker),
            "model": model,
            "annotation": str(annotation),
            "answer": body,
            "weight": weights[actor],
            "influence": moved.get(actor),
            "confusion": confusion_row(learnt, actor, agreed),
            **rates_of(learnt, actor),
        }
        for actor, worker, model, annotation, body in [*people, *models]
    ]


def confusion_row(learnt: Learnt, actor: int, agreed: int | None) -> dict[str, float] | None:
    """What the worker says of images of this class, by class; None where the project does not know."""
    blend = learnt.blend
    at = int(blend.workers.searchsorted(actor))
    known = at < len(blend.workers) and blend.workers[at] == actor
    if agreed is None or not len(blend.confusion) or not known or agreed not in blend.classes:
        return None
    row = blend.confusion[at, int(blend.classes.searchsorted(agreed))]
    return {str(number): round(float(p), _DIGITS) for number, p in zip(blend.classes.tolist(), row, strict=True)}


def rates_of(learnt: Learnt, actor: int) -> dict[str, float | None]:
    """Detection and false objects of the worker, None where nothing is learnt of them."""
    rates = learnt.rates
    at = -1 if rates is None else int(rates.workers.searchsorted(actor))
    if rates is None or at >= len(rates.workers) or rates.workers[at] != actor:
        return {"detection": None, "false_rate": None}
    return {
        "detection": round(float(rates.detection[at]), _DIGITS),
        "false_rate": round(float(rates.false_rate[at]), _DIGITS),
    }


def _label_json(label: ConsensusLabel) -> Json:
    return {
        "id": str(label.public_id),
        "version": label.version,
        "content_hash": label.content_hash,
        "method": label.method,
        "confidence": label.confidence,
        "created_at": label.created_at.isoformat(),
    }
