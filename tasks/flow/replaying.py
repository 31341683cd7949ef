"""What other settings would have cost: a project's own answers played back, judged by check images and reviews."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np

from projects.models import Project
from projects.selectors import schema_of
from tasks.batching.models import Task
from tasks.consensus.algorithms.arrivals import Arrivals
from tasks.consensus.algorithms.base import Answers, BoolArray, Consensus, FloatArray, IntArray
from tasks.consensus.algorithms.blend import Blend
from tasks.consensus.algorithms.coded import Coded
from tasks.consensus.algorithms.policies import Policy, Replayed, play
from tasks.consensus.algorithms.replay_classes import ClassScene
from tasks.consensus.algorithms.scoring import score
from tasks.consensus.algorithms.stopping import DEFAULT_THRESHOLD
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.rows import Shard, check_images, class_shard, task_ranges
from tasks.review.models import Review

#: Answers an image at most that are asked about.
MOST = 20
#: Steps of the confidence wanted, beside the one that is asked for.
TARGETS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
METHODS = ("blend", "one-coin", "majority")
#: Images that are played back at most, drawn by lot: more would tell the same, later.
MOST_IMAGES = 10_000
_SEED = 7

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


class _UntilSure(ClassScene):
    """Asks as the platform does: while an answer promises something and the label is less sure than wanted."""

    def __init__(self, answers: Answers, method: str, whole: dict[str, Consensus], target: float | None) -> None:
        super().__init__(replace(answers, gold={}), answers.gold, method, _SEED, whole)
        self._target = target

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain = super().gains(answers, remaining)
        return gain if self._target is None else np.where(self._sureness(answers) >= self._target, 0.0, gain)

    def _sureness(self, answers: IntArray) -> FloatArray:
        come = _kept(self._answers, self._arrivals.come(answers))
        if isinstance(self._method, Blend) and self._state is not None:
            return np.asarray(score(self._state, Coded.of(come, repeats="share")).max(axis=1))
        return self._method.fit_predict(come).confidence


def project_replay(*, project: Project, answers_min: int, answers_max: int, confidence: float, method: str) -> Json:
    """Plain JSON: "rows", each a policy with what came of it, and what they were played on.

    A row: "kind" asked, today (all answers that were given), fixed or dynamic; its settings; "answers_per_image";
    "cost" of all images of the project at that, check images included; "accuracy" on what is known to be right, with
    its 95 % interval "low", "high" (None when nothing is known); "agreement" with the labels from all answers.
    """
    asked = Asked(answers_min, answers_max, confidence, method)
    given = played_answers(project=project, at_most=max(project.answers_max, answers_max))
    images = Task.objects.filter(project=project).count()
    tasks, counts = np.unique(given.task, return_counts=True)
    body: Json = {
        "answers": len(given.task),
        "tasks": len(tasks),
        "images": images,
        "judged": len(given.gold),
        "price": str(project.price),
        "available": float(counts.mean()) if len(counts) else 0.0,
        "rows": [],
    }
    if not len(tasks):
        return body
    one_answer = project.price / (1 - Decimal(str(project.gold_rate)))
    whole: dict[str, Consensus] = {}
    for step in _steps(asked, project, most=int(counts.max())):
        found = play(_UntilSure(given, method, whole, step.target), step.policy)
        cost = one_answer * images * Decimal(str(found.labels_per_task))
        body["rows"].append(_row(step, found, cost, len(given.gold)))
    return body


def _steps(asked: Asked, project: Project, *, most: int) -> list[_Step]:
    """What is asked for, what there is, a ladder of confidences, and the same number of answers for all images."""
    limits = (asked.answers_min, asked.answers_max)

    def fixed(kind: str, number: int) -> _Step:
        return _Step(kind, Policy(asked.method, fixed=number, seed=_SEED), (number, number))

    def until(kind: str, target: float) -> _Step:
        rule = Policy(
            asked.method, threshold=DEFAULT_THRESHOLD, answers_min=limits[0], answers_max=limits[1], seed=_SEED
        )
        return _Step(kind, rule, limits, target)

    is_fixed = limits[0] == limits[1]
    today = _Step(
        "today",
        Policy(asked.method, seed=_SEED),
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


def played_answers(*, project: Project, at_most: int) -> Answers:
    """The classes that people gave to the project's images (to some, drawn by lot) and check images; `gold` holds what
    is known of both: of check images, of labels that a person set, and of those that a reviewer approved.

    Check images are met by everybody; of each as many answers as `at_most` are kept, so that it is like other images.
    """
    schema = schema_of(project=project)
    classes = np.array(sorted(item.number for item in schema.classes), np.int64)
    if not schema.wants_class:
        return Answers.of([], [], [], classes=classes)
    shards = [class_shard(project_id=project.pk, within=within) for within in task_ranges(project_id=project.pk)]
    checks = check_images(project_id=project.pk)
    work = _drawn_by_lot(_columns(shards))
    seen = _columns([checks])
    seen = seen[:, _first(seen, at_most)]
    task, worker, label = np.concatenate([work, seen], axis=1)
    known = _known([*shards, checks]) | approved_classes(project=project)
    here = set(np.unique(task).tolist())
    gold = {key: value for key, value in known.items() if key in here}
    every = np.union1d(np.union1d(classes, label), np.fromiter(gold.values(), np.int64, len(gold)))
    return Answers.of(task, worker, label, classes=every, gold=gold)


def approved_classes(*, project: Project) -> dict[int, int]:
    """{task: class} of the labels that a person looked at and approved."""
    seen = Review.objects.filter(
        project=project,
        is_current=True,
        annotation__isnull=True,
        by_policy=False,
        verdict__in=[Review.Verdict.APPROVE, Review.Verdict.FIX],
    )
    labels = ConsensusLabel.objects.filter(pk__in=seen.values("label_id"), is_current=True)
    rows = labels.values_list("task_id", "body__image__class")
    return {task: number for task, number in rows if number is not None}


def _columns(shards: Sequence[Shard]) -> IntArray:
    """Task, worker and label of what people said, shape (3, n); a model's soft rows are no answers that cost."""
    rows = [np.stack([each.task, each.worker, each.label])[:, each.weight == 1.0] for each in shards]
    return np.concatenate([np.empty((3, 0), np.int64), *rows], axis=1)


def _drawn_by_lot(columns: IntArray) -> IntArray:
    tasks = np.unique(columns[0])
    if len(tasks) <= MOST_IMAGES:
        return columns
    kept = np.random.default_rng(_SEED).choice(tasks, MOST_IMAGES, replace=False)
    return np.ascontiguousarray(columns[:, np.isin(columns[0], kept)])


def _first(columns: IntArray, at_most: int) -> BoolArray:
    if not columns.shape[1]:
        return np.zeros(0, np.bool_)
    arrivals = Arrivals.of(columns[0], columns[1], seed=_SEED)
    return arrivals.come(np.minimum(arrivals.available, at_most))


def _known(shards: Sequence[Shard]) -> dict[int, int]:
    pairs = ((each.known_task.tolist(), each.known_label.tolist()) for each in shards)
    return {task: label for tasks, labels in pairs for task, label in zip(tasks, labels, strict=True)}


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
