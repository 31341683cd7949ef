"""Weighted majority vote: each vote is weighted by how often its worker agrees with the majority.

Known as Wawa, "worker agreement with aggregate" (Appen; Toloka's crowd-kit). One step without iteration: fast, easy to
explain, and of little help where many workers make the same error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.one_coin_em import OneCoinEStep
from annotary_core.aggregation.classification.result import consensus_from_posteriors


@dataclass(frozen=True, slots=True)
class WeightedMajority:
    """The posterior is the share of the weighted votes. Gold tasks are clamped to their class."""

    seed: int = 0
    name: str = "weighted-majority"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        encoded = EncodedAnswers.of(answers, repeats="share")
        one_coin = OneCoinEStep(encoded)
        correct = one_coin.statistics(one_coin.vote_shares(), np.zeros(len(encoded.classes))).counts[:, 0]
        skill = np.divide(correct, one_coin.worker_votes, out=np.zeros_like(correct), where=one_coin.worker_votes > 0)
        return consensus_from_posteriors(
            encoded, replace(encoded, vote=encoded.vote * skill[encoded.worker]).vote_shares(), skill, seed=self.seed
        )
