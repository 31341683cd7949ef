"""Is there an object where some workers drew one and others did not?

The model. True objects differ in how hard they are to see, and workers in how much they see: worker w draws an object
of hardness d with probability sigma(ability_w - d) (Rasch 1960), hardness being the same for all workers. Beside them
each worker draws false objects, `false_rate` of them for each true object in the tasks that he saw; another worker who
saw the task draws the same false thing with probability `echo` on the average. A cluster that k of n workers drew is
then true or false in the proportion

    sum_d share_d prod_drew sigma prod_silent (1 - sigma)   :   mean_drew(false_rate) E[e^(k-1) (1 - e)^(n-k)],

e being Beta distributed around `echo`, since some false things tempt more than others. (With one e for all of them, the
silence of a hundred speaks for a lone drawing: a false one would have been echoed.)

What can be learnt without gold. "Hard to see" and "false" look alike from one cluster: both are drawn by one worker
alone, and a plain two-class model calls every lone box false (on CytoCrowd four in five are true). They differ over
many clusters, as in capture and recapture: hardness is shared, so objects drawn by two and three workers tell how many
each worker must draw alone, and only a worker who draws alone far more than that is careless. Priors hold the false
rates low until the data say otherwise. Gold (tasks of which every object is known) settles it. See learning.py.

Two more facts enter the odds. A worker who drew nothing at all has denied the whole image, which is more than passing
over one object among many: his silence counts BLANK_LOOKS times. And a cluster that overlaps another one whose workers
are all different ones may be a stray drawing of that same object: see `stray_odds`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import betaln

from annotary_core.aggregation.objects.sightings import Sightings
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Hardness classes, in logits, and how common they are held to be before anything is known.
HARDNESS = np.array([-3.0, -1.5, 0.0, 1.5, 3.0])
SHARES = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
#: An object of medium hardness is drawn by an unknown worker with this probability.
DETECTION = 0.6
#: False objects a true one, of an unknown worker: a lone box among four workers stays above one half (CytoCrowd: .82).
FALSE_RATE = 0.04
ECHO = 0.1
#: How alike false things are in tempting others: the sum of both parameters of the Beta distribution.
ECHO_ALIKE = 20.0
#: How far the drawings of unknown workers lie from the agreed one, in shares of the object's size.
SPREAD = 0.08
#: How often a worker who drew nothing at all is held to have looked at each place.
BLANK_LOOKS = 3.0
#: Overlap falls off this steeply, see stray_odds.
_STRAY_STEEPNESS = 4


@dataclass(frozen=True, slots=True)
class DetectionRates:
    """What is known of each worker: sorted `workers`, shape (w,), with their figures, and those of anyone else.

    detection: probability to draw an object of medium hardness, shape (w,). false_rate: false objects for each true one
    in the tasks seen, shape (w,). pooled_detection, pooled_false_rate: for unknown workers. echo: probability, on
    the average, that another worker draws the same false object. shares: how common each of HARDNESS is, shape (5,).
    spread: how far a worker's geometry lies from the agreed one, in shares of the object's size, shape (w,); drawings:
    from how many objects that is known, shape (w,); both may be left empty. pooled_spread: for unknown workers.
    """

    workers: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    detection: FloatArray = field(default_factory=lambda: np.empty(0))
    false_rate: FloatArray = field(default_factory=lambda: np.empty(0))
    pooled_detection: float = DETECTION
    pooled_false_rate: float = FALSE_RATE
    echo: float = ECHO
    shares: FloatArray = field(default_factory=SHARES.copy)
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
            raise ValueError("The workers must be sorted and stand there once each.")

    def found(self, worker: IntArray) -> tuple[IntArray, BoolArray]:
        """Where each worker stands in `workers`, and whether it does; shape (r,) both."""
        at = np.minimum(np.searchsorted(self.workers, worker), max(len(self.workers) - 1, 0))
        known = self.workers[at] == worker if len(self.workers) else np.zeros(len(worker), np.bool_)
        return at, known

    def spreads_of(self, worker: IntArray) -> tuple[FloatArray, FloatArray]:
        """The spread of each worker and from how many drawings it is known (0: the pooled one); shape (r,) both."""
        at, known = self.found(worker)
        spread, drawings = np.full(len(worker), self.pooled_spread), np.zeros(len(worker))
        spread[known], drawings[known] = self.spread[at[known]], self.drawings[at[known]]
        return spread, drawings

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, numbers as they are."""
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
        """From what to_json gave, also as text."""
        body = json.loads(stored) if isinstance(stored, str) else stored
        return cls(
            workers=np.array(body["workers"], np.int64),
            detection=np.array(body["detection"], np.float64),
            false_rate=np.array(body["false_rate"], np.float64),
            pooled_detection=float(body["pooled_detection"]),
            pooled_false_rate=float(body["pooled_false_rate"]),
            echo=float(body["echo"]),
            shares=np.array(body["shares"], np.float64),
            spread=np.array(body["spread"], np.float64),
            drawings=np.array(body["drawings"], np.float64),
            pooled_spread=float(body["pooled_spread"]),
        )


def existence_of(
    drawn_by: Collection[int],
    seen_by: Collection[int],
    rates: DetectionRates | None = None,
    *,
    blank: Collection[int] = (),
    trust: Mapping[int, float] | None = None,
    overlap: float = 0.0,
    threshold: float = 0.3,
) -> float:
    """The posterior of one cluster, 0 to 1; `seen_by` are all who saw the task, `blank` those who drew nothing in it.

    overlap: the largest with a cluster of other workers alone; threshold: that of the matching. Raises ValueError when
    nobody drew it.
    """
    if not drawn_by:
        raise ValueError("There is no object to judge where nobody drew one.")
    seen = sorted(set(seen_by) | set(drawn_by))
    weight = np.array([1.0 if trust is None else trust.get(worker, 1.0) for worker in seen])
    one = Sightings(
        start=np.array([0, len(seen)], np.int64),
        worker=np.array(seen, np.int64),
        drew=np.array([worker in set(drawn_by) for worker in seen], np.bool_),
        looks=np.array([BLANK_LOOKS if worker in set(blank) else 1.0 for worker in seen]),
        trust=weight,
        stray=stray_odds(np.array([overlap]), threshold=threshold),
    )
    return float(existence(one, rates or DetectionRates())[0])


def stray_odds(overlap: FloatArray, *, threshold: float) -> FloatArray:
    """Odds that a cluster is a stray drawing of a neighbour, by its largest similarity to a cluster of other workers.

    At the threshold of matching two drawings are as likely one object as two, by its very meaning, so the odds are 1
    there; they fall with the fourth power (on CytoCrowd lone boxes are true in 27 of 100 above .3, in 61 from .2 to .3,
    in 78 from .1 to .2, in 90 below).
    """
    return (np.asarray(overlap, np.float64) / threshold) ** _STRAY_STEEPNESS


def existence(sightings: Sightings, rates: DetectionRates) -> FloatArray:
    """The posterior of each cluster, shape (m,). A cluster drawn by workers without any trust has 0."""
    detection, false_rate, looks = entry_rates(sightings, rates)
    drew, silent = log_odds_parts(logit(detection))
    log_true = np.where(sightings.drew[:, None], drew, silent * looks[:, None])
    true = (rates.shares * np.exp(sightings.sums(log_true))).sum(axis=1)
    return posterior(true, false_part(sightings, false_rate, rates.echo), sightings.stray)


def false_part(sightings: Sightings, false_rate: FloatArray, echo: float) -> FloatArray:
    """How common false clusters of these drawers are for each true object, shape (m,)."""
    drawn = sightings.drawn
    silent = np.diff(sightings.start) - drawn
    rate = sightings.sums(np.where(sightings.drew, false_rate, 0.0)) / np.maximum(drawn, 1.0)
    mean = min(max(echo, 1e-6), 1 - 1e-6)
    tempts, leaves = ECHO_ALIKE * mean, ECHO_ALIKE * (1 - mean)
    log_echo = betaln(tempts + np.maximum(drawn - 1, 0), leaves + silent) - betaln(tempts, leaves)
    out: FloatArray = rate * np.exp(log_echo)
    return out


def posterior(true: FloatArray, false: FloatArray, stray: FloatArray) -> FloatArray:
    """true / (true + false + stray true), where infinite doubt leaves 0."""
    against = false + stray * true
    whole = true + against
    return np.divide(true, whole, out=np.zeros_like(true), where=np.isfinite(whole) & (whole > 0))


def entry_rates(sightings: Sightings, rates: DetectionRates) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each entry detection, false rate and looks, shape (r,): a worker whose rates nobody learnt has the pooled
    ones, and the trust in him says how often he invents and how much his silence counts.
    """
    at, known = rates.found(sightings.worker)
    with np.errstate(divide="ignore"):
        false_rate = rates.pooled_false_rate / sightings.trust**2
    looks = sightings.looks * np.minimum(sightings.trust, 1.0)
    detection = np.full(len(known), rates.pooled_detection)
    detection[known], false_rate[known] = rates.detection[at[known]], rates.false_rate[at[known]]
    looks[known] = sightings.looks[known]
    return detection, false_rate, looks


def logit(p: FloatArray | float) -> FloatArray:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    out: FloatArray = np.log(clipped / (1 - clipped))
    return out


def log_odds_parts(ability: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log probabilities to draw and not to draw an object of each hardness, shape (w, 5) both."""
    margin = ability[:, None] - HARDNESS
    return -np.logaddexp(0, -margin), -np.logaddexp(0, margin)
