"""From a table of answers to its agreed labels: what `manage.py aggregate` does, without the command."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from annotary_core.aggregation.base import Consensus
from annotary_core.aggregation.io.csv_writer import write_boxes, write_classes
from annotary_core.aggregation.io.tables import BoxTable, ClassTable
from annotary_core.aggregation.objects.box_clustering import BoxClustering, BoxConsensus
from annotary_core.aggregation.registry import method_named

#: Boxes whose existence is below this are not written; the posterior means what it says, so half is right.
THRESHOLD = 0.5


def aggregate(table: ClassTable | BoxTable, *, method: str, seed: int = 0) -> Consensus | BoxConsensus:
    """The labels that the method finds; of boxes it finds the classes, once the boxes of one object are together.

    Gold is heeded: classes and objects of gold tasks are clamped to it. Raises ValueError for an unknown method.
    """
    chosen = method_named(method, seed=seed)
    if isinstance(table, ClassTable):
        return chosen.fit_predict(table.answers)
    gold = None if table.gold is None else table.gold.by_task()
    return BoxClustering(seed=seed, method=chosen).fit_predict(table.boxes, gold=gold)


def write_labels(
    table: ClassTable | BoxTable, result: Consensus | BoxConsensus, out: TextIO, *, threshold: float = THRESHOLD
) -> None:
    """The result as CSV, under the names of the table that it came from; of boxes those that exist by the threshold."""
    if isinstance(result, BoxConsensus):
        write_boxes(result, result.existence >= threshold, table.tasks, table.labels, out)
    else:
        write_classes(result, table.tasks, table.labels, out)


def summary(table: ClassTable | BoxTable, result: Consensus | BoxConsensus, *, threshold: float = THRESHOLD) -> str:
    """What happened, in a sentence or two."""
    if isinstance(table, BoxTable) and isinstance(result, BoxConsensus):
        seen = len(np.unique(table.boxes.seen_task))
        text = f"{len(table.boxes.task)} boxes of {len(table.workers)} workers on {seen} tasks"
        text += f": {len(result.task)} objects, of which {int((result.existence >= threshold).sum())} are written."
        text += "" if table.gold is None else f" The objects of {len(table.gold.tasks)} tasks are known from gold."
        return text + (" The column p is not used for boxes." if table.p is not None else "")
    if isinstance(table, ClassTable) and isinstance(result, Consensus):
        answers = table.answers
        text = f"{len(answers.task)} answers of {len(table.workers)} workers on {len(result.task)} tasks"
        text += f", {len(table.labels)} labels, {int(result.tied.sum())} ties drawn by lot."
        if answers.gold:
            text += f" {len(answers.gold) - table.unanswered} tasks are known from gold"
            text += f", {table.unanswered} more of it nobody answered." if table.unanswered else "."
        return text
    raise ValueError("The result is not of the same kind as the table.")
