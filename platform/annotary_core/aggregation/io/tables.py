"""Read answers and gold from CSV files.

The columns determine the kind: task,worker,label for classes; task,worker,x1,y1,x2,y2,label for boxes (corners in
pixels). Gold has the same columns without the worker. Names of tasks, workers and labels can be numbers or any text.
Answers may have two more columns: `p`, the probability of the label (0 to 1), and `time`, when the answer was given (a
number, or ISO 8601). A row counts p of a vote. A model can thus be added as one more worker, with one row per class and
its probability, and its reliability is learned. If the p of a worker's rows for a task sum to more than 1, the rows
share one vote.

Rows with the same box of one worker (same task, label and corners) are one object, as are such rows of gold: a row
was sent twice, or a box was drawn with a double click. The one with the highest p remains, and the earliest of those.

A box row whose corners and label are all empty means that the worker looked and drew nothing; in gold, that there are
no objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.io.csv_reader import Layout, Table, TableError, read_table
from annotary_core.aggregation.io.encoding import Names, merge_names
from annotary_core.aggregation.objects.clustering import ObjectAnswers
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.box import Boxes

_CORNERS = ("x1", "y1", "x2", "y2")
_BLANKABLE = frozenset({*_CORNERS, "label"})
_CLASSES = Layout("classes", keys=("task", "worker", "label"), optional=("p", "time"))
_BOXES = Layout("boxes", keys=("task", "worker", "label"), numbers=_CORNERS, optional=("p", "time"), blank=_BLANKABLE)
_GOLD_CLASSES = Layout("classes", keys=("task", "label"))
_GOLD_BOXES = Layout("boxes", keys=("task", "label"), numbers=_CORNERS, blank=_BLANKABLE)


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Encoded class labels, one per row; `answers` holds codes into the names, including gold.

    The column p becomes `answers.weights`, scaled for methods in which repeated answers share a vote. time: seconds or
    the unit of the file, shape (n,). unanswered: number of gold tasks without an answer.
    """

    answers: Answers
    tasks: Names
    workers: Names
    labels: Names
    time: FloatArray | None = None
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class BoxGold:
    """The true boxes. tasks: all gold tasks, with or without boxes, shape (g,).

    task, label: of each box, shape (m,). box: x1, y1, x2, y2, shape (m, 4).
    """

    tasks: IntArray
    task: IntArray
    label: IntArray
    box: FloatArray

    def by_task(self) -> dict[int, Boxes]:
        """Task -> its true boxes."""
        order = np.argsort(self.task, kind="stable")
        edges = np.searchsorted(self.task[order], [self.tasks, self.tasks + 1])
        return {
            int(task): Boxes(self.box[order[start:stop]])
            for task, start, stop in zip(self.tasks, *edges.tolist(), strict=True)
        }


@dataclass(frozen=True, slots=True)
class BoxTable:
    """Encoded boxes of workers. p, time: of each box, shape (n,). merged: number of rows that repeated a box."""

    boxes: ObjectAnswers[Boxes]
    tasks: Names
    workers: Names
    labels: Names
    gold: BoxGold | None = None
    p: FloatArray | None = None
    time: FloatArray | None = None
    merged: int = 0

    def warning(self) -> str:
        """Return a sentence about repeated boxes, or the empty string if there are none."""
        rows = "row repeats another one's box and was" if self.merged == 1 else "rows repeat another one's box and were"
        return f"{self.merged} {rows} counted only once." if self.merged else ""


def read_answers(path: Path, gold: Path | None = None) -> ClassTable | BoxTable:
    """Read answers from one file and gold from another. Raises TableError with the file and the line."""
    answers = read_table(path, (_CLASSES, _BOXES))
    if answers.layout is _CLASSES:
        gold_table = None if gold is None else read_table(gold, (_GOLD_CLASSES,))
        return _class_table(answers, gold_table, gold)
    return _box_table(answers, None if gold is None else read_table(gold, (_GOLD_BOXES,)))


def _class_table(answers: Table, gold: Table | None, path: Path | None) -> ClassTable:
    tasks, task, gold_task = _with_gold("task", answers, gold)
    labels, label, gold_label = _with_gold("label", answers, gold)
    worker = answers.keys["worker"]
    weights = answers.numbers.get("p")
    if weights is not None:
        weights = _vote_weights(task, worker.codes, weights)
    gold_by_task = _gold_by_task(gold_task, gold_label, tasks, path)
    answered = np.zeros(len(tasks), np.bool_)
    answered[task] = True
    return ClassTable(
        answers=Answers(
            task,
            worker.codes,
            label,
            weights=weights,
            classes=np.arange(len(labels), dtype=np.int64),
            gold=gold_by_task,
        ),
        tasks=tasks,
        workers=worker.names,
        labels=labels,
        time=answers.numbers.get("time"),
        unanswered=sum(not answered[code] for code in gold_by_task),
    )


def _vote_weights(task: IntArray, worker: IntArray, p: FloatArray) -> FloatArray:
    """Weights, shape (n,), with which a row counts p of a vote if each of a worker's r rows counts weight / r."""
    key = task * (int(worker.max(initial=0)) + 1) + worker
    _, pair, rows = np.unique(key, return_inverse=True, return_counts=True)
    total = np.bincount(pair, p)
    return np.asarray(p * (rows / np.maximum(total, 1.0))[pair], np.float64)


def _box_table(answers: Table, gold: Table | None) -> BoxTable:
    tasks, task, gold_task = _with_gold("task", answers, gold)
    labels, label, gold_label = _with_gold("label", answers, gold)
    worker = answers.keys["worker"]
    seen = np.unique(np.stack([task, worker.codes], axis=1), axis=0)
    box_task, box_worker, box = task[answers.filled], worker.codes[answers.filled], _corners(answers)
    p, time = _filled(answers, "p"), _filled(answers, "time")
    ranked = [each for each in (time, None if p is None else -p) if each is not None]
    keep = _first_of_equal([box_task, box_worker, label, *box.T], ranked)
    box_gold, merged = None, len(box) - len(keep)
    if gold is not None:
        box_gold = _box_gold(gold, gold_task, gold_label)
        merged += int(gold.filled.sum()) - len(box_gold.task)
    return BoxTable(
        boxes=ObjectAnswers(
            task=box_task[keep],
            worker=box_worker[keep],
            label=label[keep],
            geometry=Boxes.of(box[keep]),
            seen_task=seen[:, 0],
            seen_worker=seen[:, 1],
        ),
        tasks=tasks,
        workers=worker.names,
        labels=labels,
        gold=box_gold,
        p=None if p is None else p[keep],
        time=None if time is None else time[keep],
        merged=merged,
    )


def _box_gold(gold: Table, task: IntArray, label: IntArray) -> BoxGold:
    box_task, box = task[gold.filled], _corners(gold)
    keep = _first_of_equal([box_task, label, *box.T], [])
    return BoxGold(np.unique(task), box_task[keep], label[keep], box[keep])


def _first_of_equal(columns: Sequence[NDArray[Any]], ranked: Sequence[FloatArray]) -> IntArray:
    """Return the ascending row numbers of one row of each group that is equal in all columns: the lowest by `ranked`.

    The last column of `ranked` counts first. All arrays have shape (n,).
    """
    order = np.lexsort([*ranked, *columns])
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    return np.sort(order[is_first])


def _corners(table: Table) -> FloatArray:
    return np.stack([table.numbers[name] for name in _CORNERS], axis=1)


def _filled(table: Table, name: str) -> FloatArray | None:
    return table.numbers[name][table.filled] if name in table.numbers else None


def _with_gold(key: str, answers: Table, gold: Table | None) -> tuple[Names, IntArray, IntArray]:
    """The merged names of both files, then the codes of each."""
    column = answers.keys[key]
    if gold is None:
        return column.names, column.codes, np.empty(0, np.int64)
    names, (codes, gold_codes) = merge_names(column, gold.keys[key])
    return names, codes, gold_codes


def _gold_by_task(task: IntArray, label: IntArray, tasks: Names, path: Path | None) -> Mapping[int, int]:
    gold_by_task: dict[int, int] = {}
    for code, truth in zip(task.tolist(), label.tolist(), strict=True):
        if gold_by_task.setdefault(code, truth) != truth:
            raise TableError(f"{path} gives the task {tasks.text(code)} two different labels; keep one.")
    return gold_by_task
