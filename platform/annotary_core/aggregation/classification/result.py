"""From the posteriors of a fit to the consensus: classes chosen, ties drawn, probabilities made sparse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.base import Consensus, Posteriors
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.classification.tie_breaking import drawn, lots
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Probabilities below this are left out; what is left of a task is scaled to sum to 1.
LEAST = 1e-12


def outcome(coded: Coded, posterior: FloatArray, skill: FloatArray, *, seed: int) -> Consensus:
    """What the posteriors, shape (t, k), say of each task; classes within majority.EPSILON of the top are tied.

    skill: share of right answers of each worker, shape (w,).
    """
    top = np.ascontiguousarray(posterior.T).max(axis=0, initial=0.0)
    _, of_task, column = _cells(posterior >= (top - EPSILON)[:, None])
    candidates = np.bincount(of_task, minlength=len(posterior))
    chosen = column[np.cumsum(candidates) - candidates]
    tied = candidates > 1
    if tied.any():
        open_still = tied[of_task]
        chosen[tied] = _draw(coded, tied, of_task[open_still], column[open_still], seed=seed)
    posteriors, total = _sparse(posterior, coded.classes)
    return Consensus(
        task=coded.tasks,
        label=coded.classes[chosen],
        confidence=posterior[np.arange(len(chosen)), chosen] / total,
        n=coded.n,
        tied=tied,
        posteriors=posteriors,
        workers=coded.workers,
        skill=skill,
    )


def expected_skill(log_theta: FloatArray, log_class_prior: FloatArray) -> FloatArray:
    """Share of right answers of each worker over tasks of the project's mix of classes, shape (w,)."""
    right = np.exp(np.einsum("wkk->wk", log_theta))
    return np.asarray(right @ np.exp(log_class_prior), np.float64)


def _draw(coded: Coded, tied: BoolArray, of_task: IntArray, column: IntArray, *, seed: int) -> IntArray:
    """The column drawn for each tied task; of_task, column: its candidates, shape (c,), sorted."""
    classes = len(coded.classes)
    row = np.flatnonzero(np.repeat(tied, np.diff(coded.start)))
    task, cell = coded.task[row].astype(np.int64), coded.cell[row]
    lot = lots(coded.tasks[task], coded.workers[cell // classes], seed=seed)
    candidate, voted = of_task * classes + column, task * classes + cell % classes
    at = np.minimum(np.searchsorted(candidate, voted), len(candidate) - 1)
    hits = candidate[at] == voted
    # A class that nobody named comes after those that somebody did, with a number of the task's own.
    of_nobody = lots(coded.tasks[of_task], np.zeros_like(of_task), seed=seed)
    lowest: NDArray[np.uint64] = np.iinfo(np.uint64).max - (of_nobody >> np.uint64(32))
    np.minimum.at(lowest, at[hits], lot[hits])
    start = np.searchsorted(of_task, np.flatnonzero(tied))
    every = np.ones(len(candidate), np.bool_)
    return column[drawn(of_task, lowest, coded.classes[column], every, start, seed=seed)]


def _sparse(posterior: FloatArray, classes: IntArray) -> tuple[Posteriors, FloatArray]:
    """The posteriors without what is negligible, and the sum of what was left, shape (t,)."""
    at, of_task, column = _cells(posterior >= LEAST)
    entries = np.bincount(of_task, minlength=len(posterior))
    start = np.concatenate([[0], np.cumsum(entries)]).astype(np.int64)
    p = posterior.reshape(-1)[at]
    total: FloatArray = np.bincount(of_task, p, minlength=len(posterior)).astype(np.float64)
    return Posteriors(start=start, label=classes[column], p=p / total[of_task]), total


def _cells(mask: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """Flat index, row and column of each true cell, in order; faster than np.nonzero."""
    at = np.flatnonzero(mask)
    row = at // max(mask.shape[1], 1)
    return at, row, at - row * mask.shape[1]
