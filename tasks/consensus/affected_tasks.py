"""Finds the tasks that a new state affects: scores all tasks with answers and compares the results with the tables.

This only selects the tasks to recompute. What a new result does to a label is decided there, by `label_stability`.
Only decisions and their confidence count. When worker precision is re-estimated, an agreed object may move by a
fraction of a pixel: that alone writes no new version, and is picked up when the label is recomputed for another reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Posteriors
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.predict import FittedBlend
from annotary_core.aggregation.consolidate import RELEASE_THRESHOLD
from annotary_core.aggregation.consolidated import ClassShares, ImagePosterior, ObjectPosterior
from annotary_core.aggregation.objects.clustering import ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.models import Project
from projects.selectors import mapping_of, schema_of
from tasks.consensus.answer_shards import Range, Shard, class_shard, task_ranges
from tasks.consensus.label_stability import is_clear
from tasks.consensus.label_task import ProjectBlend
from tasks.consensus.models import Posterior
from tasks.consensus.object_answers import answer_rows, object_answers
from tasks.consensus.worker_model import cold_start_blend

#: A posterior that changes by more than this is rewritten.
MIN_CHANGE = 0.02
#: Images whose objects are scored in one pass.
_IMAGES = 1_000


def tasks_to_relabel(*, project: Project, blend: FittedModel, rates: DetectionRates | None) -> Iterator[list[int]]:
    """Yield, in chunks in ascending order, the tasks whose chosen class or released objects change, or whose posterior
    moves by more than MIN_CHANGE or across the project's confidence target."""
    schema = schema_of(project=project)
    new_state = _NewState(project, blend, [item.number for item in schema.classes])
    if schema.has_image_class:
        for within in task_ranges(project_id=project.pk):
            yield _class_changes(project, class_shard(project_id=project.pk, within=within), new_state)
    if rates is not None:
        for within in task_ranges(project_id=project.pk, size=_IMAGES):
            yield _object_changes(project, within, new_state, rates)


@dataclass(frozen=True, slots=True)
class _NewState:
    """The state that labels are computed with from now on: the fit, or gold results while the fit is cold."""

    project: Project
    fitted: FittedModel
    classes: Sequence[int]

    def of(self, workers: IntArray) -> FittedModel:
        if not self.fitted.is_cold_start:
            return self.fitted
        return cold_start_blend(project=self.project, workers=np.unique(workers).tolist(), classes=self.classes)


def _class_changes(project: Project, shard: Shard, new_state: _NewState) -> list[int]:
    if not len(shard.task):
        return []
    blend = new_state.of(shard.worker)
    classes = np.union1d(blend.classes, shard.label)
    result = FittedBlend(blend).predict_encoded(
        EncodedAnswers.of(shard.answers(classes=classes, known=False), repeats="share")
    )
    within = int(shard.task.min()), int(shard.task.max()) + 1
    before = {task: body["class"] for task, body in _posteriors(project, within) if "class" in body}
    moved = []
    rows = zip(
        result.task.tolist(), result.label.tolist(), result.confidence.tolist(), result.tied.tolist(), strict=True
    )
    for index, (task, label, confidence, tied) in enumerate(rows):
        if task not in before:
            continue
        top = max(before[task].items(), key=lambda item: item[1], default=(None, 0.0))
        # A tie may be broken differently here and where the label is computed, so another class is not a change.
        is_other = str(label) != top[0] and not tied
        if (
            is_other
            or _differs(confidence, top[1], project.confidence_target)
            or _leaves_tie(before[task], result.posteriors, index)
        ):
            moved.append(task)
    return moved


def _leaves_tie(before: ClassShares, posteriors: Posteriors, index: int) -> bool:
    """Whether a class is no longer tied with the likeliest one: a label of this class may be replaced now."""
    tied = _tied_classes(before)
    return len(tied) > 1 and not tied <= _tied_classes(posteriors.of(index))


def _tied_classes(shares: Mapping[Any, float]) -> set[str]:
    """The classes that are tied with the likeliest one, including this one."""
    top = max(shares.values(), default=0.0)
    return {str(number) for number, share in shares.items() if not is_clear(top, share)}


def _object_changes(project: Project, within: Range, new_state: _NewState, rates: DetectionRates) -> list[int]:
    before = {task: body["objects"] for task, body in _posteriors(project, within) if "objects" in body}
    answers = object_answers(answer_rows(task_ids=sorted(before), mapping=mapping_of(project.schema)))
    blend = new_state.of(answers.seen_worker)
    objects = _ImageObjects.of(
        ObjectClustering(method=ProjectBlend(blend), rates=rates, fuse_exactly=False).fit_predict(answers)
    )
    return [
        task
        for task, stored in before.items()
        if _ImageObjects.of_posterior(stored).differs(objects.get(task, _ImageObjects()))
    ]


@dataclass(frozen=True, slots=True)
class _ImageObjects:
    """The objects of one image: their existence probabilities, ascending, and the classes of the released ones (None
    for a tie)."""

    existence: tuple[float, ...] = ()
    classes: tuple[int | None, ...] = ()

    @classmethod
    def of(cls, result: ObjectConsensus[ObjectColumn]) -> dict[int, _ImageObjects]:
        tasks: dict[int, list[tuple[float, int | None]]] = {}
        for index, task in enumerate(result.task.tolist()):
            label = None if result.classes.tied[index] else int(result.classes.label[index])
            tasks.setdefault(task, []).append((float(result.existence[index]), label))
        return {task: cls._from(rows) for task, rows in tasks.items()}

    @classmethod
    def of_posterior(cls, objects: Mapping[str, ObjectPosterior]) -> _ImageObjects:
        rows: list[tuple[float, int | None]] = []
        for each in objects.values():
            top = sorted(each["class"].items(), key=lambda item: -item[1])[:2]
            tied = len(top) > 1 and top[0][1] - top[1][1] < 1e-6
            rows.append((each["existence"], None if tied or not top else int(top[0][0])))
        return cls._from(rows)

    @classmethod
    def _from(cls, rows: list[tuple[float, int | None]]) -> _ImageObjects:
        released = [label for p, label in rows if p >= RELEASE_THRESHOLD]
        return cls(tuple(sorted(p for p, _ in rows)), tuple(sorted(released, key=lambda label: label or 0)))

    def differs(self, other: _ImageObjects) -> bool:
        if len(self.existence) != len(other.existence) or self.classes != other.classes:
            return True
        return any(abs(a - b) > MIN_CHANGE for a, b in zip(self.existence, other.existence, strict=True))


def _differs(now: float, before: float, target: float) -> bool:
    return abs(now - before) > MIN_CHANGE or (now < target) != (before < target)


def _posteriors(project: Project, within: Range) -> Iterator[tuple[int, ImagePosterior]]:
    """The tasks in the range that have a posterior, with it."""
    rows = Posterior.objects.filter(project=project, task_id__gte=within[0], task_id__lt=within[1])
    yield from rows.order_by("task_id").values_list("task_id", "body").iterator(chunk_size=5_000)


def unique_tasks(chunks: Iterator[list[int]]) -> IntArray:
    return np.unique(np.concatenate([np.empty(0, np.int64), *(np.array(chunk, np.int64) for chunk in chunks)]))
