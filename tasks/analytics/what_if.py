"""What other settings would have cost: a project's own answers played back, judged by check images and reviews."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import Blend
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.predict import score
from annotary_core.aggregation.objects.box_clustering import BoxConsensus
from annotary_core.aggregation.replay.boxes import EXISTS, BoxScene
from annotary_core.aggregation.replay.classification import ClassScene
from annotary_core.aggregation.replay.policies import Policy, Replayed, play
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD, of_tasks
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.replay_data import SEED, PlayedBoxes, played_answers, played_boxes
from tasks.batching.models import Task

#: Answers an image at most that are asked about.
MOST = 20
#: Steps of the confidence wanted, beside the one that is asked for.
TARGETS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
METHODS = ("blend", "one-coin", "majority")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Settings to play back: between so many answers, while a label is less sure than the confidence wanted."""

    answers_min: int
    answers_max: int
    confidence: float
    method: str = "blend"

    def to_json(self) -> Json:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Step:
    """A policy to play, and what it is called in the report; `target` is the confidence wanted, None where fixed."""

    kind: str
    policy: Policy
    limits: tuple[int, int]
    target: float | None = None


class _ClassesUntilSure(ClassScene):
    """Asks as the platform does: while an answer promises something and the label is less sure than wanted."""

    def __init__(self, answers: Answers, step: _Step, whole: dict[str, Consensus]) -> None:
        super().__init__(replace(answers, gold={}), answers.gold, step.policy.method, SEED, whole)
        self._target = step.target

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain = super().gains(answers, remaining)
        return gain if self._target is None else np.where(self._sureness(answers) >= self._target, 0.0, gain)

    def _sureness(self, answers: IntArray) -> FloatArray:
        come = _kept(self._answers, self._arrivals.come(answers))
        if isinstance(self._method, Blend) and self._state is not None:
            return np.asarray(score(self._state, Coded.of(come, repeats="share")).max(axis=1))
        return self._method.fit_predict(come).confidence


class _BoxesUntilSure(BoxScene):
    """The same for boxes: a label is as sure as its decisions are in the mean, as `consolidate` has it."""

    def __init__(self, given: PlayedBoxes, step: _Step, whole: dict[str, BoxConsensus]) -> None:
        super().__init__(given.boxes, given.gold, step.policy.method, SEED, whole)
        self._target = step.target
        self._last: tuple[bytes, BoxConsensus] | None = None

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain = super().gains(answers, remaining)
        if self._target is None:
            return gain
        found = self._found(answers)
        released = found.existence >= EXISTS
        sure = np.where(released, found.existence * found.classes.confidence, 1 - found.existence)
        at = np.searchsorted(self._arrivals.tasks, found.task)
        decisions = np.bincount(at, minlength=len(gain))
        mean = of_tasks(at, sure, len(gain)) / np.maximum(decisions, 1)
        return np.where((decisions == 0) | (mean >= self._target), 0.0, gain)

    def _found(self, answers: IntArray) -> BoxConsensus:
        # Gains and sureness look at the same answers, one after the other.
        key = answers.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = (key, super()._found(answers))
        return self._last[1]


def project_replay(*, project: Project, answers_min: int, answers_max: int, confidence: float, method: str) -> Json:
    """Plain JSON: "rows", each a policy with what came of it, and what they were played on.

    "kind" is classes, or boxes where the project asks for no class of an image. A row: "kind" asked, today (all answers
    that were given), fixed or dynamic; its settings; "answers_per_image"; "cost" of all images of the project at that,
    check images included; "accuracy" on what is known to be right (of boxes F1), with its 95 % interval "low", "high"
    (None when nothing is known, and for F1); "agreement" with the labels from all answers.
    """
    asked = Asked(answers_min, answers_max, confidence, method)
    # Check images take no answers of their own: they come with those to other images.
    images = Task.objects.filter(project=project, wanted__gt=0).count()
    at_most = max(project.answers_max, answers_max)
    given: Answers | PlayedBoxes
    if schema_of(project=project).wants_class:
        given = played_answers(project=project, at_most=at_most)
        task, judged = given.task, len(given.gold)
    else:
        given = played_boxes(project=project, at_most=at_most)
        task, judged = given.boxes.seen_task, len(given.gold.tasks)
    counts = np.unique(task, return_counts=True)[1]
    body: Json = {
        "kind": "boxes" if isinstance(given, PlayedBoxes) else "classes",
        "answers": len(task),
        "tasks": len(counts),
        "images": images,
        "judged": judged,
        "price": str(project.price),
        "available": float(counts.mean()) if len(counts) else 0.0,
        "rows": [],
    }
    if not len(counts):
        return body
    one_answer = project.price / (1 - Decimal(str(project.gold_rate)))
    steps = _steps(asked, project, most=int(counts.max()))
    for step, found in zip(steps, _played(given, steps), strict=True):
        cost = one_answer * images * Decimal(str(found.labels_per_task))
        body["rows"].append(_row(step, found, cost, judged if isinstance(given, Answers) else 0))
    return body


def _played(given: Answers | PlayedBoxes, steps: Sequence[_Step]) -> list[Replayed]:
    if isinstance(given, Answers):
        whole: dict[str, Consensus] = {}
        return [play(_ClassesUntilSure(given, step, whole), step.policy) for step in steps]
    agreed: dict[str, BoxConsensus] = {}
    return [play(_BoxesUntilSure(given, step, agreed), step.policy) for step in steps]


def _steps(asked: Asked, project: Project, *, most: int) -> list[_Step]:
    """What is asked for, what there is, a ladder of confidences, and the same number of answers for all images."""
    limits = (asked.answers_min, asked.answers_max)

    def fixed(kind: str, number: int) -> _Step:
        return _Step(kind, Policy(asked.method, fixed=number, seed=SEED), (number, number))

    def until(kind: str, target: float) -> _Step:
        rule = Policy(
            asked.method, threshold=DEFAULT_THRESHOLD, answers_min=limits[0], answers_max=limits[1], seed=SEED
        )
        return _Step(kind, rule, limits, target)

    is_fixed = limits[0] == limits[1]
    today = _Step(
        "today",
        Policy(asked.method, seed=SEED),
        (project.answers_min, project.answers_max),
        None if project.answers_min == project.answers_max else project.confidence_target,
    )
    return [
        fixed("asked", limits[0]) if is_fixed else until("asked", asked.confidence),
        today,
        *([] if is_fixed else [until("dynamic", target) for target in TARGETS]),
        *(fixed("fixed", number) for number in range(1, min(most, MOST) + 1)),
    ]


def _row(step: _Step, found: Replayed, cost: Decimal, judged: int) -> Json:
    low, high = interval(found.accuracy, judged)
    return {
        "kind": step.kind,
        "answers_min": step.limits[0],
        "answers_max": step.limits[1],
        "confidence": step.target,
        "answers_per_image": found.labels_per_task,
        "cost": str(cost.quantize(Decimal("0.01"))),
        "accuracy": found.accuracy,
        "low": low,
        "high": high,
        "agreement": found.agreement,
    }


def _kept(answers: Answers, rows: BoolArray) -> Answers:
    columns = {name: getattr(answers, name)[rows] for name in ("task", "worker", "label")}
    return replace(answers, **columns)


def interval(share: float | None, n: int) -> tuple[float | None, float | None]:
    """95 % interval of a share of n (Wilson 1927)."""
    if share is None or not n:
        return None, None
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)
