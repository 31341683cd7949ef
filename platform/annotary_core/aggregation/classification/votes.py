"""Small column tools that every method needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Votes:
    """The rows of the answers in canonical order (task, label, worker, weight), each with the part of a vote it brings.

    Sorting first makes every sum run in the same order, so that results are equal to the last bit however the rows
    came. A worker with r rows for a task brings weight / r with each: one vote in all, of the mean weight.

    task, label, worker, vote: shape (n,). workers: how many answered each task, tasks ascending, shape (t,).
    """

    task: IntArray
    label: IntArray
    worker: IntArray
    vote: FloatArray
    workers: IntArray

    @classmethod
    def of(cls, answers: Answers) -> Votes:
        weight = np.ones(len(answers.task)) if answers.weights is None else answers.weights
        order = np.lexsort((weight, answers.worker, answers.label, answers.task))
        task, worker = answers.task[order], answers.worker[order]
        by_pair = np.lexsort((worker, task))
        new_pair = changes(task[by_pair], worker[by_pair])
        rows = np.empty(len(order), np.int64)
        rows[by_pair] = np.bincount(np.cumsum(new_pair) - 1)[np.cumsum(new_pair) - 1]
        first = np.flatnonzero(new_pair)
        workers = np.diff(np.append(np.flatnonzero(changes(task[by_pair][first])), len(first)))
        return cls(task=task, label=answers.label[order], worker=worker, vote=weight[order] / rows, workers=workers)


def changes(*columns: IntArray) -> BoolArray:
    """Where a run of equal values starts, over one or several columns of shape (n,)."""
    new = np.ones(len(columns[0]), dtype=np.bool_)
    if len(new):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def clamp(result: Consensus, answers: Answers) -> Consensus:
    """The result with every gold task set to its known class, with certainty and no tie."""
    if not answers.gold:
        return result
    known = np.array([answers.gold.get(int(task), 0) for task in result.task], dtype=np.int64)
    is_known = np.array([int(task) in answers.gold for task in result.task], dtype=np.bool_)
    index = np.repeat(np.arange(len(result.task)), np.diff(result.posteriors.start))
    kept = ~is_known[index]
    index = np.concatenate([index[kept], np.flatnonzero(is_known)])
    label = np.concatenate([result.posteriors.label[kept], known[is_known]])
    p = np.concatenate([result.posteriors.p[kept], np.ones(int(is_known.sum()))])
    order = np.lexsort((label, index))
    start = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=len(result.task)))]).astype(np.int64)
    return replace(
        result,
        label=np.where(is_known, known, result.label),
        confidence=np.where(is_known, 1.0, result.confidence),
        tied=result.tied & ~is_known,
        posteriors=Posteriors(start=start, label=label[order], p=p[order]),
    )
