"""Cohen's kappa of pairs of workers, computed for all pairs at once by sparse matrix products.

kappa = (p_o - p_e) / (1 - p_e) over the units that both answered: p_o is the share on which they agree, p_e the
agreement expected if both chose labels at random with their own frequencies on these units.
J. Cohen, A Coefficient of Agreement for Nominal Scales (1960).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.classification.votes import run_starts
from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pairs of workers in columns of shape (p,), by descending number of common units.

    first, second: worker ids. n: number of common units. agreement: p_o. kappa: nan if expected agreement is 1.
    complete: whether these are all pairs with a common unit.
    """

    first: IntArray
    second: IntArray
    n: IntArray
    agreement: FloatArray
    kappa: FloatArray
    complete: bool

    def mean_kappa(self) -> float:
        """Mean kappa weighted by common units; nan if no kappa is defined."""
        defined = np.isfinite(self.kappa)
        return float(np.average(self.kappa[defined], weights=self.n[defined])) if defined.any() else float("nan")


@dataclass(frozen=True, slots=True)
class WorkerTable:
    """Workers against gold in columns of shape (w,): worker ids, gold units answered, accuracy, Cohen's kappa.

    kappa: nan if expected agreement is 1.
    """

    worker: IntArray
    n: IntArray
    right: FloatArray
    kappa: FloatArray


def pairwise(ratings: Ratings, *, workers: int = 1000, pairs: int = 1000) -> PairTable:
    """At most `pairs` pairs with the most common units, among the `workers` workers with the most units."""
    units = np.bincount(ratings.worker[_first_rows(ratings)], minlength=len(ratings.workers))
    busiest = np.sort(np.lexsort((np.arange(len(units)), -units))[:workers])
    index = np.full(len(units), -1, np.int64)
    index[busiest] = np.arange(len(busiest))
    kept = (index[ratings.worker] >= 0) & ratings.pairable[ratings.unit]
    worker, unit, label, share = (
        index[ratings.worker[kept]],
        ratings.unit[kept],
        ratings.label[kept],
        ratings.share[kept],
    )
    shape = (len(busiest), len(ratings.units))
    answered = sparse.csr_matrix((np.ones(len(worker)), (worker, unit)), shape=shape)
    answered.data[:] = 1.0
    first, second, n, complete = _most_common_units(answered, pairs)
    agreements = np.zeros(len(n))
    chance = np.zeros(len(n))
    for rows in np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1]) if len(label) else []:
        votes = sparse.csr_matrix((share[rows], (worker[rows], unit[rows])), shape=shape)
        agreements += _entries(votes @ votes.T, first, second)
        marginal = (votes @ answered.T).tocsr()
        chance += _entries(marginal, first, second) * _entries(marginal, second, first)
    agreement, chance = agreements / n, chance / n.astype(np.float64) ** 2
    ids = ratings.workers[busiest]
    return PairTable(
        first=ids[first],
        second=ids[second],
        n=n,
        agreement=agreement,
        kappa=_kappa(agreement, chance),
        complete=complete and len(busiest) == len(units),
    )


def against_gold(ratings: Ratings, gold: Mapping[int, int]) -> WorkerTable:
    """Compare every worker who answered a gold unit with gold, by worker id. gold: unit -> label."""
    gold_units = np.fromiter(gold.keys(), np.int64, len(gold))
    gold_labels = np.fromiter(gold.values(), np.int64, len(gold))
    answered = np.isin(gold_units, ratings.units)
    labels = np.union1d(ratings.labels, gold_labels)
    truth = np.full(len(ratings.units), -1, np.int64)
    truth[np.searchsorted(ratings.units, gold_units[answered])] = np.searchsorted(labels, gold_labels[answered])
    kept = truth[ratings.unit] >= 0
    worker, true, share = ratings.worker[kept], truth[ratings.unit[kept]], ratings.share[kept]
    voted = np.searchsorted(labels, ratings.labels)[ratings.label[kept]]
    size = len(ratings.workers)
    n = np.bincount(worker, share, minlength=size)
    correct = np.bincount(worker, share * (voted == true), minlength=size)
    shape = (size, len(labels))
    voted_counts = sparse.csr_matrix((share, (worker, voted)), shape=shape)
    true_counts = sparse.csr_matrix((share, (worker, true)), shape=shape)
    has_gold = n > 0
    chance = np.asarray(voted_counts.multiply(true_counts).sum(axis=1)).ravel()[has_gold] / n[has_gold] ** 2
    agreement = correct[has_gold] / n[has_gold]
    units = np.round(n[has_gold]).astype(np.int64)
    return WorkerTable(ratings.workers[has_gold], units, agreement, _kappa(agreement, chance))


def cohen_kappa(table: FloatArray) -> float:
    """Kappa of a contingency table, shape (k, k), one worker's labels in rows, the other's in columns.

    Returns nan if undefined.
    """
    n = table.sum()
    chance = np.array([(table.sum(axis=0) * table.sum(axis=1)).sum() / n**2])
    return float(_kappa(np.array([np.trace(table) / n]), chance)[0])


def _first_rows(ratings: Ratings) -> IntArray:
    pair = ratings.unit * max(len(ratings.workers), 1) + ratings.worker
    return np.flatnonzero(run_starts(pair)).astype(np.int64)


def _most_common_units(answered: Any, pairs: int) -> tuple[IntArray, IntArray, IntArray, bool]:
    """Pairs (first < second) by descending number of common units, that number, and whether these are all pairs."""
    common = sparse.triu(answered @ answered.T, k=1).tocoo()
    n = np.round(common.data).astype(np.int64)
    order = np.lexsort((common.col, common.row, -n))[:pairs]
    first, second = common.row[order].astype(np.int64), common.col[order].astype(np.int64)
    return first, second, n[order], len(n) <= pairs


def _entries(matrix: Any, first: IntArray, second: IntArray) -> FloatArray:
    return np.asarray(matrix[first, second], np.float64).ravel() if len(first) else np.empty(0)


def _kappa(agreement: FloatArray, chance: FloatArray) -> FloatArray:
    defined = chance < 1 - 1e-12
    out: FloatArray = np.divide(agreement - chance, 1 - chance, out=np.full(len(chance), np.nan), where=defined)
    return out
