"""Weighted majority vote: each vote is weighted by how often its worker agrees with the majority.

Known as Wawa, "worker agreement with aggregate" (Appen; Toloka's crowd-kit). One step without iteration: fast, easy to
explain, and of little help where many workers make the same error.
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
    """The posterior is the share of the weighted votes. Gold tasks are clamped to their class."""

    seed: int = 0
    name: str = "weighted-majority"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        encoded = Coded.of(answers, repeats="share")
        one_coin = Coins(encoded)
        correct = one_coin.count(one_coin.shares(), np.zeros(len(encoded.classes))).counts[:, 0]
        skill = np.divide(correct, one_coin.worker_votes, out=np.zeros_like(correct), where=one_coin.worker_votes > 0)
        return outcome(
            encoded, replace(encoded, vote=encoded.vote * skill[encoded.worker]).shares(), skill, seed=self.seed
        )
