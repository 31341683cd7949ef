"""Votes in canonical order, tie breaking by a deterministic hash, and column helpers that the methods share.

Each vote has a hash of (seed, task, worker), and the tied class with the lowest hash among its voters wins. The outcome
is therefore fair between classes with equally many voters, and depends neither on class ids nor on the order of rows:
always choosing the lowest class would bias every tie towards the classes that were defined first. Only if the lowest
hash belongs to a worker who voted for several of the tied classes does the class id enter, through a second hash, since
nothing else distinguishes these classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

_MIX_A = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0xBF58476D1CE4E5B9)
_MIX_C = np.uint64(0x94D049BB133111EB)


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


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose outputs look independent."""
    value = value + _MIX_A
    value = (value ^ (value >> np.uint64(30))) * _MIX_B
    value = (value ^ (value >> np.uint64(27))) * _MIX_C
    return value ^ (value >> np.uint64(31))


def tie_hash(task: IntArray, worker: IntArray, *, seed: int) -> NDArray[np.uint64]:
    """One hash per row, shape (n,). It is unique among the workers of a task, as mixing is a bijection."""
    seed_word = np.array([seed % 2**64], dtype=np.uint64)
    return _mix(worker.astype(np.uint64) ^ _mix(task.astype(np.uint64) ^ _mix(seed_word)))


def break_ties(
    task_index: IntArray,
    lowest_hash: NDArray[np.uint64],
    label: IntArray,
    top: BoolArray,
    start: IntArray,
    *,
    seed: int,
) -> IntArray:
    """Choose one candidate per task among those that are `top`; returns their indices, shape (t,).

    task_index, lowest_hash, label, top: one row per candidate class of a task, shape (c,), ordered by task: the task,
    the lowest hash among the class's voters (close to the maximum if it has none), the class, whether it may win.
    start: first candidate of each task, shape (t,).
    """
    second_hash = tie_hash(lowest_hash.astype(np.int64), label, seed=seed)
    return np.lexsort((second_hash, lowest_hash, ~top, task_index))[start].astype(np.int64)
