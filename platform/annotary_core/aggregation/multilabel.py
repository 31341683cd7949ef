"""Tags: any number of them apply to a task, so each is a binary decision.

Each worker has one sensitivity (the probability to give a tag that applies) and one specificity (the probability to
omit a tag that does not), shared by all tags: few workers answer often enough to be estimated per tag. Each tag has its
own frequency. This is the two-class Dawid-Skene model with confusion matrices shared by all tags, fitted by EM with
pooled Dirichlet priors as in blend.py; below COLD_START_ANSWERS votes all workers have equal
weight and the majority decides.

An absent tag is a vote against it only from a worker who saw the task, that is, from a pair in `seen`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import Answers, check_weights
from annotary_core.aggregation.classification.blend import COLD_START_ANSWERS, STRENGTH
from annotary_core.aggregation.classification.confusion import DirichletPrior, pooled_confusion
from annotary_core.aggregation.classification.em import FLOOR, Parameters, run_em
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fit_passes import sum_statistics
from annotary_core.aggregation.classification.kernels import Kernel, KernelChoice, kernel_for
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.classification.one_coin import ACCURACY_PRIOR
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TagAnswers:
    """Tags in columns: row i means that `worker[i]` gave `task[i]` the tag `tag[i]`; duplicates count once.

    task, worker, tag: integers, shape (n,). seen_task, seen_worker: shape (s,), who looked at which task, each pair
    once, including the pairs that gave tags. tags: all existing tags, shape (g,), ascending; an absent tag is a vote
    too. weights: trust in each pair, shape (s,); None means 1. gold_task, gold_tag, gold_holds: the known truth, (m,).
    Raises ValueError for inconsistent columns, for a pair that gave a tag but is not in `seen`, and for an unknown tag.
    """

    task: IntArray
    worker: IntArray
    tag: IntArray
    seen_task: IntArray
    seen_worker: IntArray
    tags: IntArray
    weights: FloatArray | None
    gold_task: IntArray
    gold_tag: IntArray
    gold_holds: BoolArray

    @classmethod
    def of(
        cls,
        assigned: ArrayLike,
        seen: ArrayLike,
        *,
        tags: ArrayLike,
        weights: ArrayLike | None = None,
        gold: ArrayLike = (),
    ) -> TagAnswers:
        """Build the columns from rows.

        assigned: rows (task, worker, tag); seen: rows (task, worker); gold: rows (task, tag, 1 if it applies else 0).
        """
        rows = np.unique(np.asarray(assigned, np.int64).reshape(-1, 3), axis=0)
        pairs = np.asarray(seen, np.int64).reshape(-1, 2)
        gold_rows = np.asarray(gold, np.int64).reshape(-1, 3)
        return cls(
            task=rows[:, 0],
            worker=rows[:, 1],
            tag=rows[:, 2],
            seen_task=pairs[:, 0],
            seen_worker=pairs[:, 1],
            tags=np.unique(np.asarray(tags, np.int64)),
            weights=None if weights is None else np.asarray(weights, np.float64),
            gold_task=gold_rows[:, 0],
            gold_tag=gold_rows[:, 1],
            gold_holds=gold_rows[:, 2] > 0,
        )

    def __post_init__(self) -> None:
        pairs, tagged = _pairs(self)
        if len(np.unique(pairs)) < len(pairs):
            raise ValueError("A pair of task and worker appears twice in seen.")
        if not np.isin(tagged, pairs).all():
            raise ValueError("A worker tagged a task but is not listed in seen.")
        if not np.isin(self.tag, self.tags).all() or not np.isin(self.gold_tag, self.tags).all():
            raise ValueError("A row names a tag that is not among the tags.")
        if self.weights is not None:
            check_weights(self.weights, len(pairs))


@dataclass(frozen=True, slots=True)
class TagConsensus:
    """The probability of each tag on each task, and the estimated workers.

    task: shape (t,), ascending. probability: that each of `tags` applies, shape (t, g). n: workers who saw the task,
    shape (t,). workers, sensitivity, specificity: shape (w,). bounds: the evidence lower bound after each iteration,
    empty when all workers have equal weight.
    """

    task: IntArray
    tags: IntArray
    probability: FloatArray
    n: IntArray
    workers: IntArray
    sensitivity: FloatArray
    specificity: FloatArray
    elbo: tuple[float, ...]

    def holds(self) -> BoolArray:
        """Whether each tag is more likely than not to apply, shape (t, g); false on an even split."""
        return self.probability > 0.5 + EPSILON


@dataclass(frozen=True, slots=True)
class TagFrequencies:
    """Each tag's own frequency, shape (g, 2), with one pseudo-task with the tag and one without it as the prior."""

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        counts = class_counts + 1.0
        return np.asarray(np.log(np.maximum(counts / counts.sum(axis=1, keepdims=True), FLOOR)), np.float64)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float(log_class_prior.sum())


@dataclass(frozen=True, slots=True)
class Tagging:
    """Two-class Dawid-Skene over tags; see the module's docstring."""

    max_iterations: int = 100
    tolerance: float = 1e-6
    kernel: KernelChoice = "auto"

    def fit_predict(self, answers: TagAnswers) -> TagConsensus:
        seen, tagged = _pairs(answers)
        encoded = [_votes_on(answers, tag, np.isin(seen, tagged[answers.tag == tag])) for tag in answers.tags]
        if not encoded or not len(encoded[0].tasks):
            return _empty_consensus(answers)
        kernels = [kernel_for(part, self.kernel) for part in encoded]
        first = encoded[0]
        if len(answers.seen_task) * len(encoded) < COLD_START_ANSWERS:
            parameters, elbo = _equal_workers(len(first.workers), len(encoded)), list[float]()
        else:
            parameters, elbo = self._run_em(encoded, kernels)
        probability = np.empty((len(first.tasks), len(encoded)))
        posterior = np.empty((len(first.tasks), 2))
        for column, kernel in enumerate(kernels):
            kernel.e_step(parameters.log_theta, parameters.log_class_prior[column], posterior)
            probability[:, column] = posterior[:, 1]
        theta = np.exp(parameters.log_theta)
        return TagConsensus(
            task=first.tasks,
            tags=answers.tags,
            probability=probability,
            n=first.n,
            workers=first.workers,
            sensitivity=theta[:, 1, 1],
            specificity=theta[:, 0, 0],
            elbo=tuple(elbo),
        )

    def _run_em(self, encoded: list[EncodedAnswers], kernels: list[Kernel]) -> tuple[Parameters, list[float]]:
        starts = [part.vote_shares() for part in encoded]
        buffer = np.empty_like(starts[0])

        def gather(parts: list[SufficientStatistics]) -> SufficientStatistics:
            total = sum_statistics(parts)
            frequencies = np.stack([part.class_counts for part in parts])
            return SufficientStatistics(total.counts, frequencies, total.log_likelihood, total.tasks)

        def step(parameters: Parameters) -> SufficientStatistics:
            return gather(
                [
                    kernel.e_step(parameters.log_theta, parameters.log_class_prior[column], buffer)
                    for column, kernel in enumerate(kernels)
                ]
            )

        start = gather([kernel.statistics(vote_shares) for kernel, vote_shares in zip(kernels, starts, strict=True)])
        trace = run_em(
            start,
            step,
            DirichletPrior(STRENGTH * pooled_confusion(start.counts)[None]),
            TagFrequencies(),
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )
        return trace.parameters, trace.elbo


def _votes_on(answers: TagAnswers, tag: np.int64, yes: BoolArray) -> EncodedAnswers:
    """Encode the yes (1) and no (0) votes on a tag of everyone who saw each task; yes: shape (s,)."""
    is_tag = answers.gold_tag == tag
    gold_pairs = zip(answers.gold_task[is_tag].tolist(), answers.gold_holds[is_tag].tolist(), strict=True)
    columns = Answers.of(
        answers.seen_task,
        answers.seen_worker,
        yes.astype(np.int64),
        weights=answers.weights,
        classes=[0, 1],
        gold={task: int(holds) for task, holds in gold_pairs},
    )
    return EncodedAnswers.of(columns, repeats="share")


def _equal_workers(workers: int, tags: int) -> Parameters:
    right, wrong = np.log(np.array(ACCURACY_PRIOR) / sum(ACCURACY_PRIOR))
    theta = np.full((workers, 2, 2), wrong)
    theta[:, [0, 1], [0, 1]] = right
    return Parameters(log_theta=theta, log_class_prior=np.full((tags, 2), np.log(0.5)))


def _empty_consensus(answers: TagAnswers) -> TagConsensus:
    none = np.empty(0, np.int64)
    empty = np.empty(0)
    return TagConsensus(none, answers.tags, np.empty((0, len(answers.tags))), none, none, empty, empty, ())


def _pairs(answers: TagAnswers) -> tuple[IntArray, IntArray]:
    """A key per (task, worker) pair, equal for equal pairs: of the seen pairs, (s,), and of the tag rows, (n,)."""
    _, task = np.unique(np.concatenate([answers.seen_task, answers.task]), return_inverse=True)
    workers, worker = np.unique(np.concatenate([answers.seen_worker, answers.worker]), return_inverse=True)
    keys = task.astype(np.int64) * max(len(workers), 1) + worker
    return keys[: len(answers.seen_task)], keys[len(answers.seen_task) :]
