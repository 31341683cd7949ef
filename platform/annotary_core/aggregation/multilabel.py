"""Tags: any number of them hold of a task, so each is a question of yes or no.

A worker finds a tag that holds with a probability of their own (sensitivity) and leaves out one that does not hold with
another (specificity), whatever the tag: few workers say enough of each tag to be known by it. Each tag has a frequency
of its own. It is the Dawid-Skene model with two classes, its matrices shared by all tags, fitted by EM with pooled
Dirichlet priors as in blend.py; below COLD_ANSWERS votes everybody counts alike and the majority decides.

An absent tag is a vote against it only of a worker who saw the task: the pairs of `seen` say who did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import Answers, check_weights
from annotary_core.aggregation.classification.blend import COLD_ANSWERS, STRENGTH
from annotary_core.aggregation.classification.confusion import DirichletRows, pooled
from annotary_core.aggregation.classification.em import FLOOR, Parameters, climb
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import Choice, Kernel, kernel_for
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.classification.one_coin import PRIOR
from annotary_core.aggregation.classification.sharded_fit import reduce
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TagAnswers:
    """Row i says that `worker[i]` gave `task[i]` the tag `tag[i]`; a tag given twice counts once.

    task, worker, tag: integers, shape (n,). seen_task, seen_worker: shape (s,), who looked at which task, each pair
    once, those who gave tags too. tags: all that exist, shape (g,), ascending; an absent one is a vote as well.
    weights: trust in each pair, shape (s,), None means 1. gold_task, gold_tag, gold_holds: shape (m,), what is known.
    Raises ValueError for columns that do not fit together, for a pair that gave a tag and is not among those who saw
    the task, and for an unknown tag.
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
        given: ArrayLike,
        seen: ArrayLike,
        *,
        tags: ArrayLike,
        weights: ArrayLike | None = None,
        gold: ArrayLike = (),
    ) -> TagAnswers:
        """given: rows (task, worker, tag); seen: rows (task, worker); gold: rows (task, tag, 1 if it holds else 0)."""
        rows = np.unique(np.asarray(given, np.int64).reshape(-1, 3), axis=0)
        pairs = np.asarray(seen, np.int64).reshape(-1, 2)
        known = np.asarray(gold, np.int64).reshape(-1, 3)
        return cls(
            task=rows[:, 0],
            worker=rows[:, 1],
            tag=rows[:, 2],
            seen_task=pairs[:, 0],
            seen_worker=pairs[:, 1],
            tags=np.unique(np.asarray(tags, np.int64)),
            weights=None if weights is None else np.asarray(weights, np.float64),
            gold_task=known[:, 0],
            gold_tag=known[:, 1],
            gold_holds=known[:, 2] > 0,
        )

    def __post_init__(self) -> None:
        pairs, tagged = _pairs(self)
        if len(np.unique(pairs)) < len(pairs):
            raise ValueError("A pair of task and worker stands twice among those who saw it.")
        if not np.isin(tagged, pairs).all():
            raise ValueError("Somebody tagged a task without being among those who saw it.")
        if not np.isin(self.tag, self.tags).all() or not np.isin(self.gold_tag, self.tags).all():
            raise ValueError("A row names a tag that is not among the tags.")
        if self.weights is not None:
            check_weights(self.weights, len(pairs))


@dataclass(frozen=True, slots=True)
class TagConsensus:
    """task: shape (t,), ascending. probability that each tag holds, shape (t, g) over `tags`; n: who saw it, (t,).

    workers: shape (w,); sensitivity, specificity: of each worker, shape (w,). bounds: of each iteration, empty where
    everybody counts alike.
    """

    task: IntArray
    tags: IntArray
    probability: FloatArray
    n: IntArray
    workers: IntArray
    sensitivity: FloatArray
    specificity: FloatArray
    bounds: tuple[float, ...]

    def holds(self) -> BoolArray:
        """Shape (t, g): more likely than not; of an even split a tag does not hold."""
        return self.probability > 0.5 + EPSILON


@dataclass(frozen=True, slots=True)
class TagFrequencies:
    """Each tag's own frequency, learnt with one task with it and one without seen before; shapes (g, 2)."""

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        counts = class_counts + 1.0
        return np.asarray(np.log(np.maximum(counts / counts.sum(axis=1, keepdims=True), FLOOR)), np.float64)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float(log_class_prior.sum())


@dataclass(frozen=True, slots=True)
class Tagging:
    """See the module's docstring."""

    max_iterations: int = 100
    tolerance: float = 1e-6
    kernel: Choice = "auto"

    def fit_predict(self, answers: TagAnswers) -> TagConsensus:
        seen, tagged = _pairs(answers)
        coded = [_votes_on(answers, tag, np.isin(seen, tagged[answers.tag == tag])) for tag in answers.tags]
        if not coded or not len(coded[0].tasks):
            return _nothing(answers)
        kernels = [kernel_for(part, self.kernel) for part in coded]
        first = coded[0]
        if len(answers.seen_task) * len(coded) < COLD_ANSWERS:
            found, bounds = _alike(len(first.workers), len(coded)), list[float]()
        else:
            found, bounds = self._climb(coded, kernels)
        probability = np.empty((len(first.tasks), len(coded)))
        posterior = np.empty((len(first.tasks), 2))
        for column, kernel in enumerate(kernels):
            kernel.expect(found.log_theta, found.log_class_prior[column], posterior)
            probability[:, column] = posterior[:, 1]
        theta = np.exp(found.log_theta)
        return TagConsensus(
            task=first.tasks,
            tags=answers.tags,
            probability=probability,
            n=first.n,
            workers=first.workers,
            sensitivity=theta[:, 1, 1],
            specificity=theta[:, 0, 0],
            bounds=tuple(bounds),
        )

    def _climb(self, coded: list[Coded], kernels: list[Kernel]) -> tuple[Parameters, list[float]]:
        starts = [part.shares() for part in coded]
        buffer = np.empty_like(starts[0])

        def gather(parts: list[Statistics]) -> Statistics:
            total = reduce(parts)
            frequencies = np.stack([part.class_counts for part in parts])
            return Statistics(total.counts, frequencies, total.log_likelihood, total.tasks)

        def step(now: Parameters) -> Statistics:
            return gather(
                [
                    kernel.expect(now.log_theta, now.log_class_prior[column], buffer)
                    for column, kernel in enumerate(kernels)
                ]
            )

        start = gather([kernel.count(shares) for kernel, shares in zip(kernels, starts, strict=True)])
        way = climb(
            start,
            step,
            DirichletRows(STRENGTH * pooled(start.counts)[None]),
            TagFrequencies(),
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )
        return way.parameters, way.bounds


def _votes_on(answers: TagAnswers, tag: np.int64, yes: BoolArray) -> Coded:
    """Who saw a task says yes (1) or no (0) to the tag; yes: shape (s,)."""
    known = answers.gold_tag == tag
    pairs = zip(answers.gold_task[known].tolist(), answers.gold_holds[known].tolist(), strict=True)
    columns = Answers.of(
        answers.seen_task,
        answers.seen_worker,
        yes.astype(np.int64),
        weights=answers.weights,
        classes=[0, 1],
        gold={task: int(holds) for task, holds in pairs},
    )
    return Coded.of(columns, repeats="share")


def _alike(workers: int, tags: int) -> Parameters:
    right, wrong = np.log(np.array(PRIOR) / sum(PRIOR))
    theta = np.full((workers, 2, 2), wrong)
    theta[:, [0, 1], [0, 1]] = right
    return Parameters(log_theta=theta, log_class_prior=np.full((tags, 2), np.log(0.5)))


def _nothing(answers: TagAnswers) -> TagConsensus:
    none = np.empty(0, np.int64)
    empty = np.empty(0)
    return TagConsensus(none, answers.tags, np.empty((0, len(answers.tags))), none, none, empty, empty, ())


def _pairs(answers: TagAnswers) -> tuple[IntArray, IntArray]:
    """One number a pair, equal for equal pairs: of those who saw, shape (s,), and of those who tagged, shape (n,)."""
    _, task = np.unique(np.concatenate([answers.seen_task, answers.task]), return_inverse=True)
    workers, worker = np.unique(np.concatenate([answers.seen_worker, answers.worker]), return_inverse=True)
    key = task.astype(np.int64) * max(len(workers), 1) + worker
    return key[: len(answers.seen_task)], key[len(answers.seen_task) :]
