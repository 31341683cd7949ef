"""Turn the posteriors of a fit into a consensus: choose classes, break ties, make the probabilities sparse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.base import Consensus, Posteriors
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.classification.votes import break_ties, tie_hash
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Probabilities below this are dropped; the rest of a task is rescaled to sum to 1.
MIN_PROBABILITY = 1e-12


def consensus_from_posteriors(
    encoded: EncodedAnswers, posterior: FloatArray, skill: FloatArray, *, seed: int
) -> Consensus:
    """The consensus of posteriors of shape (t, k); classes within majority.EPSILON of the highest are tied.

    skill: accuracy of each worker, shape (w,).
    """
    top = np.ascontiguousarray(posterior.T).max(axis=0, initial=0.0)
    _, task_index, column = _nonzero(posterior >= (top - EPSILON)[:, None])
    candidates = np.bincount(task_index, minlength=len(posterior))
    chosen = column[np.cumsum(candidates) - candidates]
    tied = candidates > 1
    if tied.any():
        is_tied = tied[task_index]
        chosen[tied] = _break_ties(encoded, tied, task_index[is_tied], column[is_tied], seed=seed)
    posteriors, total = _sparse(posterior, encoded.classes)
    return Consensus(
        task=encoded.tasks,
        label=encoded.classes[chosen],
        confidence=posterior[np.arange(len(chosen)), chosen] / total,
        n=encoded.n,
        tied=tied,
        posteriors=posteriors,
        workers=encoded.workers,
        skill=skill,
    )


def expected_skill(log_theta: FloatArray, log_class_prior: FloatArray) -> FloatArray:
    """Expected accuracy of each worker under the class frequencies, shape (w,)."""
    correct = np.exp(np.einsum("wkk->wk", log_theta))
    return np.asarray(correct @ np.exp(log_class_prior), np.float64)


def _break_ties(
    encoded: EncodedAnswers, tied: BoolArray, task_index: IntArray, column: IntArray, *, seed: int
) -> IntArray:
    """Break ties: the chosen column of each tied task. task_index, column: its candidates, shape (c,), sorted."""
    classes = len(encoded.classes)
    row = np.flatnonzero(np.repeat(tied, np.diff(encoded.start)))
    task, cell = encoded.task[row].astype(np.int64), encoded.cell[row]
    vote_hash = tie_hash(encoded.tasks[task], encoded.workers[cell // classes], seed=seed)
    candidate, voted = task_index * classes + column, task * classes + cell % classes
    index = np.minimum(np.searchsorted(candidate, voted), len(candidate) - 1)
    hits = candidate[index] == voted
    # Classes without a vote come after those with one, with a hash that depends on the task alone.
    unvoted_hash = tie_hash(encoded.tasks[task_index], np.zeros_like(task_index), seed=seed)
    lowest: NDArray[np.uint64] = np.iinfo(np.uint64).max - (unvoted_hash >> np.uint64(32))
    np.minimum.at(lowest, index[hits], vote_hash[hits])
    start = np.searchsorted(task_index, np.flatnonzero(tied))
    may_win = np.ones(len(candidate), np.bool_)
    return column[break_ties(task_index, lowest, encoded.classes[column], may_win, start, seed=seed)]


def _sparse(posterior: FloatArray, classes: IntArray) -> tuple[Posteriors, FloatArray]:
    """The posteriors without negligible entries, and the sum of the remaining ones, shape (t,)."""
    index, task_index, column = _nonzero(posterior >= MIN_PROBABILITY)
    entries = np.bincount(task_index, minlength=len(posterior))
    start = np.concatenate([[0], np.cumsum(entries)]).astype(np.int64)
    p = posterior.reshape(-1)[index]
    total: FloatArray = np.bincount(task_index, p, minlength=len(posterior)).astype(np.float64)
    return Posteriors(start=start, label=classes[column], p=p / total[task_index]), total


def _nonzero(mask: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """Flat index, row and column of each true entry, in order; faster than np.nonzero."""
    index = np.flatnonzero(mask)
    row = index // max(mask.shape[1], 1)
    return index, row, index - row * mask.shape[1]
