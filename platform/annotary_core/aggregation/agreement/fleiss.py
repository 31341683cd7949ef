"""Fleiss' kappa: chance-corrected agreement of many workers on classes.

For unit i with n_i workers, n_ij of them for class j: P_i = sum_j n_ij (n_ij - 1) / (n_i (n_i - 1)), the share of pairs
of workers that agree. kappa = (mean P_i - P_e) / (1 - P_e), P_e = sum_j p_j², p_j the share of class j among all votes.
J. Fleiss, Measuring Nominal Scale Agreement among Many Raters (1971), assumes the same n for every unit. If n_i varies,
every unit with two or more workers has the same weight in the mean, and every vote the same weight in p_j (alpha
instead weights units by their votes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.agreement.ratings import Ratings


@dataclass(frozen=True, slots=True)
class Fleiss:
    """Fleiss' kappa. kappa: nan if no unit has two workers or all votes are for one class. agreement: mean P_i.

    chance: P_e. units: number of units with two or more workers. same_number: whether all of them have the same number
    of workers.
    """

    kappa: float
    agreement: float
    chance: float
    units: int
    same_number: bool


def fleiss_kappa(ratings: Ratings) -> Fleiss:
    """Kappa of all units with two or more workers."""
    kept = ratings.pairable
    if not kept.any():
        return Fleiss(float("nan"), float("nan"), float("nan"), 0, True)
    raters = ratings.raters[kept].astype(np.float64)
    squares = np.asarray(ratings.counts.multiply(ratings.counts).sum(axis=1)).ravel()[kept]
    # The parts of a worker's split vote do not form a pair of workers.
    own = ratings.per_unit(ratings.share)[kept]
    agreement = float(np.mean((squares - own) / (raters * (raters - 1))))
    share = ratings.totals / ratings.totals.sum()
    chance = float((share**2).sum())
    kappa = (agreement - chance) / (1 - chance) if chance < 1 - 1e-12 else float("nan")
    return Fleiss(kappa, agreement, chance, int(kept.sum()), bool((raters == raters[0]).all()))
