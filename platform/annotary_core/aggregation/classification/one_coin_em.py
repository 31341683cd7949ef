"""The one-coin E-step: a worker is correct with one probability and otherwise picks any other class equally often.

Only classes with at least one vote on a task need a posterior of their own. All answers to the task count against each
of the others alike, so their posterior is a common factor times their frequency. The cost therefore depends on the
number of answers and not on the number of classes: a thousand classes are as fast as two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotary_core.aggregation.classification.encoding import EncodedAnswers, IndexArray
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class CandidatePosterior:
    """Posterior of each task's candidates, the classes with a vote, and the factor that the other classes share.

    candidate: shape (c,), one entry per candidate of `OneCoinEStep`. other: shape (t,); a class without a vote has the
    posterior other[task] * exp(log_class_prior[class]); 0 for gold tasks.
    """

    candidate: FloatArray
    other: FloatArray


class OneCoinEStep:
    """The answers grouped by candidate, a (task, voted class) pair, sorted; built once for all iterations."""

    def __init__(self, encoded: EncodedAnswers) -> None:
        self.classes = len(encoded.classes)
        self.tasks = len(encoded.tasks)
        self.workers = len(encoded.workers)
        self.gold = encoded.gold
        task = encoded.task.astype(np.int64)
        key = task * max(self.classes, 1) + encoded.label
        self.candidate, row_candidate = np.unique(key, return_inverse=True)
        self.row_candidate: IntArray = row_candidate.astype(np.int64, copy=False)
        self.row_task = task
        self.row_worker = encoded.worker
        self.vote = encoded.vote
        self.candidate_task: IntArray = self.candidate // max(self.classes, 1)
        self.candidate_class: IntArray = self.candidate % max(self.classes, 1)
        self.all_voted: NDArray[np.bool_] = np.bincount(self.candidate_task, minlength=self.tasks) >= self.classes
        self.worker_votes: FloatArray = self._sum(self.row_worker, self.vote, self.workers)
        gold = self.gold[self.candidate_task]
        self.has_gold: NDArray[np.bool_] = gold >= 0
        self.is_gold: NDArray[np.bool_] = gold == self.candidate_class

    def vote_shares(self) -> CandidatePosterior:
        """Each class's share of its task's votes, with gold tasks clamped."""
        votes = self._sum(self.row_candidate, self.vote, len(self.candidate))
        total = self._sum(self.candidate_task, votes, self.tasks)[self.candidate_task]
        share = np.divide(votes, total, out=np.zeros_like(votes), where=total > 0)
        return CandidatePosterior(candidate=np.where(self.has_gold, self.is_gold, share), other=np.zeros(self.tasks))

    def gold_counts(self) -> FloatArray:
        """Correct and incorrect votes of each worker on gold tasks, shape (w, 2)."""
        correct, on_gold = self.is_gold[self.row_candidate], self.has_gold[self.row_candidate]
        return np.stack(
            [self._sum(self.row_worker, self.vote * part, self.workers) for part in (correct, on_gold & ~correct)],
            axis=1,
        )

    def e_step(
        self, log_accuracy: FloatArray, log_class_prior: FloatArray
    ) -> tuple[CandidatePosterior, SufficientStatistics]:
        """The E-step. log_accuracy: log probability of a correct and an incorrect answer, shape (w, 2)."""
        scores, top, joint, total = self._joint(log_accuracy, log_class_prior)
        is_gold_task = self.gold >= 0
        other = np.where(is_gold_task, 0.0, self._unvoted_joint(top) / total)
        posterior = np.where(self.has_gold, self.is_gold, joint / total[self.candidate_task])
        against = self._sum(self.row_task, self.vote * self._log_incorrect(log_accuracy)[self.row_worker], self.tasks)
        evidence = top + np.log(total)
        evidence[is_gold_task] = log_class_prior[self.gold[is_gold_task]]
        gold_candidates = np.flatnonzero(self.is_gold)
        evidence[self.candidate_task[gold_candidates]] = scores[gold_candidates]
        result = CandidatePosterior(candidate=posterior, other=other)
        return result, self._statistics(result, log_class_prior, float((evidence + against).sum()))

    def candidate_posterior(self, log_accuracy: FloatArray, log_class_prior: FloatArray) -> CandidatePosterior:
        """The posterior over each task's candidates alone, as if no other class existed; see `e_step`."""
        scores = self._scores(log_accuracy, log_class_prior)
        top = np.full(self.tasks, -np.inf)
        np.maximum.at(top, self.candidate_task, scores)
        joint = np.exp(scores - top[self.candidate_task])
        joint /= self._sum(self.candidate_task, joint, self.tasks)[self.candidate_task]
        return CandidatePosterior(candidate=np.where(self.has_gold, self.is_gold, joint), other=np.zeros(self.tasks))

    def statistics(self, posterior: CandidatePosterior, log_class_prior: FloatArray) -> SufficientStatistics:
        """The statistics of given posteriors, with a log-likelihood of 0."""
        return self._statistics(posterior, log_class_prior, 0.0)

    def leave_one_out(
        self, log_accuracy: FloatArray, log_class_prior: FloatArray, correct: FloatArray, total_seen: FloatArray
    ) -> float:
        """Leave-one-out log-likelihood: the sum over rows of vote * log probability of the answer given all others.

        correct, total_seen: correct and all answers of each worker, with pseudo-counts, shape (w,). The row's own
        contribution is removed from them and from its task's posterior. Natural logarithms.
        """
        scores, top, joint, total = self._joint(log_accuracy, log_class_prior)
        candidate, worker = self.row_candidate, self.row_worker
        others = np.maximum(total[self.row_task] - joint[candidate], 0.0)
        # A heavy vote against its own class would overflow; 700 is certain enough next to other classes of at most 1.
        without_own = scores[candidate] - self.vote * self._weight(log_accuracy)[worker] - top[self.row_task]
        own = np.exp(np.minimum(without_own, 700.0))
        without = np.divide(own, others + own, out=np.ones_like(own), where=others + own > 0)
        posterior = np.where(self.has_gold, self.is_gold, joint / total[self.candidate_task])[candidate]
        without = np.where(self.has_gold[candidate], self.is_gold[candidate], without)
        accuracy = (correct[worker] - self.vote * posterior) / np.maximum(total_seen[worker] - self.vote, 1e-9)
        accuracy = np.clip(accuracy, 1e-9, 1 - 1e-9)
        p = without * accuracy + (1 - without) * (1 - accuracy) / max(self.classes - 1, 1)
        return float((self.vote * np.log(p)).sum())

    def dense(self, posterior: CandidatePosterior, log_class_prior: FloatArray) -> FloatArray:
        """The posterior over all classes, shape (t, k)."""
        out = posterior.other[:, None] * np.exp(log_class_prior)
        out[self.candidate_task, self.candidate_class] = posterior.candidate
        gold_tasks = np.flatnonzero(self.gold >= 0)
        out[gold_tasks, self.gold[gold_tasks]] = 1.0
        return np.asarray(out, np.float64)

    def _joint(
        self, log_accuracy: FloatArray, log_class_prior: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Log scores of the candidates, shape (c,); the highest score of each task, shape (t,); the candidates' joint
        probabilities relative to it, shape (c,); and their total per task, shape (t,), including unvoted classes."""
        scores = self._scores(log_accuracy, log_class_prior)
        # An unvoted class scores its frequency alone. Where every class has a vote there is none, but the difference of
        # sums leaves a rounding error, which would outweigh classes with strong evidence against them.
        top = np.where(self.all_voted, -np.inf, log_class_prior.max(initial=-np.inf))
        np.maximum.at(top, self.candidate_task, scores)
        joint = np.exp(scores - top[self.candidate_task])
        frequency = np.exp(log_class_prior)
        unvoted = frequency.sum() - self._sum(self.candidate_task, frequency[self.candidate_class], self.tasks)
        rest = np.maximum(unvoted, 0.0) * self._unvoted_joint(top)
        return scores, top, joint, rest + self._sum(self.candidate_task, joint, self.tasks)

    def _scores(self, log_accuracy: FloatArray, log_class_prior: FloatArray) -> FloatArray:
        """Log joint probabilities of the candidates, shape (c,), up to a constant shared by all classes of a task."""
        weight = self._weight(log_accuracy)
        scores = self._sum(self.row_candidate, self.vote * weight[self.row_worker], len(self.candidate))
        scores += log_class_prior[self.candidate_class]
        return scores

    def _unvoted_joint(self, top: FloatArray) -> FloatArray:
        """Joint probability of an unvoted class of frequency 1, relative to each task's highest, shape (t,)."""
        return np.where(self.all_voted, 0.0, np.exp(np.where(self.all_voted, 0.0, -top)))

    def _weight(self, log_accuracy: FloatArray) -> FloatArray:
        """Log odds that a worker's vote adds to its class over any other class, shape (w,)."""
        return np.asarray(log_accuracy[:, 0] - self._log_incorrect(log_accuracy), np.float64)

    def _log_incorrect(self, log_accuracy: FloatArray) -> FloatArray:
        """Log probability of voting for one particular incorrect class, shape (w,)."""
        if self.classes < 2:
            return np.asarray(log_accuracy[:, 0], np.float64)
        return np.asarray(log_accuracy[:, 1] - np.log(self.classes - 1), np.float64)

    def _statistics(
        self, posterior: CandidatePosterior, log_class_prior: FloatArray, log_likelihood: float
    ) -> SufficientStatistics:
        correct = self._sum(self.row_worker, self.vote * posterior.candidate[self.row_candidate], self.workers)
        others = posterior.other.sum() - self._sum(
            self.candidate_class, posterior.other[self.candidate_task], self.classes
        )
        class_counts = self._sum(self.candidate_class, posterior.candidate, self.classes) + others * np.exp(
            log_class_prior
        )
        # A gold class without a vote has no candidate.
        clamped = np.zeros(self.tasks, np.bool_)
        clamped[self.candidate_task[self.is_gold]] = True
        unvoted_gold = self.gold[(self.gold >= 0) & ~clamped]
        class_counts += np.bincount(unvoted_gold, minlength=self.classes)
        return SufficientStatistics(
            counts=np.stack([correct, np.maximum(self.worker_votes - correct, 0.0)], axis=1),
            class_counts=class_counts,
            log_likelihood=log_likelihood,
            tasks=self.tasks,
        )

    @staticmethod
    def _sum(index: IndexArray, values: FloatArray, size: int) -> FloatArray:
        """Sums of the values by index, shape (size,)."""
        return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)
