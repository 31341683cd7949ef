"""STAPLE-style EM over pixels: object probabilities, and each worker's sensitivity and specificity.

Runs in log space on vote patterns. Model (Warfield, Zou and Wells 2004, "Simultaneous truth and performance level
estimation"): a pixel of cluster c is object with probability f_c; worker w marks an object pixel with probability a_w
and leaves a background pixel unmarked with probability b_w, independently. Three things differ.

- The rates belong to the worker, not to a worker and an image, and share a Beta prior whose mean is estimated from the
  crowd: rates from a single image are unstable.
- A cluster counts as at most EFFECTIVE_PIXELS pixels. Pixels are not independent, although the model assumes it: ten
  thousand pixels that one worker got wrong are one mistake, and a large object must not outweigh the small ones.
- Only pixels near the outline count, that of the majority or of gold (OUTLINE_REACH). No worker errs far inside or far
  outside, so with all pixels even a worker who always draws too large seems accurate, and the rates would depend on how
  much background the window contains (compare the consensus region of Asman and Landman 2011, "Robust statistical label
  fusion through consensus level, labeler accuracy and truth estimation"). Far pixels still get a posterior.

EM starts from the rates implied by gold and history, all other workers being equal.

All pixels of a cluster with the same votes have the same posterior, so one row with a pixel count represents them. This
changes no result and reduces 40,000 pixels to a handful of rows. The objective (`PixelFit.objective`) is

    sum_rows weight * log( f prod_w p(vote | object)^trust + (1 - f) prod_w p(vote | background)^trust )
    + log of the priors of f, of the workers' rates given the crowd's mean, and of that mean,

and each iteration increases it: the E-step is exact, the M-step maximizes first f and the rates, then the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, zeta

from annotary_core.aggregation.objects.pixel_rates import START_MEAN, PixelRates, right_rates
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Maximum effective pixels of a cluster.
EFFECTIVE_PIXELS = 100.0
#: Pixels count up to this distance from the outline, as a share of the square root of the object's area.
OUTLINE_REACH = 0.1
#: Weight of a gold cluster relative to the others. With equal weight, a few gold clusters are outweighed by the many in
#: which a majority makes the same error (measured; Nigam et al. 2000 down-weight unlabeled documents for this reason).
GOLD_WEIGHT = 20.0
#: Effective pixels behind START_MEAN, the prior of the crowd's mean.
_MEAN_STRENGTH = 20.0
#: The prior of a cluster's share of object pixels is Beta(1 + this, 1 + this): near an outline it is about one half.
#: With a flat prior, the consensus of three equal workers on a small object degenerates to the intersection (measured).
_SHARE_PRIOR = 20.0
_MAX_ITERATIONS = 200
#: Maximum Newton steps for the crowd's mean; a handful suffice.
_MAX_NEWTON_STEPS = 60
#: EM ends when an iteration gains less than this per effective pixel.
_MIN_GAIN = 1e-8


@dataclass(frozen=True, slots=True)
class PatternRows:
    """Vote patterns of all clusters in columns: r rows, e votes.

    cluster: index of each row's cluster, ascending, shape (r,). weight: effective pixels of the row. known: 1 object,
    0 background, -1 unknown. first: index of each row's first vote, shape (r,); every row has at least one. worker,
    vote, trust: of each vote, shape (e,); worker is an index into `workers`.
    """

    cluster: IntArray
    weight: FloatArray
    known: IntArray
    first: IntArray
    worker: IntArray
    vote: BoolArray
    trust: FloatArray
    workers: IntArray
    clusters: int

    @property
    def of_vote(self) -> IntArray:
        """The row of each vote."""
        return np.repeat(np.arange(len(self.first)), np.diff(np.append(self.first, len(self.worker))))


@dataclass(frozen=True, slots=True)
class PixelFit:
    """Result of EM. p: object probability of each row. objective: its value after each iteration."""

    p: FloatArray
    rates: PixelRates
    objective: FloatArray


def fit_patterns(rows: PatternRows, history: PixelRates, *, learn: bool = True) -> PixelFit:
    """Run EM to convergence. `history` enters every iteration as counts; without `learn` its rates stay fixed."""
    return _EM(rows, history, learn).run()


class _EM:
    """One fit: the current parameters and the constants of all iterations."""

    def __init__(self, rows: PatternRows, history: PixelRates, learn: bool) -> None:
        self.rows, self.history, self.learn = rows, history, learn
        self.of_vote = rows.of_vote
        # Votes are binned by worker and vote; log probabilities are looked up by bin.
        self.bin = 2 * rows.worker + rows.vote
        self.history_counts = history.counts_of(rows.workers)
        self.mean = history.mean
        self.counts = self.history_counts
        if learn:
            foreground, background = (rows.weight * (rows.known == truth) for truth in (1, 0))
            self.counts = self.history_counts + self._votes_by_truth(foreground, background)
        self.right = right_rates(self.counts, self.mean, history.strength)
        self.share = np.full(rows.clusters, 0.5)
        self.total = np.bincount(rows.cluster, rows.weight, rows.clusters)

    def run(self) -> PixelFit:
        objective: list[float] = []
        min_gain = _MIN_GAIN * (1.0 + self.rows.weight.sum())
        while True:
            p, value = self._expect()
            objective.append(value)
            if (
                not len(p)
                or len(objective) == _MAX_ITERATIONS
                or (len(objective) > 1 and objective[-1] - objective[-2] < min_gain)
            ):
                return self._result(p, objective)
            self._maximize(p)

    def _result(self, p: FloatArray, objective: list[float]) -> PixelFit:
        rates = PixelRates(self.rows.workers, self.counts, self.mean, self.history.strength)
        return PixelFit(p=p, rates=rates, objective=np.array(objective))

    def _votes_by_truth(self, foreground: FloatArray, background: FloatArray) -> FloatArray:
        """Return effective pixels by worker, truth and vote, shape (w, 2, 2), from those of each row."""
        size = 2 * len(self.rows.workers)
        parts = [np.bincount(self.bin, self.rows.trust * part[self.of_vote], size) for part in (background, foreground)]
        return np.stack([part.reshape(-1, 2) for part in parts], axis=1)

    def _expect(self) -> tuple[FloatArray, float]:
        rows = self.rows
        log_right, log_wrong = np.log(self.right), np.log1p(-self.right)
        background = np.log1p(-self.share)[rows.cluster]
        foreground = np.log(self.share)[rows.cluster]
        if len(rows.first):
            by_vote = np.stack([log_right[:, 0], log_wrong[:, 0]], axis=1).ravel()
            background = background + np.add.reduceat(rows.trust * by_vote[self.bin], rows.first)
            by_vote = np.stack([log_wrong[:, 1], log_right[:, 1]], axis=1).ravel()
            foreground = foreground + np.add.reduceat(rows.trust * by_vote[self.bin], rows.first)
        # Gold leaves only one of the two alternatives.
        foreground = np.where(rows.known == 0, -np.inf, foreground)
        background = np.where(rows.known == 1, -np.inf, background)
        log_total = np.logaddexp(foreground, background)
        return np.exp(foreground - log_total), float(rows.weight @ log_total) + self._log_priors(log_right, log_wrong)

    def _log_priors(self, log_right: FloatArray, log_wrong: FloatArray) -> float:
        value = _SHARE_PRIOR * float(np.log(self.share).sum() + np.log1p(-self.share).sum())
        if not self.learn:
            return value
        strength, mean = self.history.strength, self.mean
        hits = self.history_counts[:, [0, 1], [0, 1]]
        misses = self.history_counts.sum(axis=2) - hits
        value += float(((strength * mean + hits) * log_right + (strength * (1 - mean) + misses) * log_wrong).sum())
        value -= len(self.right) * float(betaln(strength * mean + 1, strength * (1 - mean) + 1).sum())
        hyper = START_MEAN * np.log(mean) + (1 - START_MEAN) * np.log1p(-mean)
        return value + _MEAN_STRENGTH * float(hyper.sum())

    def _maximize(self, p: FloatArray) -> None:
        rows = self.rows
        foreground = rows.weight * p
        self.share = (np.bincount(rows.cluster, foreground, rows.clusters) + _SHARE_PRIOR) / (
            self.total + 2 * _SHARE_PRIOR
        )
        if not self.learn:
            return
        self.counts = self.history_counts + self._votes_by_truth(foreground, rows.weight - foreground)
        self.right = right_rates(self.counts, self.mean, self.history.strength)
        self.mean = _most_probable_mean(self.mean, self.right, self.history.strength)


def _most_probable_mean(mean: FloatArray, right: FloatArray, strength: float) -> FloatArray:
    """Return the crowd's mean that maximizes the probability of the workers' rates, shape (2,).

    Newton's method from the current mean. The log-likelihood is concave in it, so the sign of its slope brackets the
    maximum, and a step that leaves the bracket is replaced by bisection.
    """
    evidence = strength * (np.log(right) - np.log1p(-right)).sum(axis=0)
    weight = len(right) * strength
    low, high = np.zeros(2), np.ones(2)
    for _ in range(_MAX_NEWTON_STEPS):
        alpha, beta = strength * mean + 1, strength * (1 - mean) + 1
        slope = evidence - weight * (digamma(alpha) - digamma(beta))
        slope += _MEAN_STRENGTH * (START_MEAN / mean - (1 - START_MEAN) / (1 - mean))
        curvature = weight * strength * (zeta(2, alpha) + zeta(2, beta))
        curvature += _MEAN_STRENGTH * (START_MEAN / mean**2 + (1 - START_MEAN) / (1 - mean) ** 2)
        low, high = np.where(slope > 0, mean, low), np.where(slope > 0, high, mean)
        candidate = mean + slope / curvature
        candidate = np.where((candidate > low) & (candidate < high), candidate, (low + high) / 2)
        if np.abs(candidate - mean).max() < 1e-12:
            break
        mean = candidate
    return mean
