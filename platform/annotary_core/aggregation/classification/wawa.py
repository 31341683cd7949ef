"""Weighted majority: a worker's vote counts as much as the worker usually agrees with the majority.

Known as Wawa, "worker agreement with aggregate" (Appen; Toloka's crowd-kit). One step, no iteration: quick, easy to
explain, and of little help where many are wrong together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.one_coin_em import Coins
from annotary_core.aggregation.classification.result import outcome


@dataclass(frozen=True, slots=True)
class WeightedMajority:
    """The posterior is the share of the weighted votes. Tasks of known class count as their class."""

    seed: int = 0
    name: str = "weighted-majority"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        coded = Coded.of(answers, repeats="share")
        coins = Coins(coded)
        right = coins.count(coins.shares(), np.zeros(len(coded.classes))).counts[:, 0]
        skill = np.divide(right, coins.of_worker, out=np.zeros_like(right), where=coins.of_worker > 0)
        return outcome(coded, replace(coded, vote=coded.vote * skill[coded.worker]).shares(), skill, seed=self.seed)
