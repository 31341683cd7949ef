"""Calibration of posteriors: reliability curve, expected calibration error, Brier score, log loss.

Measured on tasks whose true class is known from gold or reviews. The method must not have seen this ground truth: a
clamped gold task has confidence 1 and is trivially right, so fit without it, or evaluate on reviews.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Consensus
from annotary_core.labels.arrays import FloatArray, IntArray

#: Lower bound of p(truth) in the log loss, which a single task could otherwise make infinite.
MIN_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Reliability:
    """The reliability curve, in columns of shape (b,) over the non-empty bins.

    low, high: bounds of the bin. n: its tasks. confidence: mean confidence. right: share of right labels.
    """

    low: FloatArray
    high: FloatArray
    n: IntArray
    confidence: FloatArray
    right: FloatArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration measures; all nan if no task is evaluated.

    n: evaluated tasks. accuracy: share right. confidence: mean confidence; above accuracy is overconfident. error:
    expected calibration error, the mean over tasks of the gap between confidence and share right in their bin (Naeini,
    Cooper, Hauskrecht 2015). brier: mean of the sum over classes of (p - truth)², 0 to 2 (Brier 1950). log_loss: mean
    of -ln p(truth), in nats, with p at least MIN_PROBABILITY.
    """

    n: int
    accuracy: float
    confidence: float
    error: float
    brier: float
    log_loss: float
    curve: Reliability


def calibrate(result: Consensus, truth: Mapping[int, int], *, bins: int = 10) -> Calibration:
    """Compare the posteriors with the ground truth, task -> class; tasks without either are skipped.

    bins: of equal width over 0 to 1; a confidence on a border belongs to the lower bin, so that 1 has a bin.
    """
    known = np.fromiter(truth.keys(), np.int64, len(truth))
    order = np.argsort(known)
    known, right_class = known[order], np.fromiter(truth.values(), np.int64, len(truth))[order]
    kept = np.flatnonzero(np.isin(result.task, known))
    if not len(kept):
        none = np.empty(0)
        curve = Reliability(none, none, np.empty(0, np.int64), none, none)
        nan = float("nan")
        return Calibration(n=0, accuracy=nan, confidence=nan, error=nan, brier=nan, log_loss=nan, curve=curve)
    true = right_class[np.searchsorted(known, result.task[kept])]
    confidence, right = result.confidence[kept], (result.label[kept] == true).astype(np.float64)
    p_true, squares = _truth_posterior(result, kept, true)
    curve = _curve(confidence, right, bins)
    return Calibration(
        n=len(kept),
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        error=float(np.average(np.abs(curve.confidence - curve.right), weights=curve.n)),
        brier=float(np.mean(squares - p_true**2 + (1 - p_true) ** 2)),
        log_loss=float(-np.log(np.clip(p_true, MIN_PROBABILITY, 1.0)).mean()),
        curve=curve,
    )


def _truth_posterior(result: Consensus, kept: IntArray, true: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the posterior of the truth, and the sum of squares of the posterior, for each evaluated task."""
    size = len(result.task)
    index = np.repeat(np.arange(size), np.diff(result.posteriors.start))
    truth, evaluated = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    truth[kept], evaluated[kept] = true, True
    hit = evaluated[index] & (result.posteriors.label == truth[index])
    p = np.zeros(size)
    p[index[hit]] = result.posteriors.p[hit]
    squares = np.bincount(index, result.posteriors.p**2, minlength=size).astype(np.float64)
    return p[kept], squares[kept]


def _curve(confidence: FloatArray, right: FloatArray, bins: int) -> Reliability:
    edges = np.linspace(0.0, 1.0, bins + 1)
    # Rounding errors must not move a confidence across a border.
    bin_index = np.clip(np.searchsorted(edges, np.round(confidence, 12), side="left") - 1, 0, bins - 1)
    n = np.bincount(bin_index, minlength=bins)
    non_empty = n > 0
    return Reliability(
        low=edges[:-1][non_empty],
        high=edges[1:][non_empty],
        n=n[non_empty].astype(np.int64),
        confidence=np.bincount(bin_index, confidence, minlength=bins)[non_empty] / n[non_empty],
        right=np.bincount(bin_index, right, minlength=bins)[non_empty] / n[non_empty],
    )
