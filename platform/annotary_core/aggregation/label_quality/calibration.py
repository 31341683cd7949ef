"""Whether a posterior of .9 is right nine times in ten: reliability curve, calibration error, Brier score, log loss.

Judged on tasks whose true class is known, from gold or from reviews. The method must not have seen these truths: a gold
task that was clamped has confidence 1 and is right by itself, so fit without it, or judge by reviews.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Consensus
from annotary_core.labels.arrays import FloatArray, IntArray

#: A truth that was given less counts as this in the log loss, which would otherwise be infinite after one such task.
LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Reliability:
    """The curve, in columns of shape (b,) over the bins that hold a task: bounds, tasks in it, mean confidence, share
    right.
    """

    low: FloatArray
    high: FloatArray
    n: IntArray
    confidence: FloatArray
    right: FloatArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """n: tasks judged. accuracy: share right. confidence: mean confidence; above accuracy is over-confident.

    error: expected calibration error, the mean over tasks of the gap between confidence and share right in their bin
    (Naeini, Cooper, Hauskrecht 2015). brier: mean of sum over classes of (p - truth)², 0 to 2 (Brier 1950). log_loss:
    mean of -ln p(truth), in nats, p at least LEAST. All nan when no task is judged.
    """

    n: int
    accuracy: float
    confidence: float
    error: float
    brier: float
    log_loss: float
    curve: Reliability


def calibrate(result: Consensus, truth: Mapping[int, int], *, bins: int = 10) -> Calibration:
    """The posteriors against the truth, task -> class; tasks on one side alone are left out.

    bins: of equal width over 0 to 1; a confidence on a border belongs to the lower bin, so that 1 has a place.
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
    p_true, squares = _of_truth(result, kept, true)
    curve = _curve(confidence, right, bins)
    return Calibration(
        n=len(kept),
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        error=float(np.average(np.abs(curve.confidence - curve.right), weights=curve.n)),
        brier=float(np.mean(squares - p_true**2 + (1 - p_true) ** 2)),
        log_loss=float(-np.log(np.clip(p_true, LEAST, 1.0)).mean()),
        curve=curve,
    )


def _of_truth(result: Consensus, kept: IntArray, true: IntArray) -> tuple[FloatArray, FloatArray]:
    """The posterior of the truth, and the sum of squares of the posterior, of each task judged."""
    size = len(result.task)
    index = np.repeat(np.arange(size), np.diff(result.posteriors.start))
    truth, judged = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    truth[kept], judged[kept] = true, True
    hit = judged[index] & (result.posteriors.label == truth[index])
    p = np.zeros(size)
    p[index[hit]] = result.posteriors.p[hit]
    squares = np.bincount(index, result.posteriors.p**2, minlength=size).astype(np.float64)
    return p[kept], squares[kept]


def _curve(confidence: FloatArray, right: FloatArray, bins: int) -> Reliability:
    edges = np.linspace(0.0, 1.0, bins + 1)
    # Dust must not move a confidence across a border.
    place = np.clip(np.searchsorted(edges, np.round(confidence, 12), side="left") - 1, 0, bins - 1)
    n = np.bincount(place, minlength=bins)
    some = n > 0
    return Reliability(
        low=edges[:-1][some],
        high=edges[1:][some],
        n=n[some].astype(np.int64),
        confidence=np.bincount(place, confidence, minlength=bins)[some] / n[some],
        right=np.bincount(place, right, minlength=bins)[some] / n[some],
    )
