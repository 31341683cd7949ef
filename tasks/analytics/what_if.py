"""What-if replay: what other settings would have cost, on a project's own answers, judged by gold and reviews."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sqrt
from typing import TypedDict

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import Blend
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.predict import predict_proba
from annotary_core.aggregation.objects.clustering import ObjectConsensus
from annotary_core.aggregation.replay.classification import ClassReplayData
from annotary_core.aggregation.replay.objects import EXISTENCE_THRESHOLD, ObjectReplayData
from annotary_core.aggregation.replay.policies import Policy, PolicyResult, run_policy
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes import noun_of
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.replay_data import SEED, ReplayObjects, replay_answers, replay_objects
from tasks.batching.models import Task
from tasks.pay.budget import answer_cost

#: The maximum number of answers per image to replay.
MAX_ANSWERS = 20
#: Confidence targets to replay in addition to the requested one.
TARGETS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
METHODS = ("blend", "one-coin", "majority")


class ReplayRow(TypedDict):
    """A policy with its results. kind: asked (the requested settings), today (all answers that were given), fixed or
    dynamic. cost: of all images of the project at that rate, gold included, as text. accuracy: against the ground truth
    (F1 for objects), with its 95% interval `low`, `high` (None without ground truth, and for F1). agreement: with the
    labels from all answers."""

    kind: str
    answers_min: int
    answers_max: int
    confidence: float | None
    answers_per_image: float
    cost: str
    accuracy: float | None
    low: float | None
    high: float | None
    agreement: float | None


class ReplayReport(TypedDict):
    """Policies with their results, and the data that they were replayed on. kind: classes, or what people draw
    ("boxes") if the project has no image class. judged: the tasks with a known label. available: answers per task."""

    kind: str
    answers: int
    tasks: int
    images: int
    judged: int
    price: str
    available: float
    rows: list[ReplayRow]


class RequestedSettings(TypedDict):
    answers_min: int
    answers_max: int
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Settings to replay: answers per image, minimum and maximum, and the confidence target up to which to ask."""

    answers_min: int
    answers_max: int
    confidence: float
    method: str = "blend"

    def to_json(self) -> RequestedSettings:
        return {
            "answers_min": self.answers_min,
            "answers_max": self.answers_max,
            "confidence": self.confidence,
            "method": self.method,
        }


@dataclass(frozen=True, slots=True)
class _Step:
    """A policy to replay and its name in the report; `target` is the confidence target, None for a fixed overlap."""

    kind: str
    policy: Policy
    limits: tuple[int, int]
    target: float | None = None


class _ClassesUntilSure(ClassReplayData):
    """Requests answers like the platform: while an answer has an expected gain and the confidence is below target."""

    def __init__(self, answers: Answers, step: _Step, full_results: dict[str, Consensus]) -> None:
        super().__init__(replace(answers, gold={}), answers.gold, step.policy.method, SEED, full_results)
        self._target = step.target

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain = super().gains(answers, remaining)
        return gain if self._target is None else np.where(self._confidence(answers) >= self._target, 0.0, gain)

    def _confidence(self, answers: IntArray) -> FloatArray:
        kept = _kept(self._answers, self._arrivals.arrived(answers))
        if isinstance(self._method, Blend) and self._state is not None:
            return np.asarray(predict_proba(self._state, EncodedAnswers.of(kept, repeats="share")).max(axis=1))
        return self._method.fit_predict(kept).confidence


class _ObjectsUntilSure(ObjectReplayData[ObjectColumn]):
    """The same for objects: every decision about an object must be as sure as the target, as in `stopping_policy`."""

    def __init__(
        self, data: ReplayObjects, step: _Step, full_results: dict[str, ObjectConsensus[ObjectColumn]]
    ) -> None:
        super().__init__(data.answers, data.gold, step.policy.method, SEED, full_results)
        self._target = step.target
        self._last: tuple[bytes, ObjectConsensus[ObjectColumn]] | None = None

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain = super().gains(answers, remaining)
        if self._target is None:
            return gain
        result = self._consensus(answers)
        released = result.existence >= EXISTENCE_THRESHOLD
        confidence = np.where(released, result.existence * result.classes.confidence, 1 - result.existence)
        weakest = np.ones(len(gain))
        np.minimum.at(weakest, np.searchsorted(self._arrivals.tasks, result.task), confidence)
        return np.where(weakest >= self._target, 0.0, gain)

    def _consensus(self, answers: IntArray) -> ObjectConsensus[ObjectColumn]:
        # Gain and confidence are computed from the same answers, one after the other.
        key = answers.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = (key, super()._consensus(answers))
        return self._last[1]


def project_replay(
    *, project: Project, answers_min: int, answers_max: int, confidence: float, method: str
) -> ReplayReport:
    """Replay the project's own answers under these settings, the present ones, and a range of others."""
    requested = ReplaySettings(answers_min, answers_max, confidence, method)
    # Gold is not counted: its answers come with those to other images, and `one_answer` includes their cost.
    images = Task.objects.filter(project=project, wanted__gt=0).exclude(state=Task.State.LEFT_OUT).count()
    data, task, known = _load(project, at_most=max(project.answers_max, answers_max))
    counts = np.unique(task, return_counts=True)[1]
    body: ReplayReport = {
        "kind": noun_of(schema_of(project=project).object_tools).many if isinstance(data, ReplayObjects) else "classes",
        "answers": len(task),
        "tasks": len(counts),
        "images": images,
        "judged": known,
        "price": str(project.pay_terms.expected_per_answer(project.seconds_per_answer)),
        "available": float(counts.mean()) if len(counts) else 0.0,
        "rows": [],
    }
    if not len(counts):
        return body
    one_answer = answer_cost(project)
    steps = _steps(requested, project, most=int(counts.max()))
    for step, replayed in zip(steps, _replay(data, steps), strict=True):
        cost = one_answer * images * Decimal(str(replayed.labels_per_task))
        body["rows"].append(_row(step, replayed, cost, known if isinstance(data, Answers) else 0))
    return body


def _load(project: Project, *, at_most: int) -> tuple[Answers | ReplayObjects, IntArray, int]:
    """The answers to replay, the task of each, and how many tasks have a known label."""
    if schema_of(project=project).has_image_class:
        answers = replay_answers(project=project, at_most=at_most)
        return answers, answers.task, len(answers.gold)
    objects = replay_objects(project=project, at_most=at_most)
    return objects, objects.answers.seen_task, len(objects.gold)


def _replay(data: Answers | ReplayObjects, steps: Sequence[_Step]) -> list[PolicyResult]:
    if isinstance(data, Answers):
        class_results: dict[str, Consensus] = {}
        return [run_policy(_ClassesUntilSure(data, step, class_results), step.policy) for step in steps]
    object_results: dict[str, ObjectConsensus[ObjectColumn]] = {}
    return [run_policy(_ObjectsUntilSure(data, step, object_results), step.policy) for step in steps]


def _steps(requested: ReplaySettings, project: Project, *, most: int) -> list[_Step]:
    """The requested settings, the current ones, a range of confidence targets, and fixed numbers of answers."""
    limits = (requested.answers_min, requested.answers_max)

    def fixed(kind: str, number: int) -> _Step:
        return _Step(kind, Policy(requested.method, fixed=number, seed=SEED), (number, number))

    def until(kind: str, target: float) -> _Step:
        rule = Policy(
            requested.method, threshold=DEFAULT_THRESHOLD, answers_min=limits[0], answers_max=limits[1], seed=SEED
        )
        return _Step(kind, rule, limits, target)

    is_fixed = limits[0] == limits[1]
    today = _Step(
        "today",
        Policy(requested.method, seed=SEED),
        (project.answers_min, project.answers_max),
        None if project.answers_min == project.answers_max else project.confidence_target,
    )
    return [
        fixed("asked", limits[0]) if is_fixed else until("asked", requested.confidence),
        today,
        *([] if is_fixed else [until("dynamic", target) for target in TARGETS]),
        *(fixed("fixed", number) for number in range(1, min(most, MAX_ANSWERS) + 1)),
    ]


def _row(step: _Step, replayed: PolicyResult, cost: Decimal, known: int) -> ReplayRow:
    low, high = wilson_interval(replayed.accuracy, known)
    return {
        "kind": step.kind,
        "answers_min": step.limits[0],
        "answers_max": step.limits[1],
        "confidence": step.target,
        "answers_per_image": replayed.labels_per_task,
        "cost": str(cost.quantize(Decimal("0.01"))),
        "accuracy": replayed.accuracy,
        "low": low,
        "high": high,
        "agreement": replayed.agreement,
    }


def _kept(answers: Answers, rows: BoolArray) -> Answers:
    columns = {name: getattr(answers, name)[rows] for name in ("task", "worker", "label")}
    return replace(answers, **columns)


def wilson_interval(share: float | None, n: int) -> tuple[float | None, float | None]:
    """The 95% confidence interval of a share of n (Wilson 1927)."""
    if share is None or not n:
        return None, None
    z = 1.96
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half_width = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, center - half_width), min(1.0, center + half_width)
