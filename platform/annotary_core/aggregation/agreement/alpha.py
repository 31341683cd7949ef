"""Krippendorff's alpha: 1 - observed disagreement / disagreement expected by chance.

1 is perfect agreement, 0 what chance alone would give, below 0 systematic disagreement; Krippendorff asks for .8, and
.667 where tentative conclusions do. Any number of workers, missing answers, and a distance that fits the labels:
nominal (different is different), ordinal (labels are ranks) and interval (labels are numbers). Ordinal distances are
interval distances between mid-ranks: (sum of n_g from c to k - (n_c + n_k) / 2)² is the squared difference of the mean
ranks of c and k; so two sums over units serve all levels, and no matrix of coincidences is needed.

With m_u workers on unit u and n = sum of m_u over units that have two or more:
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
    """value is nan when nothing can be said: no unit has two workers, or all labels are the same.

    low, high: the bootstrap interval, nan without one. observed, expected: D_o and D_e. units: pairable ones. values:
    votes on them.
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
    """What alpha needs of each unit; a unit with one worker has zeros.

    apart: its share of n D_o, shape (u,). parts: shape (u, f), sparse or dense, of which `expected` makes D_e once they
    are summed over units: the votes for each label (nominal), or the sums 1, x, x² of the values (others).
    """

    apart: FloatArray
    parts: Any
    nominal: bool

    def expected(self, totals: FloatArray) -> FloatArray:
        """D_e of summed parts, shape (..., f)."""
        if self.nominal:
            n = totals.sum(axis=-1)
            pairs = n**2 - (totals**2).sum(axis=-1)
        else:
            n = totals[..., 0]
            pairs = 2 * (n * totals[..., 2] - totals[..., 1] ** 2)
        # Differences of large squares leave dust where all values are the same.
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

    values: the number that each of `ratings.labels` stands for, shape (k,): for "interval" its value, for "ordinal" its
    place in the order; None takes the label itself. bootstrap: how to find the interval; None leaves it out. Ordinal
    ranks stay those of the whole data while units are drawn. Raises ValueError for an unknown level.
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
    """Alpha of the units in each stretch of time: (first time, last time, alpha), about as many units in each.

    unit_time: one number a unit, shape (u,), see last_times. Units of the same time stay together. What chance would
    give is taken from each stretch by itself.
    """
    sums = _sums(ratings, level, values)
    times = unit_time[ratings.pairable]
    if not len(times):
        return []
    edges = np.unique(np.quantile(times, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, unit_time, side="right")
    found = []
    for index in np.unique(place[ratings.pairable]):
        inside = ratings.pairable & (place == index)
        span = unit_time[inside]
        found.append((float(span.min()), float(span.max()), _alpha(sums, inside, bootstrap)))
    return found


def last_times(ratings: Ratings, task: IntArray, time: FloatArray) -> FloatArray:
    """The time of the last answer to each unit, shape (u,), from the rows that the ratings were made of."""
    out = np.full(len(ratings.units), -np.inf)
    np.maximum.at(out, np.searchsorted(ratings.units, task), time)
    return out


@dataclass(frozen=True, slots=True)
class ClassAlphas:
    """Alpha of each label against all others, in columns of shape (k,).

    value: nan for a label that nobody gave on a pairable unit, or that everybody always gave. votes: on pairable units.
    """

    label: IntArray
    value: FloatArray
    votes: FloatArray


def class_alphas(ratings: Ratings) -> ClassAlphas:
    """Nominal alpha a label, with all other labels taken as one."""
    kept = ratings.pairable[ratings.unit]
    counts = ratings.counts.tocoo()
    raters = ratings.raters[counts.row]
    with_others = ratings.pairable[counts.row]
    given = np.where(with_others, counts.data * (raters - counts.data) / np.maximum(raters - 1, 1), 0.0)
    split = ratings.share * (1 - ratings.share) / np.maximum(ratings.raters[ratings.unit] - 1, 1)
    apart = np.bincount(counts.col, given, minlength=len(ratings.labels))
    apart -= np.bincount(ratings.label[kept], split[kept], minlength=len(ratings.labels))
    votes = ratings.totals
    n = float(votes.sum())
    chance = votes * (n - votes)
    ratio = np.divide((n - 1) * apart, chance, out=np.full(len(votes), np.nan), where=chance > 1e-9)
    return ClassAlphas(label=ratings.labels, value=1 - ratio, votes=votes)


def _sums(ratings: Ratings, level: Level, values: FloatArray | None) -> _Sums:
    raters = ratings.raters.astype(np.float64)
    if level == "nominal":
        together = np.asarray(ratings.counts.multiply(ratings.counts).sum(axis=1)).ravel()
        within = raters - ratings.per_unit(ratings.share)
        apart = raters**2 - together - within
        return _Sums(_over(apart, raters), ratings.counts, nominal=True)
    if level not in {"ordinal", "interval"}:
        raise ValueError(f"There is no level {level!r}; use nominal, ordinal or interval.")
    place = ratings.labels.astype(np.float64) if values is None else values
    middle = place.mean() if len(place) else 0.0
    x = (_mid_ranks(ratings.totals, place) if level == "ordinal" else place - middle)[ratings.label]
    first, second = ratings.per_unit(x), ratings.per_unit(x**2)
    apart = 2 * (raters * second - first**2) - 2 * (second - ratings.within(x))
    return _Sums(_over(np.maximum(apart, 0.0), raters), np.stack([raters, first, second], axis=1), nominal=False)


def _mid_ranks(totals: FloatArray, place: FloatArray) -> FloatArray:
    """The mean rank of each label's votes, when all votes are ranked by the labels' places; scaled to at most 1."""
    order = np.argsort(place, kind="stable")
    ranks = np.empty(len(totals))
    ranks[order] = np.cumsum(totals[order]) - totals[order] / 2
    n = totals.sum()
    return ranks / n - 0.5 if n > 0 else ranks


def _over(apart: FloatArray, raters: FloatArray) -> FloatArray:
    out: FloatArray = np.divide(apart, raters - 1, out=np.zeros(len(raters)), where=raters >= 2)
    return out


def _alpha(sums: _Sums, units: BoolArray, bootstrap: Bootstrap | None) -> Alpha:
    """Alpha of the units that are marked, all of them pairable."""
    parts, apart = sums.parts[units], sums.apart[units]
    totals = np.asarray(parts.sum(axis=0)).ravel()
    value, observed, expected = _ratio(sums, float(apart.sum()), totals)
    low = high = float("nan")
    if bootstrap is not None and np.isfinite(value):
        drawn = [part for part in _draws(sums, apart, parts, bootstrap) if np.isfinite(part)]
        low, high = bootstrap.ends(np.array(drawn))
    return Alpha(value, low, high, observed, expected, int(units.sum()), float(sums.values(totals)))


def _ratio(sums: _Sums, apart: float, totals: FloatArray) -> tuple[float, float, float]:
    n, expected = float(sums.values(totals)), float(sums.expected(totals))
    observed = apart / n if n > 0 else float("nan")
    return (1 - observed / expected if expected > 0 else float("nan")), observed, expected


def _draws(sums: _Sums, apart: FloatArray, parts: Any, bootstrap: Bootstrap) -> FloatArray:
    """Alpha of each resample, shape (replicates,)."""
    drawn_apart, drawn = resampled_sums(apart, parts, bootstrap)
    n, expected = sums.values(drawn), sums.expected(drawn)
    observed = drawn_apart / np.maximum(n, 1)
    drawn_values: FloatArray = 1 - np.divide(observed, expected, out=np.full(len(n), np.nan), where=expected > 0)
    return drawn_values
