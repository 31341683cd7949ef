"""The passes over the answers that a fit needs: over all answers in memory, or shard by shard.

Pass results are additive (sufficient statistics, or sums of log probabilities), so the answers may be stored in many
shards, on many machines: each runs `InMemory` on its own shard, and the result of the pass is the sum.

A shard is an `EncodedAnswers` of some of the tasks, encoded with the workers and classes of all of them
(`EncodedAnswers.of(..., workers=...)`, with all `classes` in the answers). `Sharded` is for the blend; `fit_sharded`
fits one error model: in each iteration, one job per shard reads the shard and returns its statistics under the current
parameters (`shard_e_step`), and one job adds them and runs the M-step (`reduce_step`). Adding in the fixed order of the
shards makes results reproducible; they differ from a fit of all tasks at once only by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

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
from annotary_core.aggregation.classification.kernels import Kernel, KernelChoice, kernel_for
from annotary_core.aggregation.classification.one_coin_em import OneCoinEStep
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray

#: Rows times classes whose predictions are computed at once.
_BLOCK = 1 << 20


class FitPasses(Protocol):
    """Passes over all answers. Counts have shape (w, 2) for the one-coin model, (w, k, l) for the confusion model."""

    def one_coin_start(self) -> SufficientStatistics:
        """The statistics under the vote shares, where a fit starts."""
        ...

    def one_coin_e_step(self, parameters: Parameters) -> SufficientStatistics: ...

    def one_coin_gold_counts(self) -> FloatArray:
        """Correct and incorrect answers of each worker to gold tasks, shape (w, 2)."""
        ...

    def confusion_start(self) -> SufficientStatistics:
        """The statistics under the vote shares, where a fit starts."""
        ...

    def confusion_e_step(self, parameters: Parameters) -> SufficientStatistics: ...

    def one_coin_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        """Leave-one-out log-likelihood; see `OneCoinEStep.leave_one_out`. seen: counts with pseudo-counts, (w, 2)."""
        ...

    def confusion_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        """The same for the confusion model. seen: counts with pseudo-counts, shape (w, k, l)."""
        ...


class InMemory:
    """Passes over answers in memory: all of them, or those of one shard."""

    def __init__(self, encoded: EncodedAnswers, *, kernel: KernelChoice = "auto") -> None:
        self.encoded = encoded
        self._choice = kernel

    @cached_property
    def _one_coin(self) -> OneCoinEStep:
        return OneCoinEStep(self.encoded)

    @cached_property
    def _kernel(self) -> Kernel:
        return kernel_for(self.encoded, self._choice)

    @cached_property
    def _posterior(self) -> FloatArray:
        return np.empty((len(self.encoded.tasks), len(self.encoded.classes)))

    def one_coin_start(self) -> SufficientStatistics:
        return self._one_coin.statistics(self._one_coin.vote_shares(), np.zeros(len(self.encoded.classes)))

    def one_coin_e_step(self, parameters: Parameters) -> SufficientStatistics:
        return self._one_coin.e_step(parameters.log_theta, parameters.log_class_prior)[1]

    def one_coin_gold_counts(self) -> FloatArray:
        return self._one_coin.gold_counts()

    def confusion_start(self) -> SufficientStatistics:
        return self._kernel.statistics(self.encoded.vote_shares())

    def confusion_e_step(self, parameters: Parameters) -> SufficientStatistics:
        return self._kernel.e_step(parameters.log_theta, parameters.log_class_prior, self._posterior)

    def one_coin_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return self._one_coin.leave_one_out(
            parameters.log_theta, parameters.log_class_prior, seen[:, 0], seen.sum(axis=1)
        )

    def confusion_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        self._kernel.e_step(parameters.log_theta, parameters.log_class_prior, self._posterior)
        class_totals = seen.sum(axis=2)
        step = max(1, _BLOCK // max(len(self.encoded.classes), 1))
        task, cell, vote = self.encoded.task, self.encoded.cell, self.encoded.vote
        total = 0.0
        for at in range(0, len(cell), step):
            rows = slice(at, at + step)
            worker, label = np.divmod(cell[rows], len(self.encoded.classes))
            weight, q = vote[rows, None], self._posterior[task[rows]]
            # The task's posterior without this answer; on a gold task it stays certain.
            with np.errstate(divide="ignore"):
                others = np.log(q) - weight * parameters.log_theta[worker, :, label]
            others -= others.max(axis=1, keepdims=True)
            np.exp(others, out=others)
            others /= others.sum(axis=1, keepdims=True)
            own = weight * q
            likelihood = np.maximum(seen[worker, :, label] - own, 1e-12) / np.maximum(class_totals[worker] - own, 1e-12)
            total += float(weight[:, 0] @ np.log(np.einsum("nk,nk->n", others, np.minimum(likelihood, 1.0))))
        return total


class Sharded:
    """Passes over shards of tasks that share one encoding of workers and classes; one shard is in memory at a time.

    shards: returns a new iterable over all shards at each call, always in the same order.
    """

    def __init__(self, shards: Callable[[], Iterable[EncodedAnswers]], *, kernel: KernelChoice = "auto") -> None:
        self._shards = shards
        self._choice = kernel

    def _in_memory(self) -> Iterable[InMemory]:
        return (InMemory(shard, kernel=self._choice) for shard in self._shards())

    def one_coin_start(self) -> SufficientStatistics:
        return sum_statistics(part.one_coin_start() for part in self._in_memory())

    def one_coin_e_step(self, parameters: Parameters) -> SufficientStatistics:
        return sum_statistics(part.one_coin_e_step(parameters) for part in self._in_memory())

    def one_coin_gold_counts(self) -> FloatArray:
        return np.asarray(sum(part.one_coin_gold_counts() for part in self._in_memory()), np.float64)

    def confusion_start(self) -> SufficientStatistics:
        return sum_statistics(part.confusion_start() for part in self._in_memory())

    def confusion_e_step(self, parameters: Parameters) -> SufficientStatistics:
        return sum_statistics(part.confusion_e_step(parameters) for part in self._in_memory())

    def one_coin_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return sum(part.one_coin_leave_one_out(parameters, seen) for part in self._in_memory())

    def confusion_leave_one_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return sum(part.confusion_leave_one_out(parameters, seen) for part in self._in_memory())


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
