"""Votes in canonical order, and column helpers that the methods share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Votes:
    """The rows of the answers in canonical order (task, label, worker, weight), each with its share of a vote.

    Sorting first makes every sum run in the same order, so results are equal to the last bit whatever the order of the
    rows. Each of a worker's r rows for a task counts weight / r: together one vote of the mean weight.

    task, label, worker, vote: shape (n,). workers: number of workers who answered each task, tasks ascending, shape
    (t,).
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
        pair_order = np.lexsort((worker, task))
        new_pair = run_starts(task[pair_order], worker[pair_order])
        rows = np.empty(len(order), np.int64)
        rows[pair_order] = np.bincount(np.cumsum(new_pair) - 1)[np.cumsum(new_pair) - 1]
        first = np.flatnonzero(new_pair)
        workers = np.diff(np.append(np.flatnonzero(run_starts(task[pair_order][first])), len(first)))
        return cls(task=task, label=answers.label[order], worker=worker, vote=weight[order] / rows, workers=workers)


def run_starts(*columns: IntArray) -> BoolArray:
    """Whether each row starts a run of equal values, over one or several columns of shape (n,)."""
    new = np.ones(len(columns[0]), dtype=np.bool_)
    if len(new):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def clamp_gold(result: Consensus, answers: Answers) -> Consensus:
    """Clamp gold tasks: each gets its true class with confidence 1 and no tie."""
    if not answers.gold:
        return result
    gold = np.array([answers.gold.get(int(task), 0) for task in result.task], dtype=np.int64)
    is_gold = np.array([int(task) in answers.gold for task in result.task], dtype=np.bool_)
    index = np.repeat(np.arange(len(result.task)), np.diff(result.posteriors.start))
    kept = ~is_gold[index]
    index = np.concatenate([index[kept], np.flatnonzero(is_gold)])
    label = np.concatenate([result.posteriors.label[kept], gold[is_gold]])
    p = np.concatenate([result.posteriors.p[kept], np.ones(int(is_gold.sum()))])
    order = np.lexsort((label, index))
    start = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=len(result.task)))]).astype(np.int64)
    return replace(
        result,
        label=np.where(is_gold, gold, result.label),
        confidence=np.where(is_gold, 1.0, result.confidence),
        tied=result.tied & ~is_gold,
        posteriors=Posteriors(start=start, label=label[order], p=p[order]),
    )
