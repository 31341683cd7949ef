"""Estimate a project's detection and false-positive rates by expectation maximization; the model is in existence.py.

E-step: for each cluster the probability that it is false, or true at each difficulty, clamped where the truth is known.
An object that no worker drew leaves no cluster, so each true cluster stands for as many unseen objects of its
difficulty as the rates imply (the truncated likelihood of capture-recapture); where the truth is known, missed objects
are rows. M-step: abilities by a Newton step on the Rasch likelihood, the other rates by counting; every rate has a
prior. Without gold the data identify how the workers' false rates differ, but not their overall level: what all workers
share is attributed to difficulty, and the level of the false rates stays at or below its prior. With gold, gold sets
the level. Sums over entries are products with sparse cluster-by-worker matrices, because they run hundreds of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from annotary_core.aggregation.objects.existence import (
    DIFFICULTY_SHARES,
    ECHO,
    DetectionRates,
    Detections,
    detection_log_probabilities,
    false_positive_likelihood,
    logit,
    posterior,
)
from annotary_core.labels.arrays import FloatArray, IntArray

#: Pseudo-counts of objects in the priors of the false rates, the difficulty and the echo.
PRIOR_OBJECTS = 50.0
PRIOR_DIFFICULTY = 50.0
PRIOR_ECHO = 20.0
#: Prior standard deviation of abilities around the pooled one, in logits.
ABILITY_SPREAD = 1.0
_ITERATIONS = 200
_TOLERANCE = 1e-4
#: Without gold the median false rate stays between this share of its prior and the prior.
_MIN_LEVEL = 0.125
#: Each true cluster stands for at most this many unseen objects.
_MAX_UNSEEN = 10.0
#: Lower bound on trust when it scales the expected false rate.
_MIN_TRUST = 0.05


@dataclass(frozen=True, slots=True)
class DetectionHistory:
    """A worker's record in earlier projects: true objects detected and missed, and false positives."""

    detected: float = 0.0
    missed: float = 0.0
    false: float = 0.0


def learn_rates(
    detections: Detections, *, known: FloatArray | None = None, history: Mapping[int, DetectionHistory] | None = None
) -> DetectionRates:
    """Estimate the rates of every worker in the detections and the history; deterministic.

    known: shape (m,), 1 for clusters known to be objects, 0 for known false positives, nan if unknown. Known objects
    that no worker drew are clusters without detections and have known 1.
    """
    count = len(detections.start) - 1
    matrices = _DetectionMatrices.of(detections, np.full(count, np.nan) if known is None else known, history or {})
    prior = DetectionRates()
    rates = replace(
        prior,
        workers=matrices.workers,
        detection=np.full(len(matrices.workers), prior.pooled_detection),
        false_rate=prior.pooled_false_rate * matrices.false_rate_factor,
        spread=np.empty(0),
        drawings=np.empty(0),
    )
    for _ in range(_ITERATIONS if len(matrices.workers) else 0):
        before, rates = rates, matrices.em_step(rates)
        changes = [np.abs(rates.detection - before.detection), np.abs(rates.shares - before.shares)]
        changes.append(np.abs(rates.false_rate - before.false_rate))
        if np.concatenate(changes).max() < _TOLERANCE:
            break
    return rates


@dataclass(frozen=True, slots=True)
class _DetectionMatrices:
    """Detections as cluster-by-worker matrices; missed holds observation weights. past: the history, shape (w, 3)."""

    detections: Detections
    truth: FloatArray
    workers: IntArray
    worker_index: IntArray
    detected: sparse.csr_matrix
    missed: sparse.csr_matrix
    false_rate_factor: FloatArray
    past: FloatArray

    @classmethod
    def of(
        cls, detections: Detections, truth: FloatArray, history: Mapping[int, DetectionHistory]
    ) -> _DetectionMatrices:
        workers = np.unique(np.concatenate([detections.worker, np.array(sorted(history), np.int64)]))
        worker_index = np.searchsorted(workers, detections.worker)
        shape, index = (len(truth), len(workers)), detections.index
        detected = sparse.csr_matrix((detections.detected.astype(np.float64), (index, worker_index)), shape=shape)
        missed = sparse.csr_matrix(
            (np.where(detections.detected, 0.0, detections.observation_weight), (index, worker_index)), shape=shape
        )
        past = np.zeros((len(workers), 3))
        for worker, record in history.items():
            past[np.searchsorted(workers, worker)] = record.detected, record.missed, record.false
        entries = np.bincount(worker_index, minlength=len(workers))
        trust = np.bincount(worker_index, detections.trust, len(workers)) / np.maximum(entries, 1)
        # The multiple of the pooled false rate that a worker's trust implies, as for workers without estimated rates.
        false_rate_factor = np.where(entries > 0, 1 / np.maximum(trust, _MIN_TRUST) ** 2, 1.0)
        return cls(detections, truth, workers, worker_index, detected, missed, false_rate_factor, past)

    def em_step(self, rates: DetectionRates) -> DetectionRates:
        """Return the rates after one EM step."""
        ability = logit(rates.detection)
        log_detected, log_missed = detection_log_probabilities(ability)
        log_misses = self.missed @ log_missed
        parts = rates.shares * np.exp(self.detected @ log_detected + log_misses)
        undetected = np.exp(self.detected @ log_missed + log_misses)
        total = parts.sum(axis=1)
        is_known = np.isfinite(self.truth)
        estimated = posterior(
            total,
            false_positive_likelihood(self.detections, rates.false_rate[self.worker_index], rates.echo),
            self.detections.duplicate_odds,
        )
        exists = np.where(is_known, np.nan_to_num(self.truth), estimated)
        # Duplicates belong to a neighbor and are no evidence of false positives.
        false_p = np.clip(1 - exists - np.where(is_known, 0.0, exists * self.detections.duplicate_odds), 0.0, 1.0)
        objects = exists[:, None] * parts / np.maximum(total, 1e-300)[:, None]
        unseen = np.minimum(undetected / np.maximum(1 - undetected, 1e-9), _MAX_UNSEEN)
        unseen = objects * np.where(is_known[:, None], 0.0, unseen)
        shares = (objects + unseen).sum(axis=0) + PRIOR_DIFFICULTY * DIFFICULTY_SHARES
        detection, pooled_detection = self._detection(ability, objects, unseen, rates)
        false_rate, pooled_false_rate = self._false_rates(false_p, (objects + unseen).sum(axis=1))
        return replace(
            rates,
            detection=detection,
            pooled_detection=pooled_detection,
            false_rate=false_rate,
            pooled_false_rate=pooled_false_rate,
            echo=self._echo(np.where(is_known, false_p, 0.0)),
            shares=shares / shares.sum(),
        )

    def _detection(
        self, ability: FloatArray, objects: FloatArray, unseen: FloatArray, rates: DetectionRates
    ) -> tuple[FloatArray, float]:
        """Take one Newton step per worker, shrunk toward the pooled ability, and update the pooled detection."""
        p = np.exp(detection_log_probabilities(ability)[0])
        detected = self.detected.T @ objects
        missed = self.missed.T @ (objects + unseen) + self.detected.T @ unseen
        gradient = (detected * (1 - p) - missed * p).sum(axis=1)
        curvature = ((detected + missed) * p * (1 - p)).sum(axis=1)
        mean = rates.detection
        gradient += self.past[:, 0] * (1 - mean) - self.past[:, 1] * mean
        curvature += (self.past[:, 0] + self.past[:, 1]) * mean * (1 - mean)
        gradient -= (ability - logit(rates.pooled_detection)) / ABILITY_SPREAD**2
        ability = ability + np.clip(gradient / (curvature + 1 / ABILITY_SPREAD**2), -1.0, 1.0)
        # The prior ability counts as one more worker in the pooled ability.
        pooled = (ability.sum() + logit(DetectionRates().pooled_detection)) / (len(ability) + 1)
        return 1 / (1 + np.exp(-ability)), float(1 / (1 + np.exp(-pooled)))

    def _false_rates(self, false_p: FloatArray, objects: FloatArray) -> tuple[FloatArray, float]:
        false_count = self.detected.T @ (false_p / np.maximum(self.detections.detection_count, 1.0)) + self.past[:, 2]
        opportunities = self._opportunities(objects) + self.past[:, :2].sum(axis=1)
        prior = DetectionRates().pooled_false_rate
        own = (false_count + PRIOR_OBJECTS * prior * self.false_rate_factor) / (opportunities + PRIOR_OBJECTS)
        is_known = np.isfinite(self.truth)
        known_opportunities = float(
            self._opportunities(np.where(is_known, objects, 0.0)).sum() + self.past[:, :2].sum()
        )
        if known_opportunities > PRIOR_OBJECTS:
            known_false = float(false_p[is_known].sum() + self.past[:, 2].sum())
            level = (known_false + PRIOR_OBJECTS * prior) / (known_opportunities + PRIOR_OBJECTS)
            scale = level / float(np.average(own, weights=opportunities + PRIOR_OBJECTS))
        else:
            # A high or a zero false rate shared by all workers is indistinguishable from hard objects.
            median = float(np.median(own))
            max_level = prior * float(np.median(self.false_rate_factor))
            level = min(max(median, max_level * _MIN_LEVEL), max_level)
            scale = level / median
        return own * scale, level

    def _opportunities(self, objects: FloatArray) -> FloatArray:
        """Return how many of these objects were in the tasks of each worker, shape (w,)."""
        return np.bincount(self.worker_index, objects[self.detections.index], len(self.workers)).astype(np.float64)

    def _echo(self, known_false: FloatArray) -> float:
        """Estimate the echo from known clusters only: without gold an echo looks like an object."""
        echoed = float((known_false * np.maximum(self.detections.detection_count - 1, 0)).sum())
        opportunities = float((known_false * (np.diff(self.detections.start) - 1)).sum())
        return (echoed + PRIOR_ECHO * ECHO) / (opportunities + PRIOR_ECHO)
