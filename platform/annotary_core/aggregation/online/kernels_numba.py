"""Answers added to the log scores of their tasks one by one, compiled. Needs numba; online.py explains the rules."""

from __future__ import annotations

from math import exp, log

from annotary_core.aggregation.classification.kernels_numba import compile_loop
from annotary_core.labels.arrays import FloatArray, IntArray


def _softmax(scores: FloatArray, out: FloatArray) -> None:
    top = scores[0]
    for k in range(1, len(scores)):
        top = max(top, scores[k])
    total = 0.0
    for k in range(len(scores)):
        out[k] = exp(scores[k] - top)
        total += out[k]
    for k in range(len(scores)):
        out[k] /= total


def _vote(by_coin: FloatArray, by_cell: FloatArray, coin: float, cell: FloatArray, label: int, part: float) -> None:
    """Add a part of a vote for the label to the two score vectors of a task."""
    by_coin[label] += part * coin
    for k in range(len(cell)):
        by_cell[k] += part * cell[k]


def _take(
    first: int,
    task: IntArray,
    worker: IntArray,
    index: IntArray,
    label: IntArray,
    before: IntArray,
    coin: FloatArray,
    cell: FloatArray,
    gold: IntArray,
    blend: float,
    alike: float,
    workers: IntArray,
    by_coin: FloatArray,
    by_cell: FloatArray,
    posterior: FloatArray,
) -> None:
    classes = by_coin.shape[1]
    for row in range(first, len(task)):
        t, said, at = task[row], label[row], index[row - first]
        repeats = 0
        earlier = before[row]
        while earlier >= 0:
            repeats += worker[earlier] == worker[row]
            earlier = before[earlier]
        if repeats == 0:
            workers[t] += 1
        else:
            # r rows had 1 / r of a vote each; with this one they have 1 / (r + 1).
            less = 1.0 / (repeats + 1) - 1.0 / repeats
            earlier = before[row]
            while earlier >= 0:
                if worker[earlier] == worker[row]:
                    then = label[earlier]
                    _vote_compiled(by_coin[t], by_cell[t], coin[at], cell[at * classes + then], then, less)
                earlier = before[earlier]
        part = 1.0 / (repeats + 1)
        _vote_compiled(by_coin[t], by_cell[t], coin[at], cell[at * classes + said], said, part)
        _settle_compiled(by_coin[t], by_cell[t], gold[t], blend, 1 + (workers[t] - 1) * alike, posterior[t])


def _settle(by_coin: FloatArray, by_cell: FloatArray, gold: int, blend: float, effect: float, out: FloatArray) -> None:
    """The posterior of a task from its two score vectors: softmax of each, blended, tempered."""
    classes = len(out)
    if gold >= 0:
        for k in range(classes):
            out[k] = 0.0
        out[gold] = 1.0
        return
    _softmax_compiled(by_coin, out)
    if blend > 0:
        top = by_cell[0]
        for k in range(1, classes):
            top = max(top, by_cell[k])
        total = 0.0
        for k in range(classes):
            total += exp(by_cell[k] - top)
        for k in range(classes):
            out[k] += blend * (exp(by_cell[k] - top) / total - out[k])
    if effect > 1:
        most = out[0]
        for k in range(1, classes):
            most = max(most, out[k])
        total = 0.0
        for k in range(classes):
            out[k] = exp(log(out[k] / most) / effect) if out[k] > 0 else 0.0
            total += out[k]
        for k in range(classes):
            out[k] /= total


_softmax_compiled = compile_loop(_softmax)
_vote_compiled = compile_loop(_vote)
_settle_compiled = compile_loop(_settle)
#: Take the rows from `first` on into the scores and posteriors of their tasks. worker: ids; index: where those of the
#: new rows are found in `coin` (w,) and `cell` (w * k, k). before: the row of the same task that came before each, -1
#: for none. gold: class of each task, -1 where it is not known. workers: how many distinct ones answered each task.
take = compile_loop(_take)
