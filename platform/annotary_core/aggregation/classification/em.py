"""Expectation-maximization for latent class models: true classes are hidden, and each worker errs in their own way.

Worker w labels a task of true class k as class l with probability theta[w, k, l]; tasks have class k with probability
prior[k]. The E-step computes the posterior of each task and the expected counts of each worker's labels by true class;
the M-step is delegated to an error model and a class model, which differ between methods. The E-step returns sufficient
statistics, which are additive over shards of the tasks (fit_passes.py).

All parameters are logarithms. The ELBO is the log-likelihood (for a gold task: of its class and the answers) plus the
log priors of the parameters; the posteriors are exact, so it equals the log posterior density up to a constant. EM
never lowers it (Dempster, Laird, Rubin 1977).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.kernels import KernelChoice, kernel_for
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray

#: Smallest probability or count of a maximum-likelihood estimate, so that no answer is ever impossible.
FLOOR = 1e-10


class ErrorModel(Protocol):
    """The model of worker errors: the M-step for theta.

    `log_prior` is the log prior density of theta up to a constant, 0 for maximum likelihood; `m_step` maximizes
    `(counts * log_theta).sum() + log_prior(log_theta)` over the parameters of the model.
    """

    def m_step(self, counts: FloatArray) -> FloatArray:
        """Returns log_theta, finite, for the expected counts, both of shape (w, k, l)."""
        ...

    def log_prior(self, log_theta: FloatArray) -> float: ...


class ClassModel(Protocol):
    """The model of class frequencies: the M-step for the class prior."""

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        """Returns log_class_prior, finite, for the expected number of tasks of each class, both of shape (k,)."""
        ...

    def log_prior(self, log_class_prior: FloatArray) -> float: ...


@dataclass(frozen=True, slots=True)
class DirichletClassPrior:
    """Class frequencies estimated under a Dirichlet prior (posterior mode); 0 pseudo-counts give maximum likelihood.

    pseudo: pseudo-counts of tasks per class, non-negative, a number or shape (k,).
    """

    pseudo: FloatArray | float = 0.0

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        return log_shares(class_counts + self.pseudo)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float((self.pseudo * log_class_prior).sum())


@dataclass(frozen=True, slots=True)
class FixedClassPrior:
    """Known class frequencies, shape (k,). Zeros are raised to FLOOR, as an answer could otherwise be impossible."""

    priors: FloatArray

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        return log_shares(self.priors)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return 0.0


def log_shares(counts: FloatArray) -> FloatArray:
    """Logarithms of the normalized counts, shape (k,), none below FLOOR; uniform if all counts are 0."""
    total = counts.sum()
    frequencies = np.maximum(counts / total, FLOOR) if total > 0 else np.ones(len(counts))
    return np.asarray(np.log(frequencies / frequencies.sum()), np.float64)


@dataclass(frozen=True, slots=True)
class Parameters:
    """log_theta: shape (w, k, l), log probability of label l for true class k. log_class_prior: shape (k,)."""

    log_theta: FloatArray
    log_class_prior: FloatArray


@dataclass(frozen=True, slots=True)
class EMTrace:
    """The trace of an EM run: the final parameters, and the ELBO of each iteration, ending with that of these."""

    parameters: Parameters
    elbo: list[float]
    converged: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit. posterior: shape (t, k), the E-step under these parameters. elbo: one value per iteration.

    converged: the ELBO rose by less than the tolerance; otherwise the iterations ran out.
    """

    posterior: FloatArray
    log_theta: FloatArray
    log_class_prior: FloatArray
    elbo: list[float]
    iterations: int
    converged: bool


def e_step(
    encoded: EncodedAnswers, log_theta: FloatArray, log_class_prior: FloatArray, *, kernel: KernelChoice = "auto"
) -> tuple[FloatArray, SufficientStatistics]:
    """The E-step: the posterior of each task, shape (t, k), and the sufficient statistics of all tasks."""
    posterior = np.empty((len(encoded.tasks), len(encoded.classes)))
    return posterior, kernel_for(encoded, kernel).e_step(log_theta, log_class_prior, posterior)


def fit(
    encoded: EncodedAnswers,
    error_model: ErrorModel,
    class_model: ClassModel,
    *,
    start_posterior: FloatArray | None = None,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    kernel: KernelChoice = "auto",
) -> Fit:
    """Fit by EM from initial posteriors; an iteration is an M-step followed by an E-step.

    start_posterior: shape (t, k); None means the vote shares, with gold tasks clamped.
    tolerance: relative change of the ELBO at which to stop; 0 runs all iterations.
    """
    prepared = kernel_for(encoded, kernel)
    posterior = encoded.vote_shares() if start_posterior is None else np.array(start_posterior, np.float64, order="C")
    trace = run_em(
        prepared.statistics(posterior),
        lambda parameters: prepared.e_step(parameters.log_theta, parameters.log_class_prior, posterior),
        error_model,
        class_model,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    return Fit(
        posterior=posterior,
        log_theta=trace.parameters.log_theta,
        log_class_prior=trace.parameters.log_class_prior,
        elbo=trace.elbo,
        iterations=len(trace.elbo),
        converged=trace.converged,
    )


def m_step(statistics: SufficientStatistics, error_model: ErrorModel, class_model: ClassModel) -> Parameters:
    """The M-step."""
    return Parameters(
        log_theta=error_model.m_step(statistics.counts),
        log_class_prior=class_model.m_step(statistics.class_counts),
    )


def run_em(
    start: SufficientStatistics,
    step: Callable[[Parameters], SufficientStatistics],
    error_model: ErrorModel,
    class_model: ClassModel,
    *,
    max_iterations: int,
    tolerance: float,
) -> EMTrace:
    """Alternate M-steps and E-steps (`step`) until the ELBO converges or the iterations run out.

    Raises ValueError for fewer than one iteration.
    """
    if max_iterations < 1:
        raise ValueError("A fit needs at least one iteration.")
    statistics, elbo, converged = start, list[float](), False
    while not converged and len(elbo) < max_iterations:
        parameters = m_step(statistics, error_model, class_model)
        statistics = step(parameters)
        prior = error_model.log_prior(parameters.log_theta) + class_model.log_prior(parameters.log_class_prior)
        elbo.append(statistics.log_likelihood + prior)
        converged = tolerance > 0 and len(elbo) > 1 and elbo[-1] - elbo[-2] <= tolerance * abs(elbo[-1])
    return EMTrace(parameters=parameters, elbo=elbo, converged=converged)
