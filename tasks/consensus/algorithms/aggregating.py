"""From a table of answers to its agreed labels: what `manage.py aggregate` does, without the command."""

from __future__ import annotations

from dataclasses import replace
from typing import TextIO

import numpy as np

from tasks.consensus.algorithms.base import Answers, Consensus
from tasks.consensus.algorithms.boxes import BoxClustering, BoxConsensus
from tasks.consensus.algorithms.csv_writing import write_boxes, write_classes
from tasks.consensus.algorithms.registry import method_named
from tasks.consensus.algorithms.tables import BoxTable, ClassTable


def aggregate(table: ClassTable | BoxTable, *, method: str, seed: int = 0) -> Consensus | BoxConsensus:
    """The labels that the method finds; of boxes it finds the classes, once the boxes of one object are together.

    Raises ValueError for an unknown method.
    """
    chosen = method_named(method, seed=seed)
    if isinstance(table, ClassTable):
        return chosen.fit_predict(table.answers)
    found = BoxClustering(seed=seed).fit_predict(table.boxes)
    rows = np.array([row for members in found.members for row in members], np.int64)
    cluster = np.repeat(np.arange(len(found.members)), [len(members) for members in found.members])
    classes = chosen.fit_predict(Answers.of(cluster, table.boxes.worker[rows], table.boxes.label[rows]))
    return replace(found, label=classes.label, classes=classes)


def write_labels(table: ClassTable | BoxTable, result: Consensus | BoxConsensus, out: TextIO) -> None:
    """The result as CSV, under the names of the table that it came from."""
    if isinstance(result, BoxConsensus):
        write_boxes(result, table.tasks, table.labels, out)
    else:
        write_classes(result, table.tasks, table.labels, out)


def summary(table: ClassTable | BoxTable, result: Consensus | BoxConsensus) -> str:
    """What happened, in a sentence or two."""
    if isinstance(table, BoxTable) and isinstance(result, BoxConsensus):
        seen = len(np.unique(table.boxes.seen_task))
        text = f"{len(table.boxes.task)} boxes of {len(table.workers)} workers on {seen} tasks"
        return f"{text}, {len(result.task)} objects." + (
            " The column p is not used for boxes." if table.p is not None else ""
        )
    if isinstance(table, ClassTable) and isinstance(result, Consensus):
        answers = table.answers
        text = f"{len(answers.task)} answers of {len(table.workers)} workers on {len(result.task)} tasks"
        text += f", {len(table.labels)} labels, {int(result.tied.sum())} ties drawn by lot."
        if answers.gold:
            text += f" {len(answers.gold) - table.unanswered} tasks are known from gold"
            text += f", {table.unanswered} more of it nobody answered." if table.unanswered else "."
        return text
    raise ValueError("The result is not of the same kind as the table.")
