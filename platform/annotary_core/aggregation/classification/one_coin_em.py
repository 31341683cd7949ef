"""The one-coin E-step: a worker is right with one probability, and otherwise says any other class equally often.

Only the classes that somebody said of a task need a number of their own: all others of the task have the same answers
against them, so that their posterior is a common factor times their frequency. So the cost follows the answers and not
the classes, and a thousand classes are as fast as two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.classification.encoding import Coded, IndexArray
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SaidPosterior:
    """Posterior of the classes that were said of each task, and what the others share.

    said: shape (c,), one entry a cell of `Coins`. other: shape (t,), the factor that gives a class that nobody said its
    posterior: other[task] * exp(log_class_prior[class]); 0 for tasks whose class is known.
    """

    said: FloatArray
    other: FloatArray


class Coins:
    """The answers by (task, said class) pairs, the cells, sorted; the structure is made once for all iterations."""

    def __init__(self, coded: Coded) -> None:
        self.classes = len(coded.classes)
        self.tasks = len(coded.tasks)
        self.workers = len(coded.workers)
        self.gold = coded.gold
        task = coded.task.astype(np.int64)
        key = task * max(self.classes, 1) + coded.label
        self.cell, row_cell = np.unique(key, return_inverse=True)
        self.row_cell: IntArray = row_cell.astype(np.int64, copy=False)
        self.row_task = task
        self.row_worker = coded.worker
        self.vote = coded.vote
        self.cell_task: IntArray = self.cell // max(self.classes, 1)
        self.cell_class: IntArray = self.cell % max(self.classes, 1)
        self.all_said: NDArray[np.bool_] = np.bincount(self.cell_task, minlength=self.tasks) >= self.classes
        self.of_worker: FloatArray = self._sum(self.row_worker, self.vote, self.workers)
        known = self.gold[self.cell_task]
        self.known_cell: NDArray[np.bool_] = known >= 0
        self.is_gold: NDArray[np.bool_] = known == self.cell_class

    def shares(self) -> SaidPosterior:
        """Each class's share of the votes of its task, known classes clamped."""
        votes = self._sum(self.row_cell, self.vote, len(self.cell))
        total = self._sum(self.cell_task, votes, self.tasks)[self.cell_task]
        share = np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)
        return SaidPosterior(said=np.where(self.known_cell, self.is_gold, share), other=np.zeros(self.tasks))

    def known(self) -> FloatArray:
        """Right and wrong votes of each worker on tasks of known class, shape (w, 2)."""
        right, of_known = self.is_gold[self.row_cell], self.known_cell[self.row_cell]
        return np.stack(
            [self._sum(self.row_worker, self.vote * part, self.workers) for part in (right, of_known & ~right)], axis=1
        )

    def expect(self, log_coin: FloatArray, log_class_prior: FloatArray) -> tuple[SaidPosterior, Statistics]:
        """log_coin: logarithms of being right and of being wrong, shape (w, 2). Counts come in the same shape."""
        scores, top, said, total = self._joint(log_coin, log_class_prior)
        known = self.gold >= 0
        other = np.where(known, 0.0, self._of_unsaid(top) / total)
        posterior = np.where(self.known_cell, self.is_gold, said / total[self.cell_task])
        against = self._sum(self.row_task, self.vote * self._wrong(log_coin)[self.row_worker], self.tasks)
        evidence = top + np.log(total)
        evidence[known] = log_class_prior[self.gold[known]]
        gold_cells = np.flatnonzero(self.is_gold)
        evidence[self.cell_task[gold_cells]] = scores[gold_cells]
        found = SaidPosterior(said=posterior, other=other)
        return found, self._statistics(found, log_class_prior, float((evidence + against).sum()))

    def of_said(self, log_coin: FloatArray, log_class_prior: FloatArray) -> SaidPosterior:
        """The posterior among the classes that were said of each task alone; see `expect`."""
        scores = self._scores(log_coin, log_class_prior)
        top = np.full(self.tasks, -np.inf)
        np.maximum.at(top, self.cell_task, scores)
        said = np.exp(scores - top[self.cell_task])
        said /= self._sum(self.cell_task, said, self.tasks)[self.cell_task]
        return SaidPosterior(said=np.where(self.known_cell, self.is_gold, said), other=np.zeros(self.tasks))

    def count(self, posterior: SaidPosterior, log_class_prior: FloatArray) -> Statistics:
        """The statistics of given posteriors; their log-likelihood is 0."""
        return self._statistics(posterior, log_class_prior, 0.0)

    def left_out(self, log_coin: FloatArray, log_class_prior: FloatArray, right: FloatArray, seen: FloatArray) -> float:
        """How well the other answers predict each answer: the sum over rows of vote * log probability, natural logs.

        right, seen: a worker's right answers and all, with pseudo-counts, shape (w,); the row's own part is taken out
        of them, and out of its task's posterior.
        """
        scores, top, said, total = self._joint(log_coin, log_class_prior)
        cell, worker = self.row_cell, self.row_worker
        others = np.maximum(total[self.row_task] - said[cell], 0.0)
        # A heavy vote against its own class would overflow; 700 is certain enough beside others of 1 each.
        without_own = scores[cell] - self.vote * self._weight(log_coin)[worker] - top[self.row_task]
        own = np.exp(np.minimum(without_own, 700.0))
        without = np.divide(own, others + own, out=np.ones_like(own), where=others + own > 0)
        of_row = np.where(self.known_cell, self.is_gold, said / total[self.cell_task])[cell]
        without = np.where(self.known_cell[cell], self.is_gold[cell], without)
        able = (right[worker] - self.vote * of_row) / np.maximum(seen[worker] - self.vote, 1e-9)
        able = np.clip(able, 1e-9, 1 - 1e-9)
        p = without * able + (1 - without) * (1 - able) / max(self.classes - 1, 1)
        return float((self.vote * np.log(p)).sum())

    def dense(self, posterior: SaidPosterior, log_class_prior: FloatArray) -> FloatArray:
        """Shape (t, k)."""
        out = posterior.other[:, None] * np.exp(log_class_prior)
        out[self.cell_task, self.cell_class] = posterior.said
        known = np.flatnonzero(self.gold >= 0)
        out[known, self.gold[known]] = 1.0
        return np.asarray(out, np.float64)

    def _joint(
        self, log_coin: FloatArray, log_class_prior: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Scores of the cells (c,), the highest of each task (t,), the cells' exponentials below it, and their total
        (t,), in which the classes that nobody said are counted."""
        scores = self._scores(log_coin, log_class_prior)
        # A class that nobody said has the score of its frequency alone. Where all were said there is none, though the
        # difference of sums leaves some dust, which would outweigh classes that have much against them.
        top = np.where(self.all_said, -np.inf, log_class_prior.max(initial=-np.inf))
        np.maximum.at(top, self.cell_task, scores)
        said = np.exp(scores - top[self.cell_task])
        frequency = np.exp(log_class_prior)
        unsaid = frequency.sum() - self._sum(self.cell_task, frequency[self.cell_class], self.tasks)
        rest = np.maximum(unsaid, 0.0) * self._of_unsaid(top)
        return scores, top, said, rest + self._sum(self.cell_task, said, self.tasks)

    def _scores(self, log_coin: FloatArray, log_class_prior: FloatArray) -> FloatArray:
        """Log joint probabilities of the cells, up to what all classes of a task share, shape (c,)."""
        weight = self._weight(log_coin)
        scores = self._sum(self.row_cell, self.vote * weight[self.row_worker], len(self.cell))
        scores += log_class_prior[self.cell_class]
        return scores

    def _of_unsaid(self, top: FloatArray) -> FloatArray:
        """What a class of frequency 1 that nobody said has, in the scale of each task, shape (t,)."""
        return np.where(self.all_said, 0.0, np.exp(np.where(self.all_said, 0.0, -top)))

    def _weight(self, log_coin: FloatArray) -> FloatArray:
        """What a worker's vote adds to the class they say over any other, shape (w,)."""
        return np.asarray(log_coin[:, 0] - self._wrong(log_coin), np.float64)

    def _wrong(self, log_coin: FloatArray) -> FloatArray:
        """Logarithm of saying one given wrong class, shape (w,)."""
        if self.classes < 2:
            return np.asarray(log_coin[:, 0], np.float64)
        return np.asarray(log_coin[:, 1] - np.log(self.classes - 1), np.float64)

    def _statistics(self, posterior: SaidPosterior, log_class_prior: FloatArray, log_likelihood: float) -> Statistics:
        right = self._sum(self.row_worker, self.vote * posterior.said[self.row_cell], self.workers)
        others = posterior.other.sum() - self._sum(self.cell_class, posterior.other[self.cell_task], self.classes)
        class_counts = self._sum(self.cell_class, posterior.said, self.classes) + others * np.exp(log_class_prior)
        # A known class that nobody said has no cell.
        clamped = np.zeros(self.tasks, np.bool_)
        clamped[self.cell_task[self.is_gold]] = True
        missed = self.gold[(self.gold >= 0) & ~clamped]
        class_counts += np.bincount(missed, minlength=self.classes)
        return Statistics(
            counts=np.stack([right, np.maximum(self.of_worker - right, 0.0)], axis=1),
            class_counts=class_counts,
            log_likelihood=log_likelihood,
            tasks=self.tasks,
        )

    @staticmethod
    def _sum(at: IndexArray, values: FloatArray, size: int) -> FloatArray:
        """Sums of the values that have the same index, shape (size,)."""
        return np.bincount(at, values, minlength=size).astype(np.float64, copy=False)
