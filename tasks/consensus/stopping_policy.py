"""Whether a task is worth another answer: the stopping rule of `algorithms/stopping.py` under a project's policy.

A task is done when it is as sure as the manager wants (the confidence target is the dial), or when no answer that may
still come promises enough, which a dial cannot mend: three workers who contradict each other on an image that nobody
can tell stay unsure however often it is asked. While a project is cold its posteriors come from equal workers, so that
the rule cannot be led astray by what little it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD, LOOK_AHEAD, design_effect, pair_gains
from projects.models import Project
from tasks.consensus.models import Posterior
from tasks.consensus.worker_model import Learnt, learnt_of

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whoever may answer next: how often right about a class, and about whether an object is there.

    alike: how far answers about a class err together, see algorithms/scoring.py.
    """

    about_class: float
    about_objects: float
    alike: float = 0.0

    @classmethod
    def of(cls, learnt: Learnt) -> Somebody:
        usual = learnt.blend.pooled_accuracy
        if learnt.rates is None:
            return cls(usual, usual, learnt.blend.alike)
        # Right is who draws what is there and who leaves out what is not.
        about_objects = (learnt.rates.pooled_detection + 1 - learnt.rates.pooled_false_rate) / 2
        return cls(usual, about_objects, learnt.blend.alike)


def wants_more(*, project: Project, posterior: Json, confidence: float, answers: int, asked: Somebody) -> bool:
    """Whether another answer is worth its price, up to the most answers that the project allows."""
    left = project.answers_max - answers
    if confidence >= project.confidence_target or left < 1:
        return False
    return gain_of(posterior=posterior, asked=asked, answers=answers, remaining=left) > DEFAULT_THRESHOLD


def gain_of(*, posterior: Json, asked: Somebody, answers: int, remaining: int = LOOK_AHEAD) -> float:
    """Right decisions that an answer promises, summed over the decisions of a task: the class of the image, and of each
    object whether it is there and which class it has. posterior: as `consolidate` writes it, of so many answers."""
    # Class posteriors are tempered, and stopping.py must know by how much; existence is not.
    tempered = float(design_effect(np.array([answers]), asked.alike)[0])
    rows: list[tuple[float, float, float, float]] = []
    if posterior.get("class"):
        rows.append((*_top_two(posterior["class"]), asked.about_class, tempered))
    for thing in posterior.get("objects", {}).values():
        there = float(thing["existence"])
        first, second = _top_two(thing["class"])
        rows.append((there, 1 - there, asked.about_objects, 1.0))
        rows.append((there * first, there * second, asked.about_class, tempered))
    one, other, accuracy, effect = np.array(rows, np.float64).reshape(-1, 4).T
    gains = pair_gains(
        np.maximum(one, other), np.minimum(one, other), accuracy, remaining=max(remaining, 0), effect=effect
    )
    return float(gains.sum())


def gains_of(*, project: Project, task_ids: Sequence[int]) -> dict[int, float]:
    """Of these tasks those whose posteriors now want more answers, with what an answer promises."""
    asked = Somebody.of(learnt_of(project=project, workers=(), classes=()))
    rows = Posterior.objects.filter(task_id__in=task_ids).values_list("task_id", "body", "confidence", "answers")
    return {
        task: gain_of(posterior=body, asked=asked, answers=answers)
        for task, body, sure, answers in rows
        if wants_more(project=project, posterior=body, confidence=sure or 0.0, answers=answers, asked=asked)
    }


def _top_two(classes: Mapping[str, float]) -> tuple[float, float]:
    first, second, *_ = [*sorted(classes.values(), reverse=True), 0.0, 0.0]
    return float(first), float(second)
