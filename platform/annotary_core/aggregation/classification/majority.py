"""Majority vote: each worker has one vote a task, and the shares of the votes are the posterior.

A worker who answered a task several times still has one vote: it is split evenly over the answers given (weighted rows
bring the mean of their weights). "The last one counts" would depend on the order of rows, which the columns do not
promise. The share is a share, not a calibrated probability: one answer alone has confidence 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.aggregation.classification.tie_breaking import drawn, lots
from annotary_core.aggregation.classification.votes import Votes, changes, clamp

#: Shares this close are the same share; sums of thirds differ in the last bits.
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Majority:
    """Majority vote with ties drawn by lot (see ties.py); `seed` turns the lots."""

    seed: int = 0
    name: str = "majority"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        """Posterior shares over the classes voted for; a task whose rows all weigh 0 gives them equal shares."""
        votes = Votes.of(answers)
        if not len(votes.task):
            return _nothing(answers)
        # A cell is a (task, class) pair that got a vote.
        cell = np.flatnonzero(changes(votes.task, votes.label))
        cell_votes = np.add.reduceat(votes.vote, cell)
        cell_lot = np.minimum.reduceat(lots(votes.task, votes.worker, seed=self.seed), cell)
        cell_label = votes.label[cell]
        new_task = changes(votes.task[cell])
        start = np.flatnonzero(new_task)
        of_task = np.cumsum(new_task) - 1
        count = np.diff(np.append(start, len(cell)))

        total = np.add.reduceat(cell_votes, start)
        share = np.where(total[of_task] > 0, cell_votes / np.where(total > 0, total, 1.0)[of_task], 1 / count[of_task])
        best = np.maximum.reduceat(share, start)
        top = share >= best[of_task] - EPSILON
        chosen = drawn(of_task, cell_lot, cell_label, top, start, seed=self.seed)
        result = Consensus(
            task=votes.task[cell][start],
            label=cell_label[chosen],
            confidence=share[chosen],
            n=votes.workers,
            tied=np.add.reduceat(top.astype(np.int64), start) > 1,
            posteriors=Posteriors(start=np.append(start, len(cell)).astype(np.int64), label=cell_label, p=share),
        )
        return clamp(result, answers)


def _nothing(answers: Answers) -> Consensus:
    none = answers.task
    return Consensus(
        task=none,
        label=none,
        confidence=np.empty(0),
        n=none,
        tied=np.empty(0, np.bool_),
        posteriors=Posteriors(start=np.zeros(1, np.int64), label=none, p=np.empty(0)),
    )
