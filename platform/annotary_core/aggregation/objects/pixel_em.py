"""Pixel by pixel: what is object, and how reliably does each worker tell (EM in log space, on vote patterns).

Model (Warfield, Zou and Wells 2004, "Simultaneous truth and performance level estimation"): a pixel of cluster c is
object with probability f_c; worker w marks an object pixel with probability a_w and leaves a pixel beside unmarked with
probability b_w, independently. Three things differ.

- The rates belong to the worker, not to worker and image, and share a Beta prior whose mean is learnt from the crowd:
  rates from one image alone are unstable.
- A cluster counts as at most EFFECTIVE pixels. Pixels are not independent, whatever the model says: ten thousand that
  one worker got wrong are one mistake, and a large object must not drown the small ones.
- Only pixels near the outline count, that of the majority or the known one (REACH). Nobody errs far inside or far
  outside, so with all pixels even he who always draws too large seems right, and the rates would depend on how much
  background the window happens to hold (compare the consensus region of Asman and Landman 2011, "Robust statistical
  label fusion through consensus level, labeler accuracy and truth estimation"). Far pixels still get their posterior.

EM starts from what gold and history say of the workers, all others being equal.

All pixels of a cluster with the same votes have the same posterior, so one row stands for them, with their number.
This changes no result and turns 40,000 pixels into a handful of rows. The objective (`Fit.bound`) is

    sum_rows weight * log( f prod_w p(vote | object)^trust + (1 - f) prod_w p(vote | beside)^trust )
    + log of the priors of f, of the workers' rates given the crowd's mean, and of that mean,

and each round raises it: the E-step is exact, the M-step maximises first f and the rates, then the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, zeta

from annotary_core.aggregation.objects.pixel_rates import START_MEAN, PixelRates, right_rates
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: What a cluster counts at most.
EFFECTIVE = 100.0
#: Pixels count this far from the outline, as a share of the root of the object's area.
REACH = 0.1
#: A cluster whose truth is known counts as so many others. With equal weight, a few known ones are drowned by the many
#: in which a majority errs alike (measured; Nigam et al. 2000 weigh unlabelled documents down for the same reason).
CERTAIN = 20.0
#: Effective pixels that speak for START_MEAN when the crowd's mean is learnt.
_MEAN_STRENGTH = 20.0
#: The prior of a cluster's share of object pixels is Beta(1 + this, 1 + this): near an outline it is about a half.
#: With a flat prior three equal workers on a small object end with the pixels that all of them marked (measured).
_SHARE_COUNT = 20.0
_ROUNDS = 200
#: Steps towards the crowd's mean, of which a handful are needed.
_STEPS = 60
#: Ends when a round gains less than this for each effective pixel.
_GAIN = 1e-8


@dataclass(frozen=True, slots=True)
class Rows:
    """Vote patterns of all clusters in columns: r rows, e votes.

    cluster: index of each row's cluster, ascending, shape (r,). weight: effective pixels of the row. known: 1 object,
    0 beside, -1 not known. first: where the votes of each row begin, shape (r,); every row has one at least. worker,
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
class Fit:
    """p: probability of object for each row. bound: the objective after each round."""

    p: FloatArray
    rates: PixelRates
    bound: FloatArray


def fit_rows(rows: Rows, history: PixelRates, *, learn: bool = True) -> Fit:
    """Runs EM to its end. `history` enters every round as counts; without `learn` the rates stay what it says."""
    return _Run(rows, history, learn).to_end()


class _Run:
    """One fit: the current parameters and what is the same in every round."""

    def __init__(self, rows: Rows, history: PixelRates, learn: bool) -> None:
        self.rows, self.history, self.learn = rows, history, learn
        self.of_vote = rows.of_vote
        # Votes fall into bins of worker and vote; the logarithms are looked up there.
        self.bin = 2 * rows.worker + rows.vote
        self.past = history.counts_of(rows.workers)
        self.mean = history.mean
        self.counts = self.past
        if learn:
            on, beside = (rows.weight * (rows.known == truth) for truth in (1, 0))
            self.counts = self.past + self._votes_by_truth(on, beside)
        self.right = right_rates(self.counts, self.mean, history.strength)
        self.share = np.full(rows.clusters, 0.5)
        self.total = np.bincount(rows.cluster, rows.weight, rows.clusters)

    def to_end(self) -> Fit:
        bound: list[float] = []
        small = _GAIN * (1.0 + self.rows.weight.sum())
        while True:
            p, objective = self._expect()
            bound.append(objective)
            if not len(p) or len(bound) == _ROUNDS or (len(bound) > 1 and bound[-1] - bound[-2] < small):
                return self._result(p, bound)
            self._maximise(p)

    def _result(self, p: FloatArray, bound: list[float]) -> Fit:
        rates = PixelRates(self.rows.workers, self.counts, self.mean, self.history.strength)
        return Fit(p=p, rates=rates, bound=np.array(bound))

    def _votes_by_truth(self, on: FloatArray, beside: FloatArray) -> FloatArray:
        """Effective pixels of each worker by truth and vote, shape (w, 2, 2), from those of each row."""
        size = 2 * len(self.rows.workers)
        parts = [np.bincount(self.bin, self.rows.trust * part[self.of_vote], size) for part in (beside, on)]
        return np.stack([part.reshape(-1, 2) for part in parts], axis=1)

    def _expect(self) -> tuple[FloatArray, float]:
        rows = self.rows
        log_right, log_wrong = np.log(self.right), np.log1p(-self.right)
        beside = np.log1p(-self.share)[rows.cluster]
        on = np.log(self.share)[rows.cluster]
        if len(rows.first):
            by_vote = np.stack([log_right[:, 0], log_wrong[:, 0]], axis=1).ravel()
            beside = beside + np.add.reduceat(rows.trust * by_vote[self.bin], rows.first)
            by_vote = np.stack([log_wrong[:, 1], log_right[:, 1]], axis=1).ravel()
            on = on + np.add.reduceat(rows.trust * by_vote[self.bin], rows.first)
        # What is known for certain leaves one of the two ways.
        on = np.where(rows.known == 0, -np.inf, on)
        beside = np.where(rows.known == 1, -np.inf, beside)
        both = np.logaddexp(on, beside)
        return np.exp(on - both), float(rows.weight @ both) + self._log_priors(log_right, log_wrong)

    def _log_priors(self, log_right: FloatArray, log_wrong: FloatArray) -> float:
        value = _SHARE_COUNT * float(np.log(self.share).sum() + np.log1p(-self.share).sum())
        if not self.learn:
            return value
        strength, mean = self.history.strength, self.mean
        hits = self.past[:, [0, 1], [0, 1]]
        misses = self.past.sum(axis=2) - hits
        value += float(((strength * mean + hits) * log_right + (strength * (1 - mean) + misses) * log_wrong).sum())
        value -= len(self.right) * float(betaln(strength * mean + 1, strength * (1 - mean) + 1).sum())
        hyper = START_MEAN * np.log(mean) + (1 - START_MEAN) * np.log1p(-mean)
        return value + _MEAN_STRENGTH * float(hyper.sum())

    def _maximise(self, p: FloatArray) -> None:
        rows = self.rows
        on = rows.weight * p
        self.share = (np.bincount(rows.cluster, on, rows.clusters) + _SHARE_COUNT) / (self.total + 2 * _SHARE_COUNT)
        if not self.learn:
            return
        self.counts = self.past + self._votes_by_truth(on, rows.weight - on)
        self.right = right_rates(self.counts, self.mean, self.history.strength)
        self.mean = _best_mean(self.mean, self.right, self.history.strength)


def _best_mean(mean: FloatArray, right: FloatArray, strength: float) -> FloatArray:
    """The crowd's mean that makes the workers' rates most probable, shape (2,).

    Newton's method from the mean so far. The log-likelihood is concave in it, so its slope tells the side of the best,
    and a step that leaves the bracket is replaced by halving it.
    """
    pull = strength * (np.log(right) - np.log1p(-right)).sum(axis=0)
    weight = len(right) * strength
    low, high = np.zeros(2), np.ones(2)
    for _ in range(_STEPS):
        up, down = strength * mean + 1, strength * (1 - mean) + 1
        slope = pull - weight * (digamma(up) - digamma(down))
        slope += _MEAN_STRENGTH * (START_MEAN / mean - (1 - START_MEAN) / (1 - mean))
        bend = weight * strength * (zeta(2, up) + zeta(2, down))
        bend += _MEAN_STRENGTH * (START_MEAN / mean**2 + (1 - START_MEAN) / (1 - mean) ** 2)
        low, high = np.where(slope > 0, mean, low), np.where(slope > 0, high, mean)
        ahead = mean + slope / bend
        ahead = np.where((ahead > low) & (ahead < high), ahead, (low + high) / 2)
        if np.abs(ahead - mean).max() < 1e-12:
            break
        mean = ahead
    return mean
