"""Which labels a new state moves: all tasks with answers are scored, and compared with what stands in the tables.

Only decisions and how sure they are count. An agreed box may move by a fraction of a pixel when the care of workers is
known better: that alone brings no new version, and is taken up when the task's label is made anew for another reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.predict import Scored
from annotary_core.aggregation.objects.box_clustering import BoxClustering, BoxConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from annotary_core.labels.schema import Schema
from projects.models import Project
from tasks.consensus.answer_shards import Range, Shard, class_shard, task_ranges
from tasks.consensus.label_task import InProject
from tasks.consensus.models import Posterior
from tasks.consensus.object_answers import box_answers, drawn_rows
from tasks.consensus.worker_model import cold_blend

#: A posterior that moves by more than this is written anew.
MOVED = 0.02
#: From this existence on a box is released, as in `consolidate`.
RELEASED = 0.5
#: Images whose boxes are looked at together.
_IMAGES = 1_000

Json = Mapping[str, Any]


def moved_by(*, project: Project, blend: BlendState, rates: DetectionRates | None) -> Iterator[list[int]]:
    """Tasks, in ascending portions, whose chosen class or released boxes change, or whose posterior moves by more than
    MOVED or across the confidence that the project wants."""
    assert project.schema is not None  # tasks are made and claimed only with a schema
    schema = Schema.from_json(project.schema.body)
    now = _Now(project, blend, [item.number for item in schema.classes])
    if schema.wants_class:
        for within in task_ranges(project_id=project.pk):
            yield _classes_moved(project, class_shard(project_id=project.pk, within=within), now)
    if rates is not None:
        for within in task_ranges(project_id=project.pk, size=_IMAGES):
            yield _boxes_moved(project, within, now, rates)


@dataclass(frozen=True, slots=True)
class _Now:
    """What labels are made with from now on: what was fitted, or while that is cold what the check images say."""

    project: Project
    fitted: BlendState
    classes: Sequence[int]

    def of(self, workers: IntArray) -> BlendState:
        if not self.fitted.cold:
            return self.fitted
        return cold_blend(project=self.project, workers=np.unique(workers).tolist(), classes=self.classes)


def _classes_moved(project: Project, shard: Shard, now: _Now) -> list[int]:
    if not len(shard.task):
        return []
    blend = now.of(shard.worker)
    classes = np.union1d(blend.classes, shard.label)
    found = Scored(blend).of_coded(Coded.of(shard.answers(classes=classes, known=False), repeats="share"))
    before = _bodies(project, (int(shard.task.min()), int(shard.task.max()) + 1), "class")
    moved = []
    rows = zip(found.task.tolist(), found.label.tolist(), found.confidence.tolist(), found.tied.tolist(), strict=True)
    for task, label, p, tied in rows:
        if task not in before:
            continue
        top = max(before[task].items(), key=lambda item: item[1], default=(None, 0.0))
        # Of a tie the lot may choose another one here than where the label is made: it tells nothing.
        if (str(label) != top[0] and not tied) or _differs(p, top[1], project.confidence_target):
            moved.append(task)
    return moved


def _boxes_moved(project: Project, within: Range, now: _Now, rates: DetectionRates) -> list[int]:
    before = _bodies(project, within, "objects")
    answers = box_answers(drawn_rows(task_ids=sorted(before)))
    blend = now.of(answers.seen_worker)
    seen = _Seen.of(BoxClustering(method=InProject(blend), rates=rates).fit_predict(answers))
    return [task for task, body in before.items() if _Seen.stored(body).differs(seen.get(task, _Seen()))]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The boxes of one image: how sure each is to exist, rising, and the classes of those released (None where a tie
    leaves it to the lot)."""

    existence: tuple[float, ...] = ()
    classes: tuple[int | None, ...] = ()

    @classmethod
    def of(cls, found: BoxConsensus) -> dict[int, _Seen]:
        tasks: dict[int, list[tuple[float, int | None]]] = {}
        for index, task in enumerate(found.task.tolist()):
            label = None if found.classes.tied[index] else int(found.label[index])
            tasks.setdefault(task, []).append((float(found.existence[index]), label))
        return {task: cls._from(rows) for task, rows in tasks.items()}

    @classmethod
    def stored(cls, body: Json) -> _Seen:
        rows: list[tuple[float, int | None]] = []
        for each in body.values():
            top = sorted(each["class"].items(), key=lambda item: -item[1])[:2]
            tied = len(top) > 1 and top[0][1] - top[1][1] < 1e-6
            rows.append((each["existence"], None if tied or not top else int(top[0][0])))
        return cls._from(rows)

    @classmethod
    def _from(cls, rows: list[tuple[float, int | None]]) -> _Seen:
        released = [label for p, label in rows if p >= RELEASED]
        return cls(tuple(sorted(p for p, _ in rows)), tuple(sorted(released, key=lambda label: label or 0)))

    def differs(self, other: _Seen) -> bool:
        if len(self.existence) != len(other.existence) or self.classes != other.classes:
            return True
        return any(abs(a - b) > MOVED for a, b in zip(self.existence, other.existence, strict=True))


def _differs(now: float, before: float, target: float) -> bool:
    return abs(now - before) > MOVED or (now < target) != (before < target)


def _bodies(project: Project, within: Range, part: str) -> dict[int, Json]:
    """This part of the posteriors of tasks in the range."""
    rows = Posterior.objects.filter(project=project, task_id__gte=within[0], task_id__lt=within[1])
    found = rows.order_by("task_id").values_list("task_id", "body")
    return {task: body[part] for task, body in found.iterator(chunk_size=5_000) if part in body}


def unique_tasks(portions: Iterator[list[int]]) -> IntArray:
    return np.unique(np.concatenate([np.empty(0, np.int64), *(np.array(some, np.int64) for some in portions)]))
