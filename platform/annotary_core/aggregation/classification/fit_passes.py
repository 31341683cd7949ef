"""Passes over the answers that a fit of the blend makes: over all of them at once, or shard by shard.

What a pass brings home adds up (Statistics, or sums of log probabilities), so a project may lie in many shards, on many
machines: what `Whole` does is what each does with its own, and
the sum is the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Protocol

import numpy as np

from annotary_core.aggregation.classification.em import Parameters
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import Choice, Kernel, kernel_for
from annotary_core.aggregation.classification.one_coin_em import Coins
from annotary_core.aggregation.classification.sharded_fit import reduce
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray

#: Rows times classes whose predictions are worked out at once.
_BLOCK = 1 << 20


class Passes(Protocol):
    """Statistics of the one-coin model have counts of shape (w, 2), those of the confusion model (w, k, l)."""

    def coins_start(self) -> Statistics:
        """From each class's share of the votes."""
        ...

    def coins(self, parameters: Parameters) -> Statistics: ...

    def known_coins(self) -> FloatArray:
        """Right and wrong answers of each worker to tasks of known class, shape (w, 2)."""
        ...

    def confusion_start(self) -> Statistics:
        """From each class's share of the votes."""
        ...

    def confusion(self, parameters: Parameters) -> Statistics: ...

    def coins_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        """Sum over rows of vote * log probability of the answer given all other answers; seen: shape (w, 2)."""
        ...

    def confusion_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        """The same for the confusion model; seen: counts with pseudo-counts, shape (w, k, l)."""
        ...


class Whole:
    """All answers, or those of one shard, in memory."""

    def __init__(self, coded: Coded, *, kernel: Choice = "auto") -> None:
        self.coded = coded
        self._choice = kernel

    @cached_property
    def _coins(self) -> Coins:
        return Coins(self.coded)

    @cached_property
    def _kernel(self) -> Kernel:
        return kernel_for(self.coded, self._choice)

    @cached_property
    def _posterior(self) -> FloatArray:
        return np.empty((len(self.coded.tasks), len(self.coded.classes)))

    def coins_start(self) -> Statistics:
        return self._coins.count(self._coins.shares(), np.zeros(len(self.coded.classes)))

    def coins(self, parameters: Parameters) -> Statistics:
        return self._coins.expect(parameters.log_theta, parameters.log_class_prior)[1]

    def known_coins(self) -> FloatArray:
        return self._coins.known()

    def confusion_start(self) -> Statistics:
        return self._kernel.count(self.coded.shares())

    def confusion(self, parameters: Parameters) -> Statistics:
        return self._kernel.expect(parameters.log_theta, parameters.log_class_prior, self._posterior)

    def coins_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return self._coins.left_out(parameters.log_theta, parameters.log_class_prior, seen[:, 0], seen.sum(axis=1))

    def confusion_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        self._kernel.expect(parameters.log_theta, parameters.log_class_prior, self._posterior)
        of_class = seen.sum(axis=2)
        step = max(1, _BLOCK // max(len(self.coded.classes), 1))
        task, cell, vote = self.coded.task, self.coded.cell, self.coded.vote
        total = 0.0
        for at in range(0, len(cell), step):
            rows = slice(at, at + step)
            worker, label = np.divmod(cell[rows], len(self.coded.classes))
            weight, q = vote[rows, None], self._posterior[task[rows]]
            # The task's posterior without this answer; one that is certain because it is known stays so.
            with np.errstate(divide="ignore"):
                others = np.log(q) - weight * parameters.log_theta[worker, :, label]
            others -= others.max(axis=1, keepdims=True)
            np.exp(others, out=others)
            others /= others.sum(axis=1, keepdims=True)
            own = weight * q
            said = np.maximum(seen[worker, :, label] - own, 1e-12) / np.maximum(of_class[worker] - own, 1e-12)
            total += float(weight[:, 0] @ np.log(np.einsum("nk,nk->n", others, np.minimum(said, 1.0))))
        return total


class Sharded:
    """Answers in shards of tasks that share one coding of workers and classes; one is in memory at a time.

    shards: gives all shards anew at each call, in the same order each time.
    """

    def __init__(self, shards: Callable[[], Iterable[Coded]], *, kernel: Choice = "auto") -> None:
        self._shards = shards
        self._choice = kernel

    def _walk(self) -> Iterable[Whole]:
        return (Whole(shard, kernel=self._choice) for shard in self._shards())

    def coins_start(self) -> Statistics:
        return reduce(part.coins_start() for part in self._walk())

    def coins(self, parameters: Parameters) -> Statistics:
        return reduce(part.coins(parameters) for part in self._walk())

    def known_coins(self) -> FloatArray:
        return np.asarray(sum(part.known_coins() for part in self._walk()), np.float64)

    def confusion_start(self) -> Statistics:
        return reduce(part.confusion_start() for part in self._walk())

    def confusion(self, parameters: Parameters) -> Statistics:
        return reduce(part.confusion(parameters) for part in self._walk())

    def coins_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return sum(part.coins_left_out(parameters, seen) for part in self._walk())

    def confusion_left_out(self, parameters: Parameters, seen: FloatArray) -> float:
        return sum(part.confusion_left_out(parameters, seen) for part in self._walk())
