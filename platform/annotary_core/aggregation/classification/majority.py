"""Majority vote: each worker has one vote per task, and the vote shares are the posterior.

A worker who answered a task several times still has one vote, split evenly over their answers (weighted rows count
with their mean weight). "The last answer counts" would depend on the order of rows, which is not guaranteed. The share
is not a calibrated probability: a single answer has confidence 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.aggregation.classification.votes import Votes, break_ties, clamp_gold, run_starts, tie_hash

#: Shares that differ by at most this are equal; sums of thirds differ in the last bits.
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Majority:
    """Majority vote. A deterministic hash of `seed` breaks ties; see votes.py."""

    seed: int = 0
    name: str = "majority"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        """Vote shares as the posterior over the voted classes; uniform if all rows of the task have weight 0."""
        votes = Votes.of(answers)
        if not len(votes.task):
            return _empty(answers)
        # A candidate is a (task, class) pair with at least one vote.
        candidate = np.flatnonzero(run_starts(votes.task, votes.label))
        candidate_votes = np.add.reduceat(votes.vote, candidate)
        candidate_hash = np.minimum.reduceat(tie_hash(votes.task, votes.worker, seed=self.seed), candidate)
        candidate_label = votes.label[candidate]
        new_task = run_starts(votes.task[candidate])
        start = np.flatnonzero(new_task)
        task_index = np.cumsum(new_task) - 1
        count = np.diff(np.append(start, len(candidate)))

        total = np.add.reduceat(candidate_votes, start)
        share = np.where(
            total[task_index] > 0, candidate_votes / np.where(total > 0, total, 1.0)[task_index], 1 / count[task_index]
        )
        best = np.maximum.reduceat(share, start)
        top = share >= best[task_index] - EPSILON
        chosen = break_ties(task_index, candidate_hash, candidate_label, top, start, seed=self.seed)
        result = Consensus(
            task=votes.task[candidate][start],
            label=candidate_label[chosen],
            confidence=share[chosen],
            n=votes.workers,
            tied=np.add.reduceat(top.astype(np.int64), start) > 1,
            posteriors=Posteriors(
                start=np.append(start, len(candidate)).astype(np.int64), label=candidate_label, p=share
            ),
        )
        return clamp_gold(result, answers)


def _empty(answers: Answers) -> Consensus:
    empty = answers.task
    return Consensus(
        task=empty,
        label=empty,
        confidence=np.empty(0),
        n=empty,
        tied=np.empty(0, np.bool_),
        posteriors=Posteriors(start=np.zeros(1, np.int64), label=empty, p=np.empty(0)),
    )
