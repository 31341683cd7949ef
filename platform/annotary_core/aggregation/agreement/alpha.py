"""Krippendorff's alpha: 1 - observed disagreement / disagreement expected by chance.

1 is perfect agreement, 0 agreement by chance, below 0 systematic disagreement. Krippendorff requires .8, or .667 for
tentative conclusions. Alpha allows any number of workers, missing answers, and a distance for each level of
measurement: nominal (equal or different), ordinal (labels are ranks) and interval (labels are numbers). Ordinal
distances are interval distances between mid-ranks: (sum of n_g from c to k - (n_c + n_k) / 2)² is the squared
difference of the mean ranks of c and k. Two sums over units therefore suffice for all levels, without a coincidence
matrix.

With m_u workers on unit u and n = sum of m_u over units with two or more workers:
    D_o = 1/n sum_u 1/(m_u - 1) sum over pairs of different workers of d²
    D_e = 1/(n (n - 1)) sum over all pairs of values of d²
K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011); Content Analysis, 4th ed. (2018), ch. 12;
A. Hayes, K. Krippendorff, Answering the Call for a Standard Reliability Measure for Coding Data (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from annotary_core.aggregation.agreement.bootstrap import Bootstrap, resampled_sums
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Alpha:
    """Alpha. value: nan if undefined, because no unit has two workers or all labels are equal.

    low, high: bootstrap interval, nan without one. observed, expected: D_o and D_e. units: number of pairable units.
    values: number of votes on them.
    """

    value: float
    low: float
    high: float
    observed: float
    expected: float
    units: int
    values: float


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums per unit that alpha is computed from; all 0 for a unit with one worker.

    disagreement: the unit's contribution to n D_o, shape (u,). parts: shape (u, f), sparse or dense; `expected`
    computes D_e from their sums over units. They are the votes for each label (nominal), or the sums of 1, x and x²
    over the values (other levels).
    """

    disagreement: FloatArray
    parts: Any
    nominal: bool

    def expected(self, totals: FloatArray) -> FloatArray:
        """D_e from summed parts, shape (..., f)."""
        if self.nominal:
            n = totals.sum(axis=-1)
            pairs = n**2 - (totals**2).sum(axis=-1)
        else:
            n = totals[..., 0]
            pairs = 2 * (n * totals[..., 2] - totals[..., 1] ** 2)
        # Differences of large squares leave rounding errors if all values are equal.
        pairs = np.where(pairs > 1e-12 * np.maximum(n**2, 1), pairs, 0.0)
        out: FloatArray = np.divide(pairs, n * (n - 1), out=np.zeros_like(pairs, dtype=np.float64), where=n > 1)
        return out

    def values(self, totals: FloatArray) -> FloatArray:
        out: FloatArray = totals.sum(axis=-1) if self.nominal else totals[..., 0]
        return out


def alpha(
    ratings: Ratings, *, level: Level = "nominal", values: FloatArray | None = None, bootstrap: Bootstrap | None = None
) -> Alpha:
    """Alpha of all units.

    values: the number of each of `ratings.labels`, shape (k,): its value for "interval", its position in the order for
    "ordinal"; None uses the label itself. bootstrap: settings of the interval; None omits it. Ordinal ranks are those
    of the full data for all replicates. Raises ValueError for an unknown level.
    """
    sums = _sums(ratings, level, values)
    return _alpha(sums, ratings.pairable, bootstrap)


def alpha_over_time(
    ratings: Ratings,
    unit_time: FloatArray,
    *,
    bins: int = 10,
    level: Level = "nominal",
    values: FloatArray | None = None,
    bootstrap: Bootstrap | None = None,
) -> list[tuple[float, float, Alpha]]:
    """Alpha per time bin: (first time, last time, alpha), with about the same number of units in each bin.

    unit_time: one number per unit, shape (u,), see `last_times`. Units with equal times share a bin. Expected
    disagreement is computed within each bin.
    """
    sums = _sums(ratings, level, values)
    times = unit_time[ratings.pairable]
    if not len(times):
        return []
    edges = np.unique(np.quantile(times, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    bin_index = np.searchsorted(edges, unit_time, side="right")
    alphas = []
    for current in np.unique(bin_index[ratings.pairable]):
        inside = ratings.pairable & (bin_index == current)
        span = unit_time[inside]
        alphas.append((float(span.min()), float(span.max()), _alpha(sums, inside, bootstrap)))
    return alphas


def last_times(ratings: Ratings, task: IntArray, time: FloatArray) -> FloatArray:
    """The time of the last answer to each unit, shape (u,), from the rows that the ratings were built from."""
    out = np.full(len(ratings.units), -np.inf)
    np.maximum.at(out, np.searchsorted(ratings.units, task), time)
    return out


@dataclass(frozen=True, slots=True)
class ClassAlphas:
    """Alpha of each label against all others, in columns of shape (k,).

    value: nan for a label that has no votes on pairable units, or all of them. votes: on pairable units.
    """

    label: IntArray
    value: FloatArray
    votes: FloatArray


def class_alphas(ratings: Ratings) -> ClassAlphas:
    """Nominal alpha of each label, with all other labels merged into one."""
    kept = ratings.pairable[ratings.unit]
    counts = ratings.counts.tocoo()
    raters = ratings.raters[counts.row]
    pairable = ratings.pairable[counts.row]
    cross_pairs = np.where(pairable, counts.data * (raters - counts.data) / np.maximum(raters - 1, 1), 0.0)
    own_pairs = ratings.share * (1 - ratings.share) / np.maximum(ratings.raters[ratings.unit] - 1, 1)
    disagreement = np.bincount(counts.col, cross_pairs, minlength=len(ratings.labels))
    disagreement -= np.bincount(ratings.label[kept], own_pairs[kept], minlength=len(ratings.labels))
    votes = ratings.totals
    n = float(votes.sum())
    chance = votes * (n - votes)
    ratio = np.divide((n - 1) * disagreement, chance, out=np.full(len(votes), np.nan), where=chance > 1e-9)
    return ClassAlphas(label=ratings.labels, value=1 - ratio, votes=votes)


def _sums(ratings: Ratings, level: Level, values: FloatArray | None) -> _Sums:
    raters = ratings.raters.astype(np.float64)
    if level == "nominal":
        same_pairs = np.asarray(ratings.counts.multiply(ratings.counts).sum(axis=1)).ravel()
        within = raters - ratings.per_unit(ratings.share)
        disagreement = raters**2 - same_pairs - within
        return _Sums(_per_rater(disagreement, raters), ratings.counts, nominal=True)
    if level not in {"ordinal", "interval"}:
        raise ValueError(f"There is no level {level!r}; use nominal, ordinal or interval.")
    position = ratings.labels.astype(np.float64) if values is None else values
    mean = position.mean() if len(position) else 0.0
    x = (_mid_ranks(ratings.totals, position) if level == "ordinal" else position - mean)[ratings.label]
    first, second = ratings.per_unit(x), ratings.per_unit(x**2)
    disagreement = 2 * (raters * second - first**2) - 2 * (second - ratings.within(x))
    return _Sums(
        _per_rater(np.maximum(disagreement, 0.0), raters), np.stack([raters, first, second], axis=1), nominal=False
    )


def _mid_ranks(totals: FloatArray, position: FloatArray) -> FloatArray:
    """The mean rank of each label's votes when all votes are ranked by label position, scaled to -0.5 to 0.5."""
    order = np.argsort(position, kind="stable")
    ranks = np.empty(len(totals))
    ranks[order] = np.cumsum(totals[order]) - totals[order] / 2
    n = totals.sum()
    return ranks / n - 0.5 if n > 0 else ranks


def _per_rater(disagreement: FloatArray, raters: FloatArray) -> FloatArray:
    out: FloatArray = np.divide(disagreement, raters - 1, out=np.zeros(len(raters)), where=raters >= 2)
    return out


def _alpha(sums: _Sums, units: BoolArray, bootstrap: Bootstrap | None) -> Alpha:
    """Alpha of the selected units, all of them pairable."""
    parts, disagreement = sums.parts[units], sums.disagreement[units]
    totals = np.asarray(parts.sum(axis=0)).ravel()
    value, observed, expected = _ratio(sums, float(disagreement.sum()), totals)
    low = high = float("nan")
    if bootstrap is not None and np.isfinite(value):
        resampled = [part for part in _resampled_alphas(sums, disagreement, parts, bootstrap) if np.isfinite(part)]
        low, high = bootstrap.interval(np.array(resampled))
    return Alpha(value, low, high, observed, expected, int(units.sum()), float(sums.values(totals)))


def _ratio(sums: _Sums, disagreement: float, totals: FloatArray) -> tuple[float, float, float]:
    n, expected = float(sums.values(totals)), float(sums.expected(totals))
    observed = disagreement / n if n > 0 else float("nan")
    return (1 - observed / expected if expected > 0 else float("nan")), observed, expected


def _resampled_alphas(sums: _Sums, disagreement: FloatArray, parts: Any, bootstrap: Bootstrap) -> FloatArray:
    """Alpha of each bootstrap replicate, shape (replicates,)."""
    resampled_disagreement, totals = resampled_sums(disagreement, parts, bootstrap)
    n, expected = sums.values(totals), sums.expected(totals)
    observed = resampled_disagreement / np.maximum(n, 1)
    values: FloatArray = 1 - np.divide(observed, expected, out=np.full(len(n), np.nan), where=expected > 0)
    return values
