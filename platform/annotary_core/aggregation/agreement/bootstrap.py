"""How sure a figure of agreement is: units are drawn again with replacement, a thousand times.

Units are what was sampled, so units are drawn, not single values (as Krippendorff's own procedure does, which takes
the pairs of a unit as independent and gives narrower intervals). Above `groups` units, these are put into that many
groups at random and groups are drawn: sums of groups vary as the units do, and a million units cost no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Percentile intervals (Efron 1979) of the given confidence; the same seed draws the same."""

    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0
    groups: int = 2000

    def ends(self, drawn: FloatArray) -> tuple[float, float]:
        """The interval of the drawn values; nan for none."""
        if not len(drawn):
            return float("nan"), float("nan")
        low, high = np.quantile(drawn, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return float(low), float(high)


def resampled_sums(apart: FloatArray, parts: Any, bootstrap: Bootstrap) -> tuple[FloatArray, FloatArray]:
    """Sums over units drawn again: of `apart`, shape (u,), and of `parts`, shape (u, f); the first axis is replicates.

    Units are put in an order that follows from what they hold, so that their numbers do not matter.
    """
    rng = np.random.default_rng(bootstrap.seed)
    order = _by_content(apart, parts)
    groups = min(len(order), bootstrap.groups)
    if groups < len(order):
        order = rng.permutation(order)
    member = np.empty(len(order), np.int64)
    member[order] = np.arange(len(order)) % groups
    gather = sparse.csr_matrix((np.ones(len(order)), (member, np.arange(len(order)))), shape=(groups, len(order)))
    summed = gather @ parts
    table = summed.toarray() if sparse.issparse(summed) else np.asarray(summed)
    times = rng.multinomial(groups, np.full(groups, 1 / groups), size=bootstrap.replicates).astype(np.float64)
    return times @ (gather @ apart), times @ table


def _by_content(apart: FloatArray, parts: Any) -> IntArray:
    """Units in an order that renaming them, or labels of different frequency, does not change."""
    totals = np.asarray(parts.sum(axis=0)).ravel()
    rank = np.argsort(np.argsort(totals, kind="stable"), kind="stable")
    # Irrational multiples: units with different votes have different sums.
    weight = np.sqrt(rank + 2.0)
    return np.lexsort((np.round(parts @ weight, 9), np.round(apart, 9))).astype(np.int64)
