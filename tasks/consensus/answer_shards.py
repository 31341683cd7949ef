"""A project's answers in columns, shard by shard, so that a project larger than memory can be processed.

Ground truth enters as tasks of known class: gold (under its negated key, so that it collides with no task) and labels
set by a person. Gold with several accepted classes cannot be clamped to one, and is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.encoding import soft_label_rows
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.class_mapping import ClassMapping
from projects.selectors import class_mapping
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import current_predictions, probabilities_of, settled_answers
from tasks.gold.models import Gold
from tasks.repair.selectors import void

#: Tasks per shard: a few hundred thousand answers, a few megabytes.
TASKS_PER_SHARD = 50_000
#: Answers kept in memory; further ones go to files.
IN_MEMORY = 5_000_000
#: Rows fetched from the database at a time.
_CHUNK = 10_000
_CLASS = Cast(KT("body__image__class"), BigIntegerField())

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows ordered by task and worker, shape (n,); weight is 1 except for model predictions. known: task -> class."""

    task: IntArray
    worker: IntArray
    label: IntArray
    weight: FloatArray
    known_task: IntArray
    known_label: IntArray

    def answers(self, *, classes: IntArray, known: bool = True) -> Answers:
        return Answers.of(
            self.task,
            self.worker,
            self.label,
            weights=None if (self.weight == 1.0).all() else self.weight,
            classes=classes,
            gold=dict(zip(self.known_task.tolist(), self.known_label.tolist(), strict=True)) if known else None,
        )


class ShardStore:
    """Shards in insertion order: the first ones in memory, the rest in files in a temporary folder.

    `rows` is the number of answers, `workers` and `classes` are the distinct ones among them; `digest` covers
    everything added.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        self.rows = 0
        self.workers: IntArray = np.empty(0, np.int64)
        self.classes: IntArray = np.empty(0, np.int64)
        self._in_memory = in_memory
        self._shards: list[Shard | Path] = []
        self._hash = hashlib.blake2b(digest_size=32)
        self._folder: TemporaryDirectory[str] | None = None

    def add(self, shard: Shard) -> None:
        if not len(shard.task):
            return
        for column in (shard.task, shard.worker, shard.label, shard.weight, shard.known_task, shard.known_label):
            self._hash.update(len(column).to_bytes(8, "little") + column.tobytes())
        self.rows += len(shard.task)
        self.workers = np.union1d(self.workers, shard.worker)
        self.classes = np.union1d(self.classes, np.concatenate([shard.label, shard.known_label]))
        self._shards.append(shard if self.rows <= self._in_memory else self._to_file(shard))

    @property
    def fits_in_memory(self) -> bool:
        """Whether all shards are in memory."""
        return self.rows <= self._in_memory

    def digest(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Shard]:
        for shard in self._shards:
            yield shard if isinstance(shard, Shard) else _from_file(shard)

    def __enter__(self) -> ShardStore:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def _to_file(self, shard: Shard) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="annotary-refit-")  # in the worker's scratch folder
        path = Path(self._folder.name) / f"{len(self._shards)}.npz"
        np.savez(path, **{name: getattr(shard, name) for name in Shard.__slots__})
        return path


def _from_file(path: Path) -> Shard:
    with np.load(path) as stored:
        return Shard(**{name: stored[name] for name in Shard.__slots__})


def task_ranges(*, project_id: int, size: int = TASKS_PER_SHARD) -> list[Range]:
    """Half-open key ranges that partition the project's tasks, up to `size` tasks each."""
    tasks = Task.objects.filter(project_id=project_id).order_by("pk").values_list("pk", flat=True)
    edges = list(tasks[:1])
    while edges:
        further = list(tasks.filter(pk__gt=edges[-1])[size - 1 : size])
        if not further:
            last = tasks.last()
            assert last is not None
            edges.append(last + 1)
            break
        edges += further
    return list(pairwise(edges))


def class_shard(*, project_id: int, within: Range) -> Shard:
    """The classes that people and models gave to the images in the range, and the labels set by a person, as they are
    read now."""
    mapping = class_mapping(project_id=project_id)
    here = Q(project_id=project_id, task_id__gte=within[0], task_id__lt=within[1])
    answers = settled_answers().filter(here).annotate(label=_CLASS).filter(label__isnull=False)
    votes = _columns(answers.order_by("task_id", "actor_id").values_list("task_id", "actor_id", "label"))
    model_predictions = current_predictions().filter(
        annotation__project_id=project_id, annotation__task_id__gte=within[0], annotation__task_id__lt=within[1]
    )
    predicted = model_predictions.order_by("annotation__task_id", "annotation__actor_id").values_list(
        "annotation__task_id", "annotation__actor_id", "probabilities"
    )
    set_by_people = ConsensusLabel.objects.filter(here, is_current=True, method__in=SET_BY_PEOPLE)
    known = set_by_people.annotate(label=_CLASS).filter(label__isnull=False).order_by("task_id")
    truth = _columns(known.values_list("task_id", "label"), width=2)
    return _shard(_read(votes, mapping), _read_predictions(predicted, mapping), _read(truth, mapping))


def gold_shard(*, project_id: int) -> Shard:
    """The classes given to the active gold images; see the module docstring."""
    golds = Gold.objects.filter(project_id=project_id, state=Gold.State.ACTIVE)
    mapping = class_mapping(project_id=project_id)
    known: list[Range] = []
    for pk, accepted in golds.order_by("-pk").values_list("pk", "accepted"):
        accepted_classes = {body["image"]["class"] for body in accepted_bodies(accepted, mapping)}
        if len(accepted_classes) == 1 and None not in accepted_classes:
            known.append((-pk, accepted_classes.pop()))
    answers = answers_to_gold(project_id=project_id).annotate(label=_CLASS).filter(label__isnull=False)
    votes = _read(
        _columns(answers.order_by("-gold_id", "actor_id").values_list("gold_id", "actor_id", "label")), mapping
    )
    model_predictions = current_predictions().filter(
        annotation__project_id=project_id, annotation__gold__state="active"
    )
    predicted = model_predictions.order_by("-annotation__gold_id", "annotation__actor_id").values_list(
        "annotation__gold_id", "annotation__actor_id", "probabilities"
    )
    tasks = np.array(known, np.int64).reshape(-1, 2)
    unambiguous = {task for task, _ in known}
    votes[:, 0] *= -1
    return _shard(
        votes[np.isin(votes[:, 0], tasks[:, 0])],
        _read_predictions(((-gold, actor, p) for gold, actor, p in predicted if -gold in unambiguous), mapping),
        tasks,
    )


def answers_to_gold(*, project_id: int) -> QuerySet[Annotation]:
    """Current answers to active gold, from settled hands, that are not void."""
    return Annotation.objects.filter(
        ~void(assignment="assignment__"),
        project_id=project_id,
        gold__state=Gold.State.ACTIVE,
        is_current=True,
        source=Annotation.Source.WORKER,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__hand__state=Hand.State.SETTLED,
    )


def accepted_bodies(accepted: Sequence[Mapping[str, Any]], mapping: ClassMapping) -> list[Mapping[str, Any]]:
    """The accepted answers to gold as they are read, without those that name a class that was split."""
    return [body for body in map(mapping.body, accepted) if body is not None]


def _read(rows: IntArray, mapping: ClassMapping) -> IntArray:
    """Rows whose last column is a class, as they are read, without classes that were split."""
    labels = mapping.column(rows[:, -1])
    if not mapping or (labels == rows[:, -1]).all():
        return rows
    return np.column_stack([rows[:, :-1], labels])[labels >= 0]


def _read_predictions(rows: Iterable[Any], mapping: ClassMapping) -> Iterator[Any]:
    for task_id, actor, stored in rows:
        shares = mapping.probabilities(probabilities_of(stored))
        if shares:
            yield task_id, actor, {str(number): p for number, p in shares.items()}


def _columns(rows: QuerySet[Any, Any], *, width: int = 3) -> IntArray:
    """The rows as integers, shape (n, width), fetched in chunks."""
    flat = (value for row in rows.iterator(chunk_size=_CHUNK) for value in row)
    return np.fromiter(flat, np.int64).reshape(-1, width)


def _shard(votes: IntArray, predicted: Any, known: IntArray) -> Shard:
    task, worker, label = votes.T
    weight = np.ones(len(votes))
    soft = [(task_id, actor, probabilities_of(stored)) for task_id, actor, stored in predicted]
    if soft:
        rows = _soft(soft)
        task, worker, label, weight = (
            np.concatenate(pair) for pair in zip((task, worker, label, weight), rows, strict=True)
        )
    order = np.lexsort((label, worker, task))
    return Shard(
        task=task[order],
        worker=worker[order],
        label=label[order],
        weight=weight[order],
        known_task=np.ascontiguousarray(known[:, 0]),
        known_label=np.ascontiguousarray(known[:, 1]),
    )


def _soft(soft: list[tuple[int, int, dict[int, float]]]) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Predictions as soft rows, see `encoding.soft_label_rows`."""
    classes = np.unique([number for _, _, p in soft for number in p]).astype(np.int64)
    table = np.zeros((len(soft), len(classes)))
    for row, (_, _, p) in enumerate(soft):
        table[row, np.searchsorted(classes, list(p))] = list(p.values())
    task = np.array([each[0] for each in soft], np.int64)
    worker = np.array([each[1] for each in soft], np.int64)
    return soft_label_rows(task, worker, table, classes, repeats="share")
