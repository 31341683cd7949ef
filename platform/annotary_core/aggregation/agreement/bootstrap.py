"""Bootstrap confidence intervals for agreement measures, by resampling units with replacement.

Units are what was sampled, so units are resampled and not single values. (Krippendorff's own procedure resamples
values: it treats the pairs of a unit as independent and gives narrower intervals.) Above `groups` units, units are
randomly assigned to that many groups and the groups are resampled: their sums have the same variance, and a million
units cost no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Percentile bootstrap (Efron 1979) at the given confidence level. The same seed gives the same intervals."""

    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0
    groups: int = 2000

    def interval(self, resampled: FloatArray) -> tuple[float, float]:
        """The interval of the resampled values; nan if there are none."""
        if not len(resampled):
            return float("nan"), float("nan")
        low, high = np.quantile(resampled, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return float(low), float(high)


def resampled_sums(disagreement: FloatArray, parts: Any, bootstrap: Bootstrap) -> tuple[FloatArray, FloatArray]:
    """Sums over resampled units of `disagreement`, shape (u,), and of `parts`, shape (u, f), one row per replicate.

    Units are first sorted by content, so the result does not depend on their ids.
    """
    rng = np.random.default_rng(bootstrap.seed)
    order = _by_content(disagreement, parts)
    groups = min(len(order), bootstrap.groups)
    if groups < len(order):
        order = rng.permutation(order)
    group = np.empty(len(order), np.int64)
    group[order] = np.arange(len(order)) % groups
    group_sum = sparse.csr_matrix((np.ones(len(order)), (group, np.arange(len(order)))), shape=(groups, len(order)))
    grouped = group_sum @ parts
    table = grouped.toarray() if sparse.issparse(grouped) else np.asarray(grouped)
    multiplicity = rng.multinomial(groups, np.full(groups, 1 / groups), size=bootstrap.replicates).astype(np.float64)
    return multiplicity @ (group_sum @ disagreement), multiplicity @ table


def _by_content(disagreement: FloatArray, parts: Any) -> IntArray:
    """Order of the units that does not change if units, or labels of different frequency, are renamed."""
    totals = np.asarray(parts.sum(axis=0)).ravel()
    rank = np.argsort(np.argsort(totals, kind="stable"), kind="stable")
    # Irrational weights: units with different votes have different sums.
    weight = np.sqrt(rank + 2.0)
    return np.lexsort((np.round(parts @ weight, 9), np.round(disagreement, 9))).astype(np.int64)
