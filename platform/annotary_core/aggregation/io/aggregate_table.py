"""Aggregate a table of answers into labels: the implementation of `manage.py aggregate`."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from annotary_core.aggregation.base import Consensus
from annotary_core.aggregation.io.csv_writer import write_boxes, write_classes
from annotary_core.aggregation.io.tables import BoxTable, ClassTable
from annotary_core.aggregation.objects.clustering import ObjectClustering, ObjectConsensus
from annotary_core.aggregation.registry import get_method
from annotary_core.labels.shapes.box import Boxes
from annotary_core.wording import format_count

#: Boxes with a lower existence posterior are not written. The posterior is calibrated, so one half is the right cutoff.
THRESHOLD = 0.5


def aggregate(table: ClassTable | BoxTable, *, method: str, seed: int = 0) -> Consensus | ObjectConsensus[Boxes]:
    """Aggregate the table. For boxes, the method aggregates the classes after boxes of one object are clustered.

    Classes and objects of gold tasks are clamped to gold. Raises ValueError for an unknown method.
    """
    chosen = get_method(method, seed=seed)
    if isinstance(table, ClassTable):
        return chosen.fit_predict(table.answers)
    gold = None if table.gold is None else table.gold.by_task()
    return ObjectClustering(seed=seed, method=chosen).fit_predict(table.boxes, gold=gold)


def write_labels(
    table: ClassTable | BoxTable,
    result: Consensus | ObjectConsensus[Boxes],
    out: TextIO,
    *,
    threshold: float = THRESHOLD,
) -> None:
    """Write the result as CSV with the names of its table; boxes only if their existence reaches the threshold."""
    if isinstance(result, ObjectConsensus):
        write_boxes(result, result.existence >= threshold, table.tasks, table.labels, out)
    else:
        write_classes(result, table.tasks, table.labels, out)


def summary(
    table: ClassTable | BoxTable, result: Consensus | ObjectConsensus[Boxes], *, threshold: float = THRESHOLD
) -> str:
    """Summarize the aggregation in a sentence or two."""
    if isinstance(table, BoxTable) and isinstance(result, ObjectConsensus):
        tasks = len(np.unique(table.boxes.seen_task))
        written = int((result.existence >= threshold).sum())
        text = f"{format_count(len(table.boxes.task), 'box', 'boxes')} of {format_count(len(table.workers), 'worker')}"
        text += (
            f" on {format_count(tasks, 'task')}: {format_count(len(result.task), 'object')}, {written} of them written."
        )
        text += "" if table.gold is None else f" {_have_gold(len(table.gold.tasks))}."
        text += f" {table.warning()}" if table.merged else ""
        return text + (" The column p is ignored for boxes." if table.p is not None else "")
    if isinstance(table, ClassTable) and isinstance(result, Consensus):
        answers = table.answers
        text = f"{format_count(len(answers.task), 'answer')} of {format_count(len(table.workers), 'worker')}"
        text += f" on {format_count(len(result.task), 'task')}, {format_count(len(table.labels), 'label')}"
        text += f", {format_count(int(result.tied.sum()), 'tie')} broken by hash."
        if answers.gold:
            text += f" {_have_gold(len(answers.gold) - table.unanswered)}"
            more = f"{format_count(table.unanswered, 'more gold task')} {'has' if table.unanswered == 1 else 'have'}"
            text += f", {more} no answer." if table.unanswered else "."
        return text
    raise ValueError("The result and the table are of different kinds.")


def _have_gold(tasks: int) -> str:
    return f"{format_count(tasks, 'task')} {'has' if tasks == 1 else 'have'} gold"
