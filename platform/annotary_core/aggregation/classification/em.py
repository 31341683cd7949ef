"""Expectation-maximisation for models of workers: the class of a task is hidden, workers err each in their own way.

A worker w says class l of a task whose class is k with probability theta[w, k, l]; tasks have class k with probability
prior[k]. The E-step finds the posterior of each task and adds up what each worker said of tasks of each class; the
M-step is left to a worker model and a class model, which differ between methods. What the E-step adds up are sufficient
statistics, so shards of the tasks can be added (shards.py).

All is in logarithms. The bound is the log-likelihood (of a task whose class is known: that of the class and the
answers) plus the logarithms of the priors of the parameters. EM never lowers it (Dempster, Laird, Rubin 1977).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import Choice, kernel_for
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray

#: The least probability or count that a maximum-likelihood estimate takes, so that nothing is ever impossible.
FLOOR = 1e-10


class WorkerModel(Protocol):
    """How workers err: the M-step for theta.

    `log_prior` is the logarithm of the prior density of theta up to a constant, 0 for maximum likelihood; `maximise`
    makes `(counts * log_theta).sum() + log_prior(log_theta)` as large as the model can.
    """

    def maximise(self, counts: FloatArray) -> FloatArray:
        """log_theta, finite, from the counts, both of shape (w, k, l)."""
        ...

    def log_prior(self, log_theta: FloatArray) -> float: ...


class ClassModel(Protocol):
    """How frequent the classes are: the M-step for the prior of the classes."""

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        """log_class_prior, finite, from the expected number of tasks of each class, both of shape (k,)."""
        ...

    def log_prior(self, log_class_prior: FloatArray) -> float: ...


@dataclass(frozen=True, slots=True)
class DirichletClasses:
    """Frequencies learnt with `pseudo` tasks of each class seen before (mode of a Dirichlet); 0 is maximum likelihood.

    pseudo: non-negative, a number or shape (k,).
    """

    pseudo: FloatArray | float = 0.0

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        return log_shares(class_counts + self.pseudo)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float((self.pseudo * log_class_prior).sum())


@dataclass(frozen=True, slots=True)
class FixedClasses:
    """Frequencies that are known, shape (k,); zeros become the floor, as an answer could otherwise be impossible."""

    priors: FloatArray

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        return log_shares(self.priors)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return 0.0


def log_shares(counts: FloatArray) -> FloatArray:
    """Logarithms of the shares of counts of shape (k,), none below the floor; equal where there are no counts."""
    total = counts.sum()
    shares = np.maximum(counts / total, FLOOR) if total > 0 else np.ones(len(counts))
    return np.asarray(np.log(shares / shares.sum()), np.float64)


@dataclass(frozen=True, slots=True)
class Parameters:
    """log_theta: shape (w, k, l), l what is said of class k. log_class_prior: shape (k,)."""

    log_theta: FloatArray
    log_class_prior: FloatArray


@dataclass(frozen=True, slots=True)
class Climb:
    """The way up: the last parameters and the bound of each iteration, the last one that of these parameters."""

    parameters: Parameters
    bounds: list[float]
    converged: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """posterior: shape (t, k), the E-step of the parameters that stand beside it. bounds: one an iteration.

    converged: the bound rose less than the tolerance; otherwise the iterations ran out.
    """

    posterior: FloatArray
    log_theta: FloatArray
    log_class_prior: FloatArray
    bounds: list[float]
    iterations: int
    converged: bool


def expect(
    coded: Coded, log_theta: FloatArray, log_class_prior: FloatArray, *, kernel: Choice = "auto"
) -> tuple[FloatArray, Statistics]:
    """The E-step: posterior of each task, shape (t, k), and the sufficient statistics of all."""
    posterior = np.empty((len(coded.tasks), len(coded.classes)))
    return posterior, kernel_for(coded, kernel).expect(log_theta, log_class_prior, posterior)


def fit(
    coded: Coded,
    worker_model: WorkerModel,
    class_model: ClassModel,
    *,
    start_posterior: FloatArray | None = None,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    kernel: Choice = "auto",
) -> Fit:
    """Maximise from a start; an iteration is an M-step followed by an E-step.

    start_posterior: shape (t, k); None means each class's share of the votes, known classes clamped.
    tolerance: relative change of the bound at which to stop; 0 means to run all iterations.
    """
    steps = kernel_for(coded, kernel)
    posterior = coded.shares() if start_posterior is None else np.array(start_posterior, np.float64, order="C")
    way = climb(
        steps.count(posterior),
        lambda now: steps.expect(now.log_theta, now.log_class_prior, posterior),
        worker_model,
        class_model,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    return Fit(
        posterior=posterior,
        log_theta=way.parameters.log_theta,
        log_class_prior=way.parameters.log_class_prior,
        bounds=way.bounds,
        iterations=len(way.bounds),
        converged=way.converged,
    )


def maximise(statistics: Statistics, worker_model: WorkerModel, class_model: ClassModel) -> Parameters:
    """The M-step."""
    return Parameters(
        log_theta=worker_model.maximise(statistics.counts),
        log_class_prior=class_model.maximise(statistics.class_counts),
    )


def climb(
    start: Statistics,
    step: Callable[[Parameters], Statistics],
    worker_model: WorkerModel,
    class_model: ClassModel,
    *,
    max_iterations: int,
    tolerance: float,
) -> Climb:
    """Alternate M-step and E-step (`step`) until the bound stands or the iterations run out.

    Raises ValueError for less than one iteration.
    """
    if max_iterations < 1:
        raise ValueError("A fit needs at least one iteration.")
    statistics, bounds, converged = start, list[float](), False
    while not converged and len(bounds) < max_iterations:
        parameters = maximise(statistics, worker_model, class_model)
        statistics = step(parameters)
        prior = worker_model.log_prior(parameters.log_theta) + class_model.log_prior(parameters.log_class_prior)
        bounds.append(statistics.log_likelihood + prior)
        converged = tolerance > 0 and len(bounds) > 1 and bounds[-1] - bounds[-2] <= tolerance * abs(bounds[-1])
    return Climb(parameters=parameters, bounds=bounds, converged=converged)
