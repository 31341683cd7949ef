"""The default: the one-coin model and full confusion matrices, blended as far as the answers bear the richer one out.

No single model is safe. On crowds that confuse certain classes, one number a worker throws away what is needed (s_rel,
bluebirds); on others the confusion matrices explain the workers' habits by classes that are not the true ones
(zencrowd). Both are fitted, and each answer is predicted by both from all other answers (leave-one-out: the row's own
part is taken out of its task's posterior and out of its worker's counts). With `gain` the nats a task by which the
confusion model predicts better, its part is

    blend = 1 / (1 + exp(-EVIDENCE * (gain - HANDICAP)))

the posterior probability of the richer model with prior odds exp(-EVIDENCE * HANDICAP) and the evidence of EVIDENCE
tasks. Not of all tasks: answers to one task are alike for reasons that neither model has (some images are hard), so
full evidence would always say 0 or 1. The result is the mixture of both posteriors, tempered for the same reason
(scoring.temper): untempered, it is 98 % sure where it is right in 84 % (dog).

Cold start: below COLD_ANSWERS rows, or COLD_EACH a worker, nothing is learnt from agreement. Each worker is as good as
their history, their answers to tasks of known class and the common prior say; without any of these all count alike and
the result is exactly the majority's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from scipy.special import expit

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.confusion import DirichletRows, pooled
from annotary_core.aggregation.classification.dawid_skene import MOST_CELLS
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClasses,
    FixedClasses,
    Parameters,
    climb,
    log_shares,
)
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fit_passes import Passes, Whole
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.one_coin import PRIOR, BetaCoins, class_model, coin_prior, coin_state
from annotary_core.aggregation.classification.predict import MANY_CLASSES, Scored
from annotary_core.labels.arrays import FloatArray, IntArray

#: Nats a task that the confusion model must predict better by to have half the say.
HANDICAP = 1.0
#: Tasks whose evidence decides between the models.
EVIDENCE = 2.0
#: Answers a row that the confusion of all workers counts for.
STRENGTH = 5.0
#: How far answers to one task err together, see scoring.temper: the value that fits nine real crowds of this kind best.
ALIKE = 0.2
#: Rows from which on workers are judged by how they agree.
COLD_ANSWERS = 1000
#: The same a worker: from fewer, accuracies are mostly noise (cf with a third of its answers left out: in one order of
#: arrival out of five they made the labels worse than the majority's by more than half a point).
COLD_EACH = 3.5


class Limits(TypedDict):
    """When a climb ends, see em.fit."""

    max_iterations: int
    tolerance: float


LIMITS: Limits = {"max_iterations": 100, "tolerance": 1e-6}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A state, and how it was reached: `gain` in nats a task, the bounds of each model's climb (empty if not made)."""

    state: BlendState
    gain: float
    coin_bounds: tuple[float, ...]
    confusion_bounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Blend:
    """See the module's docstring. A worker's repeated answers to a task share one vote."""

    seed: int = 0
    name: str = "blend"
    uses: frozenset[str] = frozenset({"weights", "priors", "gold", "history"})

    def fit_predict(self, answers: Answers) -> Consensus:
        coded = Coded.of(answers, repeats="share")
        return Scored(fit_coded(coded, answers).state, seed=self.seed).of_coded(coded)


def fit_blend(answers: Answers) -> BlendState:
    """What the answers teach of workers and classes."""
    return fit_coded(Coded.of(answers, repeats="share"), answers).state


def fit_coded(coded: Coded, about: Answers) -> Fitted:
    """The same, of answers coded with repeats="share"; about: brings classes, priors and history."""
    return fit_passes(Whole(coded), about, workers=coded.workers, rows=len(coded.cell))


def fit_passes(
    passes: Passes,
    about: Answers,
    *,
    workers: IntArray,
    rows: int,
    limits: Limits = LIMITS,
) -> Fitted:
    """Fit by passes over answers that may lie in shards.

    about: brings classes, priors and history; its rows are not read. workers: shape (w,), the coding of the passes.
    rows: how many answers there are in all.
    """
    pseudo = coin_prior(about, workers)
    if rows < max(COLD_ANSWERS, COLD_EACH * len(workers)) or not len(about.classes):
        return Fitted(_cold(passes, about, workers, pseudo, rows), 0.0, (), ())
    coins = climb(passes.coins_start(), passes.coins, BetaCoins(pseudo), class_model(about), **limits)
    seen = passes.coins(coins.parameters).counts + pseudo
    alone = coin_state(about, workers, coins.parameters, seen, rows=rows, alike=ALIKE)
    size = len(about.classes)
    # Above MANY_CLASSES the one-coin model scores alone.
    if not 2 <= size <= MANY_CLASSES or len(workers) * size**2 > MOST_CELLS:
        return Fitted(alone, 0.0, tuple(coins.bounds), ())
    start = passes.confusion_start()
    crowd = pooled(start.counts)
    rows_prior = STRENGTH * crowd[None] + _history(about, workers)
    classes: ClassModel = DirichletClasses(1.0) if about.priors is None else FixedClasses(about.priors)
    full = climb(start, passes.confusion, DirichletRows(rows_prior), classes, **limits)
    said = passes.confusion(full.parameters).counts
    better = passes.confusion_left_out(full.parameters, said + rows_prior)
    gain = (better - passes.coins_left_out(coins.parameters, seen)) / max(start.tasks, 1)
    return Fitted(
        BlendState(
            classes=about.classes,
            workers=workers,
            accuracy=alone.accuracy,
            confusion=np.exp(full.parameters.log_theta),
            one_coin_prior=alone.one_coin_prior,
            confusion_prior=full.parameters.log_class_prior,
            pooled_accuracy=alone.pooled_accuracy,
            pooled=pooled(said),
            blend=float(expit(EVIDENCE * (gain - HANDICAP))),
            alike=ALIKE,
            answers=rows,
            cold=False,
        ),
        float(gain),
        tuple(coins.bounds),
        tuple(full.bounds),
    )


def cold_state(classes: IntArray, workers: IntArray, known: FloatArray) -> BlendState:
    """The state before anything is learnt from agreement.

    classes: shape (k,), ascending. workers: shape (w,), ascending. known: right and wrong answers of each worker to
    check images and the like, shape (w, 2).
    """
    none = np.empty(0, np.int64)
    about = Answers(task=none, worker=none, label=none, classes=classes)
    counts = known + np.array(PRIOR)
    found = Parameters(BetaCoins(counts).maximise(np.zeros_like(counts)), log_shares(np.ones(len(classes))))
    return coin_state(about, workers, found, counts, rows=0, alike=ALIKE, cold=True)


def _cold(passes: Passes, about: Answers, workers: IntArray, pseudo: FloatArray, rows: int) -> BlendState:
    """Workers as their history and the tasks of known class have them; classes equally frequent unless known."""
    classes = len(about.classes)
    frequencies = np.ones(classes) if about.priors is None else about.priors
    counts = pseudo + passes.known_coins()
    found = Parameters(BetaCoins(counts).maximise(np.zeros_like(counts)), log_shares(frequencies))
    return coin_state(about, workers, found, counts, rows=rows, alike=ALIKE, cold=True)


def _history(about: Answers, workers: IntArray) -> FloatArray:
    """History as pseudo-counts of a confusion matrix, spread evenly over classes; shape (w, k, l), or (1, k, l)."""
    size = len(about.classes)
    if not about.history:
        return np.zeros((1, size, size))
    counts = coin_prior(about, workers) - np.array(PRIOR)
    out = np.repeat((counts[:, 1] / (size * (size - 1)))[:, None, None], size, axis=1).repeat(size, axis=2)
    index = np.arange(size)
    out[:, index, index] = (counts[:, 0] / size)[:, None]
    return out
