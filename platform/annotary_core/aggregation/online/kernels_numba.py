"""Compiled loop that adds answers to the log scores of their tasks one by one; see posteriors.py. Needs numba."""

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


def _add_vote(
    one_coin_scores: FloatArray,
    confusion_scores: FloatArray,
    log_odds: float,
    log_theta: FloatArray,
    label: int,
    fraction: float,
) -> None:
    """Add a fraction of a vote for the label to the two score vectors of a task."""
    one_coin_scores[label] += fraction * log_odds
    for k in range(len(log_theta)):
        confusion_scores[k] += fraction * log_theta[k]


def _add_answers(
    first: int,
    task: IntArray,
    worker: IntArray,
    index: IntArray,
    label: IntArray,
    previous: IntArray,
    log_odds: FloatArray,
    log_theta: FloatArray,
    gold: IntArray,
    blend: float,
    error_correlation: float,
    n: IntArray,
    one_coin_scores: FloatArray,
    confusion_scores: FloatArray,
    posterior: FloatArray,
) -> None:
    classes = one_coin_scores.shape[1]
    for row in range(first, len(task)):
        t, voted, w = task[row], label[row], index[row - first]
        repeats = 0
        earlier = previous[row]
        while earlier >= 0:
            repeats += worker[earlier] == worker[row]
            earlier = previous[earlier]
        if repeats == 0:
            n[t] += 1
        else:
            # The r earlier rows had 1 / r of a vote each; with this one they have 1 / (r + 1).
            change = 1.0 / (repeats + 1) - 1.0 / repeats
            earlier = previous[row]
            while earlier >= 0:
                if worker[earlier] == worker[row]:
                    earlier_label = label[earlier]
                    _add_vote_compiled(
                        one_coin_scores[t],
                        confusion_scores[t],
                        log_odds[w],
                        log_theta[w * classes + earlier_label],
                        earlier_label,
                        change,
                    )
                earlier = previous[earlier]
        fraction = 1.0 / (repeats + 1)
        _add_vote_compiled(
            one_coin_scores[t], confusion_scores[t], log_odds[w], log_theta[w * classes + voted], voted, fraction
        )
        _update_posterior_compiled(
            one_coin_scores[t], confusion_scores[t], gold[t], blend, 1 + (n[t] - 1) * error_correlation, posterior[t]
        )


def _update_posterior(
    one_coin_scores: FloatArray,
    confusion_scores: FloatArray,
    gold: int,
    blend: float,
    design_effect: float,
    out: FloatArray,
) -> None:
    """Compute a task's posterior from its two score vectors: the softmax of each, mixed, then tempered."""
    classes = len(out)
    if gold >= 0:
        for k in range(classes):
            out[k] = 0.0
        out[gold] = 1.0
        return
    _softmax_compiled(one_coin_scores, out)
    if blend > 0:
        top = confusion_scores[0]
        for k in range(1, classes):
            top = max(top, confusion_scores[k])
        total = 0.0
        for k in range(classes):
            total += exp(confusion_scores[k] - top)
        for k in range(classes):
            out[k] += blend * (exp(confusion_scores[k] - top) / total - out[k])
    if design_effect > 1:
        highest = out[0]
        for k in range(1, classes):
            highest = max(highest, out[k])
        total = 0.0
        for k in range(classes):
            out[k] = exp(log(out[k] / highest) / design_effect) if out[k] > 0 else 0.0
            total += out[k]
        for k in range(classes):
            out[k] /= total


_softmax_compiled = compile_loop(_softmax)
_add_vote_compiled = compile_loop(_add_vote)
_update_posterior_compiled = compile_loop(_update_posterior)
#: Add the rows from `first` on to the scores and posteriors of their tasks. worker: ids. index: worker index of the new
#: rows into `log_odds` (w,) and `log_theta` (w * k, k). previous: the previous row of the same task, -1 if none. gold:
#: true class of each task, -1 if unknown. n: number of distinct workers who answered each task.
add_answers = compile_loop(_add_answers)
