"""The posterior that an object exists where some observers drew it and others did not.

The model. True objects differ in difficulty, and workers in ability: worker w draws an object of difficulty d with
probability sigma(ability_w - d) (Rasch 1960), the difficulty being the same for all workers. Each worker also draws
false positives, `false_rate` of them per true object in the tasks the worker saw; another observer of the task draws
the same false positive with mean probability `echo`. The odds of true to false for a cluster that k of n observers
drew are then

    sum_d share_d prod_drew sigma prod_silent (1 - sigma)   :   mean_drew(false_rate) E[e^(k-1) (1 - e)^(n-k)],

where e is Beta distributed around `echo`, because some false positives are more tempting than others. (With a single
e, a hundred non-detections would be evidence for a box drawn by one worker: a false one would have been echoed.)

What can be estimated without gold. A single cluster cannot distinguish "hard to see" from "false": both are drawn by
one worker only, and a plain two-class model calls every such box false (on CytoCrowd four in five are true). Many
clusters can, as in capture-recapture: difficulty is shared, so the objects drawn by two and three workers predict how
many each worker must draw alone, and only a worker who draws far more than that alone is careless. Priors keep the
false rates low until there is evidence. Gold (tasks whose objects are all known) settles it. See existence_em.py.

Two more facts enter the odds. A worker who drew nothing at all has denied the whole image, which is stronger than
missing one object among many: that non-detection counts BLANK_IMAGE_WEIGHT times. And a cluster that overlaps another
one with entirely different workers may be a duplicate of that object: see `overlap_duplicate_odds`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaln

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Difficulty classes, in logits, and their prior shares.
DIFFICULTIES = np.array([-3.0, -1.5, 0.0, 1.5, 3.0])
DIFFICULTY_SHARES = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
#: Probability that an unknown worker draws an object of medium difficulty.
DETECTION = 0.6
#: False positives per true object of an unknown worker: one box among four observers stays above .5 (CytoCrowd: .82).
FALSE_RATE = 0.04
ECHO = 0.1
#: Concentration of the echo's Beta distribution, the sum of its two parameters.
ECHO_CONCENTRATION = 20.0
#: Localization error of unknown workers, as a share of the object's size.
SPREAD = 0.08
#: How many times each non-detection of a worker who drew nothing at all counts.
BLANK_IMAGE_WEIGHT = 3.0
#: Exponent of the overlap, see overlap_duplicate_odds.
_OVERLAP_EXPONENT = 4


@dataclass(frozen=True, slots=True)
class Detections:
    """Detections in columns: cluster i has entries start[i] to start[i + 1], one per observer of its task, never none.

    start: shape (m + 1,). worker, detected, observation_weight, trust: shape (r,). observation_weight: how much a
    non-detection counts, 1 unless the worker drew nothing in the task or is excused; trust: non-negative, may exceed 1,
    used for workers without rates. duplicate_odds: odds that the cluster duplicates a neighbor, shape (m,).
    """

    start: IntArray
    worker: IntArray
    detected: BoolArray
    observation_weight: FloatArray
    trust: FloatArray
    duplicate_odds: FloatArray

    @property
    def index(self) -> IntArray:
        """The cluster of each entry."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def detection_count(self) -> FloatArray:
        """How many workers detected each cluster, shape (m,)."""
        return self.sums(self.detected.astype(np.float64))

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums of shape (m, ...) over the entries of each cluster."""
        if len(self.start) == 1:
            return np.zeros((0, *values.shape[1:]))
        out: FloatArray = np.add.reduceat(values, self.start[:-1], axis=0)
        return out


@dataclass(frozen=True, slots=True)
class DetectionRates:
    """The rates of known workers, with `workers` sorted, shape (w,), and pooled rates for all others.

    detection: probability to draw an object of medium difficulty, shape (w,). false_rate: false positives per true
    object in the tasks seen, shape (w,). pooled_detection, pooled_false_rate: for unknown workers. echo: mean
    probability that another worker draws the same false positive. shares: share of each of DIFFICULTIES, shape (5,).
    spread: localization error of a worker's geometry relative to the consensus, as a share of the object's size, shape
    (w,); drawings: number of objects behind that estimate, shape (w,); both may be empty. pooled_spread: for unknown
    workers.
    """

    workers: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    detection: FloatArray = field(default_factory=lambda: np.empty(0))
    false_rate: FloatArray = field(default_factory=lambda: np.empty(0))
    pooled_detection: float = DETECTION
    pooled_false_rate: float = FALSE_RATE
    echo: float = ECHO
    shares: FloatArray = field(default_factory=DIFFICULTY_SHARES.copy)
    spread: FloatArray = field(default_factory=lambda: np.empty(0))
    drawings: FloatArray = field(default_factory=lambda: np.empty(0))
    pooled_spread: float = SPREAD

    def __post_init__(self) -> None:
        if not len(self.spread):
            object.__setattr__(self, "spread", np.full(len(self.workers), self.pooled_spread))
            object.__setattr__(self, "drawings", np.zeros(len(self.workers)))
        if not len(self.workers) == len(self.spread) == len(self.drawings):
            raise ValueError("The columns workers, spread and drawings must have the same length.")
        if not len(self.workers) == len(self.detection) == len(self.false_rate):
            raise ValueError("The columns workers, detection and false_rate must have the same length.")
        if (np.diff(self.workers) <= 0).any():
            raise ValueError("The workers must be sorted and unique.")

    def lookup(self, worker: IntArray) -> tuple[IntArray, BoolArray]:
        """Return the index of each worker in `workers`, and whether the worker is known; both of shape (r,)."""
        index = np.minimum(np.searchsorted(self.workers, worker), max(len(self.workers) - 1, 0))
        known = self.workers[index] == worker if len(self.workers) else np.zeros(len(worker), np.bool_)
        return index, known

    def spreads_of(self, worker: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the spread of each worker and the number of objects behind it (0: pooled); both of shape (r,)."""
        index, known = self.lookup(worker)
        spread, drawings = np.full(len(worker), self.pooled_spread), np.zeros(len(worker))
        spread[known], drawings[known] = self.spread[index[known]], self.drawings[index[known]]
        return spread, drawings

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON with unrounded numbers."""
        return {
            "workers": self.workers.tolist(),
            "detection": self.detection.tolist(),
            "false_rate": self.false_rate.tolist(),
            "pooled_detection": self.pooled_detection,
            "pooled_false_rate": self.pooled_false_rate,
            "echo": self.echo,
            "shares": self.shares.tolist(),
            "spread": self.spread.tolist(),
            "drawings": self.drawings.tolist(),
            "pooled_spread": self.pooled_spread,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | str) -> DetectionRates:
        """Read the output of to_json, as a mapping or as JSON text."""
        data = json.loads(stored) if isinstance(stored, str) else stored
        return cls(
            workers=np.array(data["workers"], np.int64),
            detection=np.array(data["detection"], np.float64),
            false_rate=np.array(data["false_rate"], np.float64),
            pooled_detection=float(data["pooled_detection"]),
            pooled_false_rate=float(data["pooled_false_rate"]),
            echo=float(data["echo"]),
            shares=np.array(data["shares"], np.float64),
            spread=np.array(data["spread"], np.float64),
            drawings=np.array(data["drawings"], np.float64),
            pooled_spread=float(data["pooled_spread"]),
        )


def cluster_existence(
    drawn_by: Collection[int],
    seen_by: Collection[int],
    rates: DetectionRates | None = None,
    *,
    blank: Collection[int] = (),
    trust: Mapping[int, float] | None = None,
    overlap: float = 0.0,
    threshold: float = 0.3,
) -> float:
    """Return the posterior of one cluster, 0 to 1; `seen_by`: all observers, `blank`: those who drew nothing.

    overlap: the largest overlap with a cluster of entirely different workers; threshold: the matching threshold. Raises
    ValueError for a cluster that no worker drew.
    """
    if not drawn_by:
        raise ValueError("Existence is undefined for a cluster that no worker drew.")
    seen = sorted(set(seen_by) | set(drawn_by))
    trusts = np.array([1.0 if trust is None else trust.get(worker, 1.0) for worker in seen])
    cluster = Detections(
        start=np.array([0, len(seen)], np.int64),
        worker=np.array(seen, np.int64),
        detected=np.array([worker in set(drawn_by) for worker in seen], np.bool_),
        observation_weight=np.array([BLANK_IMAGE_WEIGHT if worker in set(blank) else 1.0 for worker in seen]),
        trust=trusts,
        duplicate_odds=overlap_duplicate_odds(np.array([overlap]), threshold=threshold),
    )
    return float(existence(cluster, rates or DetectionRates())[0])


def overlap_duplicate_odds(overlap: FloatArray, *, threshold: float) -> FloatArray:
    """Return the odds that a cluster duplicates a neighbor, from its largest similarity to a cluster of other workers.

    At the matching threshold two drawn objects are by definition as likely one object as two, so the odds are 1 there;
    they fall with the fourth power (on CytoCrowd boxes of a single worker are true in 27 of 100 cases above .3, in 61
    from .2 to .3, in 78 from .1 to .2, in 90 below).
    """
    return (np.asarray(overlap, np.float64) / threshold) ** _OVERLAP_EXPONENT


def existence(detections: Detections, rates: DetectionRates) -> FloatArray:
    """Return the posterior of each cluster, shape (m,); 0 for clusters drawn only by workers with trust 0."""
    detection, false_rate, observation_weight = entry_rates(detections, rates)
    log_detected, log_missed = detection_log_probabilities(logit(detection))
    log_true = np.where(detections.detected[:, None], log_detected, log_missed * observation_weight[:, None])
    true = (rates.shares * np.exp(detections.sums(log_true))).sum(axis=1)
    return posterior(true, false_positive_likelihood(detections, false_rate, rates.echo), detections.duplicate_odds)


def false_positive_likelihood(detections: Detections, false_rate: FloatArray, echo: float) -> FloatArray:
    """Return the likelihood of each cluster as a false positive, per true object, shape (m,)."""
    detection_count = detections.detection_count
    missed_count = np.diff(detections.start) - detection_count
    rate = detections.sums(np.where(detections.detected, false_rate, 0.0)) / np.maximum(detection_count, 1.0)
    mean = min(max(echo, 1e-6), 1 - 1e-6)
    alpha, beta = ECHO_CONCENTRATION * mean, ECHO_CONCENTRATION * (1 - mean)
    log_echo = betaln(alpha + np.maximum(detection_count - 1, 0), beta + missed_count) - betaln(alpha, beta)
    out: FloatArray = rate * np.exp(log_echo)
    return out


def posterior(true: FloatArray, false: FloatArray, duplicate_odds: FloatArray) -> FloatArray:
    """Return true / (true + false + duplicate_odds true); 0 where the denominator is infinite."""
    against = false + duplicate_odds * true
    total = true + against
    return np.divide(true, total, out=np.zeros_like(true), where=np.isfinite(total) & (total > 0))


def entry_rates(detections: Detections, rates: DetectionRates) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return detection, false rate and observation weight of each entry, shape (r,).

    A worker without estimated rates has the pooled ones; trust then scales the false rate and the observation weight.
    """
    index, known = rates.lookup(detections.worker)
    with np.errstate(divide="ignore"):
        false_rate = rates.pooled_false_rate / detections.trust**2
    observation_weight = detections.observation_weight * np.minimum(detections.trust, 1.0)
    detection = np.full(len(known), rates.pooled_detection)
    detection[known], false_rate[known] = rates.detection[index[known]], rates.false_rate[index[known]]
    observation_weight[known] = detections.observation_weight[known]
    return detection, false_rate, observation_weight


def logit(p: FloatArray | float) -> FloatArray:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    out: FloatArray = np.log(clipped / (1 - clipped))
    return out


def detection_log_probabilities(ability: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log probabilities to draw and to miss an object of each difficulty, both of shape (w, 5)."""
    margin = ability[:, None] - DIFFICULTIES
    return -np.logaddexp(0, -margin), -np.logaddexp(0, margin)
