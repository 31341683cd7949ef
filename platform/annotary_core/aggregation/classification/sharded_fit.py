"""Distributed fit: each shard returns its sufficient statistics, and one reduce step adds them.

A shard is an `EncodedAnswers` of some of the tasks, encoded with the workers and classes of all of them
(`EncodedAnswers.of(..., workers=...)`, with all `classes` in the answers). In each iteration, one job per shard reads
the shard and returns its statistics under the current parameters (`shard_e_step`), and one job adds them and runs the
M-step (`reduce_step`). Adding in the fixed order of the shards makes results reproducible; they differ from a fit of
all tasks at once only by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from annotary_core.aggregation.classification.em import (
    ClassModel,
    EMTrace,
    ErrorModel,
    Parameters,
    e_step,
    m_step,
    run_em,
)
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.kernels import KernelChoice, kernel_for
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class ReduceStep:
    """Result of a reduce step: the next parameters, and the ELBO of those that the statistics were computed under."""

    parameters: Parameters
    elbo: float


def initial_statistics(shard: EncodedAnswers, *, kernel: KernelChoice = "auto") -> SufficientStatistics:
    """The statistics of a shard under its vote shares, where a fit starts."""
    return kernel_for(shard, kernel).statistics(shard.vote_shares())


def shard_e_step(
    shard: EncodedAnswers, log_theta: FloatArray, log_class_prior: FloatArray, *, kernel: KernelChoice = "auto"
) -> SufficientStatistics:
    """The E-step of one shard. log_theta: shape (w, k, l). log_class_prior: shape (k,)."""
    return e_step(shard, log_theta, log_class_prior, kernel=kernel)[1]


def sum_statistics(parts: Iterable[SufficientStatistics]) -> SufficientStatistics:
    """The sum of the statistics, in the given order. Raises ValueError if there are none."""
    total: SufficientStatistics | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise ValueError("A fit needs at least one shard.")
    return total


def reduce_step(
    statistics: SufficientStatistics, previous: Parameters, error_model: ErrorModel, class_model: ClassModel
) -> ReduceStep:
    """The reduce of one iteration. statistics: the sum over all shards under the parameters `previous`."""
    prior = error_model.log_prior(previous.log_theta) + class_model.log_prior(previous.log_class_prior)
    return ReduceStep(parameters=m_step(statistics, error_model, class_model), elbo=statistics.log_likelihood + prior)


def fit_sharded(
    shards: Callable[[], Iterable[EncodedAnswers]],
    error_model: ErrorModel,
    class_model: ClassModel,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    kernel: KernelChoice = "auto",
) -> EMTrace:
    """`em.fit` with one shard in memory at a time; `shards` is called once per iteration.

    To get the posteriors of a shard, run `em.e_step` on it with the returned parameters.
    """
    return run_em(
        sum_statistics(initial_statistics(shard, kernel=kernel) for shard in shards()),
        lambda parameters: sum_statistics(
            shard_e_step(shard, parameters.log_theta, parameters.log_class_prior, kernel=kernel) for shard in shards()
        ),
        error_model,
        class_model,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )


def split_shards(encoded: EncodedAnswers, *, rows: int) -> list[EncodedAnswers]:
    """Split into shards of about `rows` rows each, in the order of the tasks; returns at least one."""
    cuts = np.searchsorted(encoded.start, np.arange(rows, len(encoded.cell), rows))
    edges = np.unique(np.concatenate([[0], cuts, [len(encoded.tasks)]]))
    return [encoded.part(int(first), int(last)) for first, last in pairwise(edges)] or [encoded]
