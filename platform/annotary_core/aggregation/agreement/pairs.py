"""Cohen's kappa of pairs of workers, for all pairs at once by sparse matrix products.

kappa = (p_o - p_e) / (1 - p_e) over the units that both answered: p_o is the share on which they agree, p_e the
agreement of two workers who draw labels at random, each with the frequencies that they showed on these units.
J. Cohen, A Coefficient of Agreement for Nominal Scales (1960).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.classification.votes import changes
from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pairs of workers in columns of shape (p,), those with the most units in common first.

    first, second: worker numbers. n: units in common. agreement: p_o. kappa: nan where chance alone would agree always.
    complete: whether these are all pairs with a unit in common.
    """

    first: IntArray
    second: IntArray
    n: IntArray
    agreement: FloatArray
    kappa: FloatArray
    complete: bool

    def mean_kappa(self) -> float:
        """Weighted by units in common; nan without a defined kappa."""
        known = np.isfinite(self.kappa)
        return float(np.average(self.kappa[known], weights=self.n[known])) if known.any() else float("nan")


@dataclass(frozen=True, slots=True)
class WorkerTable:
    """Workers against gold, in columns of shape (w,): worker numbers, gold units answered, share right, Cohen's kappa.

    kappa: nan where chance alone would agree always.
    """

    worker: IntArray
    n: IntArray
    right: FloatArray
    kappa: FloatArray


def pairwise(ratings: Ratings, *, workers: int = 1000, pairs: int = 1000) -> PairTable:
    """The pairs with the most units in common, at most `pairs`, among the `workers` workers with the most units."""
    units = np.bincount(ratings.worker[_first_rows(ratings)], minlength=len(ratings.workers))
    busiest = np.sort(np.lexsort((np.arange(len(units)), -units))[:workers])
    place = np.full(len(units), -1, np.int64)
    place[busiest] = np.arange(len(busiest))
    kept = (place[ratings.worker] >= 0) & ratings.pairable[ratings.unit]
    who, unit, label, share = place[ratings.worker[kept]], ratings.unit[kept], ratings.label[kept], ratings.share[kept]
    shape = (len(busiest), len(ratings.units))
    saw = sparse.csr_matrix((np.ones(len(who)), (who, unit)), shape=shape)
    saw.data[:] = 1.0
    first, second, n, complete = _most_shared(saw, pairs)
    agreed = np.zeros(len(n))
    chance = np.zeros(len(n))
    for chosen in np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1]) if len(label) else []:
        votes = sparse.csr_matrix((share[chosen], (who[chosen], unit[chosen])), shape=shape)
        agreed += _entries(votes @ votes.T, first, second)
        marginal = (votes @ saw.T).tocsr()
        chance += _entries(marginal, first, second) * _entries(marginal, second, first)
    agreement, chance = agreed / n, chance / n.astype(np.float64) ** 2
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
    """Every worker who answered a gold unit, by worker number; gold is unit -> label."""
    known = np.fromiter(gold.keys(), np.int64, len(gold))
    truths = np.fromiter(gold.values(), np.int64, len(gold))
    answered = np.isin(known, ratings.units)
    labels = np.union1d(ratings.labels, truths)
    truth = np.full(len(ratings.units), -1, np.int64)
    truth[np.searchsorted(ratings.units, known[answered])] = np.searchsorted(labels, truths[answered])
    kept = truth[ratings.unit] >= 0
    worker, true, share = ratings.worker[kept], truth[ratings.unit[kept]], ratings.share[kept]
    given = np.searchsorted(labels, ratings.labels)[ratings.label[kept]]
    size = len(ratings.workers)
    n = np.bincount(worker, share, minlength=size)
    right = np.bincount(worker, share * (given == true), minlength=size)
    shape = (size, len(labels))
    said = sparse.csr_matrix((share, (worker, given)), shape=shape)
    was = sparse.csr_matrix((share, (worker, true)), shape=shape)
    some = n > 0
    chance = np.asarray(said.multiply(was).sum(axis=1)).ravel()[some] / n[some] ** 2
    agreement = right[some] / n[some]
    units = np.round(n[some]).astype(np.int64)
    return WorkerTable(ratings.workers[some], units, agreement, _kappa(agreement, chance))


def cohen_kappa(table: FloatArray) -> float:
    """Kappa of a table of counts, shape (k, k), one worker's labels down and the other's across; nan if undefined."""
    n = table.sum()
    chance = np.array([(table.sum(axis=0) * table.sum(axis=1)).sum() / n**2])
    return float(_kappa(np.array([np.trace(table) / n]), chance)[0])


def _first_rows(ratings: Ratings) -> IntArray:
    pair = ratings.unit * max(len(ratings.workers), 1) + ratings.worker
    return np.flatnonzero(changes(pair)).astype(np.int64)


def _most_shared(saw: Any, pairs: int) -> tuple[IntArray, IntArray, IntArray, bool]:
    """Pairs (first < second) by falling number of units in common, that number, and whether these are all."""
    common = sparse.triu(saw @ saw.T, k=1).tocoo()
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
