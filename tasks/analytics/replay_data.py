"""The data for a replay: a project's answers, and the ground truth known for them from gold, from labels that a person
set, and from labels that a reviewer approved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.objects.clustering import ObjectAnswers
from annotary_core.aggregation.replay.answer_order import AnswerOrder
from annotary_core.labels.arrays import BoolArray, IntArray
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.models import Project
from projects.selectors import schema_of
from tasks.consensus.answer_shards import Shard, class_shard, gold_shard, task_ranges
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.object_answers import objects_of, sample_objects
from tasks.review.models import Review

#: The maximum number of images to replay, sampled at random: more would only take longer.
MAX_IMAGES = 10_000
#: The same for projects with objects, which take longer.
MAX_OBJECT_IMAGES = 400
#: The maximum number of shards to read, of tens of thousands of images each.
MAX_SHARDS = 5
SEED = 7


@dataclass(frozen=True, slots=True)
class ReplayObjects:
    """Objects to replay, and the true objects of the images for which they are known, by task."""

    answers: ObjectAnswers[ObjectColumn]
    gold: Mapping[int, ObjectColumn]


def replay_answers(*, project: Project, at_most: int) -> Answers:
    """The classes that people gave to gold and to the project's images, or a random sample of these; `gold` holds the
    known classes, from gold, from labels that a person set, and from labels that a reviewer approved.

    Every worker answers gold; at most `at_most` answers to each are kept, so that gold resembles other images.
    """
    schema = schema_of(project=project)
    classes = np.array(sorted(item.number for item in schema.classes), np.int64)
    if not schema.has_image_class:
        return Answers.of([], [], [], classes=classes)
    shards = sample_shards(project=project)
    gold_answers = gold_shard(project_id=project.pk)
    task_columns = _sampled(_columns(shards))
    gold_columns = _columns([gold_answers])
    gold_columns = gold_columns[:, _first(gold_columns, at_most)]
    task, worker, label = np.concatenate([task_columns, gold_columns], axis=1)
    known = _known([*shards, gold_answers]) | approved_classes(project=project)
    replayed = set(np.unique(task).tolist())
    gold = {key: value for key, value in known.items() if key in replayed}
    all_classes = np.union1d(np.union1d(classes, label), np.fromiter(gold.values(), np.int64, len(gold)))
    return Answers.of(task, worker, label, classes=all_classes, gold=gold)


def sample_shards(*, project: Project) -> list[Shard]:
    """The class answers of all images, or of evenly spaced shards if all would not fit in memory."""
    ranges = task_ranges(project_id=project.pk)
    step = max(1, -(-len(ranges) // MAX_SHARDS))
    return [class_shard(project_id=project.pk, within=within) for within in ranges[::step]]


def replay_objects(*, project: Project, at_most: int) -> ReplayObjects:
    """Like `replay_answers`, for the objects that people drew; an image whose truth is empty counts as known."""
    sample = sample_objects(project_id=project.pk, most=MAX_OBJECT_IMAGES)
    drawn = sample.answers
    pairs = np.stack([drawn.seen_task, drawn.seen_worker])
    # Gold has negated keys.
    kept = (pairs[0] > 0) | _first(pairs, at_most)
    allowed = {(task, worker) for task, worker in pairs[:, kept].T.tolist()}
    rows = [pair in allowed for pair in zip(drawn.task.tolist(), drawn.worker.tolist(), strict=True)]
    answers = ObjectAnswers.of(
        drawn.task[rows],
        drawn.worker[rows],
        drawn.label[rows],
        drawn.geometry.take(np.flatnonzero(rows)),
        seen=pairs[:, kept].T,
    )
    replayed = set(np.unique(answers.seen_task).tolist())
    approved = {task: body for task, body in approved_labels(project=project).items() if task in replayed}
    known = {**sample.known, **{task: objects_of(body) for task, body in approved.items()}}
    return ReplayObjects(answers, {task: known[task] for task in sorted(known.keys() & replayed)})


def approved_classes(*, project: Project) -> dict[int, int]:
    """{task: class} of the labels that a person reviewed and approved."""
    bodies = approved_labels(project=project)
    return {task: body["image"]["class"] for task, body in bodies.items() if body["image"]["class"] is not None}


def approved_labels(*, project: Project) -> dict[int, dict[str, Any]]:
    """{task: label body} of the labels that a person reviewed and approved."""
    verdicts = Review.objects.filter(
        project=project,
        is_current=True,
        annotation__isnull=True,
        by_policy=False,
        verdict__in=[Review.Verdict.APPROVE, Review.Verdict.FIX],
    )
    labels = ConsensusLabel.objects.filter(pk__in=verdicts.values("label_id"), is_current=True)
    return dict(labels.values_list("task_id", "body"))


def _columns(shards: Sequence[Shard]) -> IntArray:
    """Task, worker and label of people's answers, shape (3, n); without a model's soft rows, which cost nothing."""
    rows = [np.stack([each.task, each.worker, each.label])[:, each.weight == 1.0] for each in shards]
    return np.concatenate([np.empty((3, 0), np.int64), *rows], axis=1)


def _sampled(columns: IntArray) -> IntArray:
    tasks = np.unique(columns[0])
    if len(tasks) <= MAX_IMAGES:
        return columns
    kept = np.random.default_rng(SEED).choice(tasks, MAX_IMAGES, replace=False)
    return np.ascontiguousarray(columns[:, np.isin(columns[0], kept)])


def _first(columns: IntArray, at_most: int) -> BoolArray:
    if not columns.shape[1]:
        return np.zeros(0, np.bool_)
    arrivals = AnswerOrder.of(columns[0], columns[1], seed=SEED)
    return arrivals.arrived(np.minimum(arrivals.available, at_most))


def _known(shards: Sequence[Shard]) -> dict[int, int]:
    pairs = ((each.known_task.tolist(), each.known_label.tolist()) for each in shards)
    return {task: label for tasks, labels in pairs for task, label in zip(tasks, labels, strict=True)}
