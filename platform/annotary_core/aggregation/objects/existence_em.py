"""Learn the detection and false-object rates of a project by expectation maximisation; the model is in existence.py.

E: for each cluster the probability that it is false, or true with each hardness; where the truth is known it is
clamped. An object that nobody drew leaves no cluster, so each true cluster stands for as many unseen objects of its
hardness as the rates say (the truncated likelihood of capture and recapture); where the truth is known the missed
objects are rows. M: abilities by a Newton step of the Rasch likelihood, the other rates by counting; every rate has a
prior. Without gold the data tell how much more one worker invents than another, but not how much all of them do: what
all have in common is laid to hardness, and the level of the false rates stays at its prior or below. With gold the
level is what gold says. Sums over entries are products with sparse matrices of clusters by workers, since they run
hundreds of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from annotary_core.aggregation.objects.existence import (
    ECHO,
    SHARES,
    DetectionRates,
    false_part,
    log_odds_parts,
    logit,
    posterior,
)
from annotary_core.aggregation.objects.sightings import Sightings
from annotary_core.labels.arrays import FloatArray, IntArray

#: Pseudo-objects behind the false rates, the hardness and the echo.
PRIOR_OBJECTS = 50.0
PRIOR_HARDNESS = 50.0
PRIOR_ECHO = 20.0
#: Prior standard deviation of abilities around the pooled one, in logits.
ABILITY_SPREAD = 1.0
_ITERATIONS = 200
_CLOSE = 1e-4
#: Without gold the false rate of the worker in the middle stays between this share of its prior and the prior.
_LEAST_LEVEL = 0.125
#: Each true cluster stands for at most this many unseen ones.
_MOST_UNSEEN = 10.0
#: Trust below this is no further evidence of false objects to come.
_LEAST_TRUST = 0.05


@dataclass(frozen=True, slots=True)
class History:
    """What a worker did in earlier projects: objects drawn and missed of those that were there, and false objects."""

    drawn: float = 0.0
    missed: float = 0.0
    false: float = 0.0


def learn_rates(
    sightings: Sightings, *, known: FloatArray | None = None, history: Mapping[int, History] | None = None
) -> DetectionRates:
    """The rates of every worker in the sightings and the history; deterministic.

    known: shape (m,), 1 for clusters known to be objects, 0 for those known to be none, nan where nobody knows. Objects
    that are known and that nobody drew are clusters without a drawer, known 1.
    """
    count = len(sightings.start) - 1
    laid = _Laid.of(sightings, np.full(count, np.nan) if known is None else known, history or {})
    first = DetectionRates()
    rates = replace(
        first,
        workers=laid.workers,
        detection=np.full(len(laid.workers), first.pooled_detection),
        false_rate=first.pooled_false_rate * laid.doubt,
        spread=np.empty(0),
        drawings=np.empty(0),
    )
    for _ in range(_ITERATIONS if len(laid.workers) else 0):
        before, rates = rates, laid.improved(rates)
        moved = [np.abs(rates.detection - before.detection), np.abs(rates.shares - before.shares)]
        moved.append(np.abs(rates.false_rate - before.false_rate))
        if np.concatenate(moved).max() < _CLOSE:
            break
    return rates


@dataclass(frozen=True, slots=True)
class _Laid:
    """Sightings as matrices of clusters by workers; silent holds looks. past: shape (w, 3), the History of each."""

    seen: Sightings
    truth: FloatArray
    workers: IntArray
    at: IntArray
    drew: sparse.csr_matrix
    silent: sparse.csr_matrix
    doubt: FloatArray
    past: FloatArray

    @classmethod
    def of(cls, seen: Sightings, truth: FloatArray, history: Mapping[int, History]) -> _Laid:
        workers = np.unique(np.concatenate([seen.worker, np.array(sorted(history), np.int64)]))
        at = np.searchsorted(workers, seen.worker)
        shape, index = (len(truth), len(workers)), seen.index
        drew = sparse.csr_matrix((seen.drew.astype(np.float64), (index, at)), shape=shape)
        silent = sparse.csr_matrix((np.where(seen.drew, 0.0, seen.looks), (index, at)), shape=shape)
        past = np.zeros((len(workers), 3))
        for worker, known in history.items():
            past[np.searchsorted(workers, worker)] = known.drawn, known.missed, known.false
        entries = np.bincount(at, minlength=len(workers))
        trust = np.bincount(at, seen.trust, len(workers)) / np.maximum(entries, 1)
        # How many times the pooled false rate a worker's trust lets expect, as where nothing is learnt.
        doubt = np.where(entries > 0, 1 / np.maximum(trust, _LEAST_TRUST) ** 2, 1.0)
        return cls(seen, truth, workers, at, drew, silent, doubt, past)

    def improved(self, rates: DetectionRates) -> DetectionRates:
        """One step of EM."""
        ability = logit(rates.detection)
        drawn, passed = log_odds_parts(ability)
        log_nobody = self.silent @ passed
        parts = rates.shares * np.exp(self.drew @ drawn + log_nobody)
        nobody = np.exp(self.drew @ passed + log_nobody)
        total = parts.sum(axis=1)
        is_known = np.isfinite(self.truth)
        guessed = posterior(total, false_part(self.seen, rates.false_rate[self.at], rates.echo), self.seen.stray)
        there = np.where(is_known, np.nan_to_num(self.truth), guessed)
        # Strays belong to a neighbour, and tell nothing of what workers invent.
        wrong = np.clip(1 - there - np.where(is_known, 0.0, there * self.seen.stray), 0.0, 1.0)
        objects = there[:, None] * parts / np.maximum(total, 1e-300)[:, None]
        unseen = np.minimum(nobody / np.maximum(1 - nobody, 1e-9), _MOST_UNSEEN)
        unseen = objects * np.where(is_known[:, None], 0.0, unseen)
        shares = (objects + unseen).sum(axis=0) + PRIOR_HARDNESS * SHARES
        detection, pooled_detection = self._detection(ability, objects, unseen, rates)
        false_rate, pooled_false_rate = self._false_rates(wrong, (objects + unseen).sum(axis=1))
        return replace(
            rates,
            detection=detection,
            pooled_detection=pooled_detection,
            false_rate=false_rate,
            pooled_false_rate=pooled_false_rate,
            echo=self._echo(np.where(is_known, wrong, 0.0)),
            shares=shares / shares.sum(),
        )

    def _detection(
        self, ability: FloatArray, objects: FloatArray, unseen: FloatArray, rates: DetectionRates
    ) -> tuple[FloatArray, float]:
        """One Newton step for each worker, towards the pooled ability; then the new pooled detection."""
        p = np.exp(log_odds_parts(ability)[0])
        drawn = self.drew.T @ objects
        passed = self.silent.T @ (objects + unseen) + self.drew.T @ unseen
        gradient = (drawn * (1 - p) - passed * p).sum(axis=1)
        curve = ((drawn + passed) * p * (1 - p)).sum(axis=1)
        mean = rates.detection
        gradient += self.past[:, 0] * (1 - mean) - self.past[:, 1] * mean
        curve += (self.past[:, 0] + self.past[:, 1]) * mean * (1 - mean)
        gradient -= (ability - logit(rates.pooled_detection)) / ABILITY_SPREAD**2
        ability = ability + np.clip(gradient / (curve + 1 / ABILITY_SPREAD**2), -1.0, 1.0)
        # The pooled ability is drawn to the one held before anything was known, as by one more worker.
        pooled = (ability.sum() + logit(DetectionRates().pooled_detection)) / (len(ability) + 1)
        return 1 / (1 + np.exp(-ability)), float(1 / (1 + np.exp(-pooled)))

    def _false_rates(self, wrong: FloatArray, objects: FloatArray) -> tuple[FloatArray, float]:
        made = self.drew.T @ (wrong / np.maximum(self.seen.drawn, 1.0)) + self.past[:, 2]
        chances = self._chances(objects) + self.past[:, :2].sum(axis=1)
        prior = DetectionRates().pooled_false_rate
        own = (made + PRIOR_OBJECTS * prior * self.doubt) / (chances + PRIOR_OBJECTS)
        is_known = np.isfinite(self.truth)
        known_chances = float(self._chances(np.where(is_known, objects, 0.0)).sum() + self.past[:, :2].sum())
        if known_chances > PRIOR_OBJECTS:
            known_made = float(wrong[is_known].sum() + self.past[:, 2].sum())
            level = (known_made + PRIOR_OBJECTS * prior) / (known_chances + PRIOR_OBJECTS)
            scale = level / float(np.average(own, weights=chances + PRIOR_OBJECTS))
        else:
            # That all workers invent much, or none anything, cannot be told from objects that are hard to see.
            middle = float(np.median(own))
            most = prior * float(np.median(self.doubt))
            level = min(max(middle, most * _LEAST_LEVEL), most)
            scale = level / middle
        return own * scale, level

    def _chances(self, objects: FloatArray) -> FloatArray:
        """How many of these objects were in the tasks of each worker, shape (w,)."""
        return np.bincount(self.at, objects[self.seen.index], len(self.workers)).astype(np.float64)

    def _echo(self, known_wrong: FloatArray) -> float:
        """Learnt where the truth is known alone: without gold an echo looks like an object."""
        again = float((known_wrong * np.maximum(self.seen.drawn - 1, 0)).sum())
        chances = float((known_wrong * (np.diff(self.seen.start) - 1)).sum())
        return (again + PRIOR_ECHO * ECHO) / (chances + PRIOR_ECHO)
