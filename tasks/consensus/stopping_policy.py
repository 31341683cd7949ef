"""Decides whether a task is worth another answer: the stopping rule of `aggregation.stopping` under a project's policy.

A task is done when every decision about it reaches the project's confidence target (the class, each object of the
label, and each candidate that it leaves out, which may be an object that most workers missed), or when no further
answer is expected to help enough. The second case does not depend on the target: if workers contradict each other on an
ambiguous image, more answers do not make the label certain. Before the first fit, posteriors treat all workers as
equal, so that the little evidence seen so far cannot mislead the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.consolidate import RELEASE_THRESHOLD
from annotary_core.aggregation.error_correlation import design_effect
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD, LOOK_AHEAD, pair_gains
from projects.models import Project
from tasks.consensus.models import Posterior
from tasks.consensus.worker_model import WorkerModel, load_worker_model

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NextWorker:
    """The expected accuracy of the next worker, about classes and about the existence of objects.

    alike: how correlated the errors of answers about a class are, see `aggregation.classification.predict`.
    """

    about_class: float
    about_objects: float
    error_correlation: float = 0.0

    @classmethod
    def of(cls, worker_model: WorkerModel) -> NextWorker:
        pooled = worker_model.blend.pooled_accuracy
        if worker_model.rates is None:
            return cls(pooled, pooled, worker_model.blend.error_correlation)
        # Both drawing an object that exists and leaving out one that does not are correct.
        about_objects = (worker_model.rates.pooled_detection + 1 - worker_model.rates.pooled_false_rate) / 2
        return cls(pooled, about_objects, worker_model.blend.error_correlation)


def needs_more_answers(
    *, project: Project, posterior: Json, confidence: float, answers: int, worker: NextWorker
) -> bool:
    """Whether another answer is worth its price, within the project's maximum of answers per image."""
    left = project.answers_max - answers
    if weakest_decision(posterior=posterior, confidence=confidence) >= project.confidence_target or left < 1:
        return False
    return expected_gain(posterior=posterior, worker=worker, answers=answers, remaining=left) > DEFAULT_THRESHOLD


def weakest_decision(*, posterior: Json, confidence: float) -> float:
    """The probability of the least certain decision of a task.

    posterior: as `consolidate` writes it. confidence: that of the label; it may be higher than what the posterior says
    if an earlier version wrote it.
    """
    decisions = [confidence]
    for each in posterior.get("objects", {}).values():
        exists = float(each["existence"])
        decisions.append(exists * _top_two(each["class"])[0] if exists >= RELEASE_THRESHOLD else 1 - exists)
    return min(decisions)


def expected_gain(*, posterior: Json, worker: NextWorker, answers: int, remaining: int = LOOK_AHEAD) -> float:
    """The expected gain in correct decisions from one more answer, summed over the decisions of a task: the class of
    the image and, for each object, its existence and its class.

    posterior: as `consolidate` writes it, from that number of answers.
    """
    # Class posteriors are tempered, and the stopping rule needs to know by how much; existence is not tempered.
    tempering = float(design_effect(np.array([answers]), worker.error_correlation)[0])
    rows: list[tuple[float, float, float, float]] = []
    if posterior.get("class"):
        rows.append((*_top_two(posterior["class"]), worker.about_class, tempering))
    for each in posterior.get("objects", {}).values():
        exists = float(each["existence"])
        first, second = _top_two(each["class"])
        rows.append((exists, 1 - exists, worker.about_objects, 1.0))
        rows.append((exists * first, exists * second, worker.about_class, tempering))
    a, b, accuracy, effect = np.array(rows, np.float64).reshape(-1, 4).T
    gains = pair_gains(np.maximum(a, b), np.minimum(a, b), accuracy, remaining=max(remaining, 0), effect=effect)
    return float(gains.sum())


def expected_gains(*, project: Project, task_ids: Sequence[int]) -> dict[int, float]:
    """The expected gain of one more answer, for those of the tasks whose posteriors call for one."""
    worker = NextWorker.of(load_worker_model(project=project, workers=(), classes=()))
    rows = Posterior.objects.filter(task_id__in=task_ids).values_list("task_id", "body", "confidence", "answers")
    return {
        task: expected_gain(posterior=body, worker=worker, answers=answers)
        for task, body, confidence, answers in rows
        if needs_more_answers(
            project=project, posterior=body, confidence=confidence or 0.0, answers=answers, worker=worker
        )
    }


def _top_two(classes: Mapping[str, float]) -> tuple[float, float]:
    first, second, *_ = [*sorted(classes.values(), reverse=True), 0.0, 0.0]
    return float(first), float(second)
