"""The answers of a project that can be played back, and what is known to be right of them: of check images, of labels
that a person set, and of those that a reviewer approved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.io.tables import BoxGold
from annotary_core.aggregation.objects.box_clustering import BoxAnswers
from annotary_core.aggregation.replay.answer_order import Arrivals
from annotary_core.labels.arrays import BoolArray, IntArray
from projects.models import Project
from projects.selectors import schema_of
from tasks.consensus.answer_shards import Shard, check_images, class_shard, task_ranges
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.object_answers import corners_of, drawn_sample
from tasks.review.models import Review

#: Images that are played back at most, drawn by lot: more would tell the same, later.
MOST_IMAGES = 10_000
#: The same where objects are drawn, which takes longer.
MOST_DRAWN = 400
#: Shards of tens of thousands of images that are read at most.
MOST_SHARDS = 5
SEED = 7

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlayedBoxes:
    """Boxes to play back, and the true ones of the images of which they are known."""

    boxes: BoxAnswers
    gold: BoxGold


def played_answers(*, project: Project, at_most: int) -> Answers:
    """The classes that people gave to the project's images (to some, drawn by lot) and check images; `gold` holds what
    is known of both: of check images, of labels that a person set, and of those that a reviewer approved.

    Check images are met by everybody; of each as many answers as `at_most` are kept, so that it is like other images.
    """
    schema = schema_of(project=project)
    classes = np.array(sorted(item.number for item in schema.classes), np.int64)
    if not schema.wants_class:
        return Answers.of([], [], [], classes=classes)
    shards = some_shards(project=project)
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


def some_shards(*, project: Project) -> list[Shard]:
    """What was said of the classes of images: of all, or of some that lie evenly apart where no memory holds all."""
    ranges = task_ranges(project_id=project.pk)
    apart = max(1, -(-len(ranges) // MOST_SHARDS))
    return [class_shard(project_id=project.pk, within=within) for within in ranges[::apart]]


def played_boxes(*, project: Project, at_most: int) -> PlayedBoxes:
    """As `played_answers`, of what people drew; of an image with no box in the truth that is the truth."""
    drawn = drawn_sample(project_id=project.pk, most=MOST_DRAWN)
    pairs = np.stack([drawn.boxes.seen_task, drawn.boxes.seen_worker])
    # Check images have negated keys.
    kept = (pairs[0] > 0) | _first(pairs, at_most)
    allowed = {(task, worker) for task, worker in pairs[:, kept].T.tolist()}
    rows = [pair in allowed for pair in zip(drawn.boxes.task.tolist(), drawn.boxes.worker.tolist(), strict=True)]
    boxes = BoxAnswers.of(
        drawn.boxes.task[rows],
        drawn.boxes.worker[rows],
        drawn.boxes.label[rows],
        drawn.boxes.box[rows],
        seen=pairs[:, kept].T,
    )
    here = set(np.unique(boxes.seen_task).tolist())
    approved = {task: body for task, body in approved_labels(project=project).items() if task in here}
    known = {**drawn.known, **{task: corners_of(body) for task, body in approved.items()}}
    true = {task: box for task, box in sorted(known.items()) if task in here}
    task = np.repeat(np.array(list(true), np.int64), [len(box) for box in true.values()])
    every = np.concatenate([np.empty((0, 4)), *true.values()])
    gold = BoxGold(np.array(list(true), np.int64), task, np.zeros(len(task), np.int64), every)
    return PlayedBoxes(boxes, gold)


def approved_classes(*, project: Project) -> dict[int, int]:
    """{task: class} of the labels that a person looked at and approved."""
    bodies = approved_labels(project=project)
    return {task: body["image"]["class"] for task, body in bodies.items() if body["image"]["class"] is not None}


def approved_labels(*, project: Project) -> dict[int, Json]:
    """{task: label} of those that a person looked at and approved."""
    seen = Review.objects.filter(
        project=project,
        is_current=True,
        annotation__isnull=True,
        by_policy=False,
        verdict__in=[Review.Verdict.APPROVE, Review.Verdict.FIX],
    )
    labels = ConsensusLabel.objects.filter(pk__in=seen.values("label_id"), is_current=True)
    return dict(labels.values_list("task_id", "body"))


def _columns(shards: Sequence[Shard]) -> IntArray:
    """Task, worker and label of what people said, shape (3, n); a model's soft rows are no answers that cost."""
    rows = [np.stack([each.task, each.worker, each.label])[:, each.weight == 1.0] for each in shards]
    return np.concatenate([np.empty((3, 0), np.int64), *rows], axis=1)


def _drawn_by_lot(columns: IntArray) -> IntArray:
    tasks = np.unique(columns[0])
    if len(tasks) <= MOST_IMAGES:
        return columns
    kept = np.random.default_rng(SEED).choice(tasks, MOST_IMAGES, replace=False)
    return np.ascontiguousarray(columns[:, np.isin(columns[0], kept)])


def _first(columns: IntArray, at_most: int) -> BoolArray:
    if not columns.shape[1]:
        return np.zeros(0, np.bool_)
    arrivals = Arrivals.of(columns[0], columns[1], seed=SEED)
    return arrivals.come(np.minimum(arrivals.available, at_most))


def _known(shards: Sequence[Shard]) -> dict[int, int]:
    pairs = ((each.known_task.tolist(), each.known_label.tolist()) for each in shards)
    return {task: label for tasks, labels in pairs for task, label in zip(tasks, labels, strict=True)}
