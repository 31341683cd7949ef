"""One-coin: each worker is right with a probability of their own, whatever the class.

The model of ZenCrowd (Demartini, Difallah, Cudré-Mauroux, WWW 2012) and of Zhang, Chen, Zhou, Jordan (JMLR 17, 2016),
with two additions that make it safe: accuracies have a Beta prior, since who gave three answers has not shown more, and
class frequencies enter by their square root. With their full power the model can explain everything by one class that
nearly all tasks have and workers who are often wrong (it does, on s_rel and bluebirds); with none it forgets that yes
is rare (zencrowd).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.em import ClassModel, Climb, Parameters, climb, log_shares
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fitted_model import BlendState, coin_rows
from annotary_core.aggregation.classification.one_coin_em import Coins
from annotary_core.aggregation.classification.predict import Scored
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray, IntArray

#: What everybody is thought to have answered before: eight right, two wrong.
PRIOR = (8.0, 2.0)
#: The power of the class frequencies.
POWER = 0.5


@dataclass(frozen=True, slots=True)
class BetaCoins:
    """Accuracies with `pseudo` right and wrong answers seen before (mode of a Beta), shape (w, 2), all above 0."""

    pseudo: FloatArray

    def maximise(self, counts: FloatArray) -> FloatArray:
        total = counts + self.pseudo
        return np.asarray(np.log(total / total.sum(axis=1, keepdims=True)), np.float64)

    def log_prior(self, log_coin: FloatArray) -> float:
        return float((self.pseudo * log_coin).sum())


@dataclass(frozen=True, slots=True)
class TemperedClasses:
    """Frequencies learnt with one task of each class seen before, entering with a power of 0 to 1.

    The logarithms are not those of probabilities that sum to 1; the bound is that of this objective, and never falls.
    """

    power: float = POWER

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        return self.power * log_shares(class_counts + 1.0)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float(log_class_prior.sum())


@dataclass(frozen=True, slots=True)
class KnownClasses:
    """Frequencies that are known, shape (k,), entering with the same power."""

    priors: FloatArray
    power: float = POWER

    def maximise(self, class_counts: FloatArray) -> FloatArray:
        return self.power * log_shares(self.priors)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return 0.0


def coin_prior(answers: Answers, workers: IntArray) -> FloatArray:
    """Pseudo-counts of each worker: what everybody has, and their history; shape (w, 2)."""
    pseudo = np.tile(np.array(PRIOR), (len(workers), 1))
    if answers.history:
        known = {int(worker): index for index, worker in enumerate(workers)}
        for worker, counts in answers.history.items():
            if worker in known:
                pseudo[known[worker]] += counts
    return pseudo


def class_model(answers: Answers) -> ClassModel:
    """Known frequencies where the answers bring them, else learnt ones."""
    return TemperedClasses() if answers.priors is None else KnownClasses(answers.priors)


def fit_coins(
    coins: Coins, pseudo: FloatArray, classes: ClassModel, *, max_iterations: int = 100, tolerance: float = 1e-6
) -> Climb:
    """Accuracies and class frequencies from majority shares upwards; parameters in the shapes of `Coins.expect`."""

    def step(now: Parameters) -> Statistics:
        return coins.expect(now.log_theta, now.log_class_prior)[1]

    start = coins.count(coins.shares(), np.zeros(coins.classes))
    return climb(start, step, BetaCoins(pseudo), classes, max_iterations=max_iterations, tolerance=tolerance)


def coin_state(
    about: Answers,
    workers: IntArray,
    coins: Parameters,
    seen: FloatArray,
    *,
    rows: int,
    alike: float = 0.0,
    cold: bool = False,
) -> BlendState:
    """The state in which the one-coin model is all; seen: counts with pseudo-counts, shape (w, 2)."""
    size = len(about.classes)
    crowd = seen.sum(axis=0) - (len(seen) - 1) * np.array(PRIOR) if len(seen) and not cold else np.array(PRIOR)
    accuracy = float(crowd[0] / crowd.sum())
    return BlendState(
        classes=about.classes,
        workers=workers,
        accuracy=np.exp(coins.log_theta[:, 0]),
        confusion=np.empty((0, size, size)),
        one_coin_prior=coins.log_class_prior,
        confusion_prior=coins.log_class_prior,
        pooled_accuracy=accuracy,
        pooled=coin_rows(accuracy, size),
        blend=0.0,
        alike=alike,
        answers=rows,
        cold=cold,
    )


@dataclass(frozen=True, slots=True)
class OneCoin:
    """See the module's docstring. A worker's repeated answers to a task share one vote."""

    max_iterations: int = 100
    tolerance: float = 1e-6
    seed: int = 0
    name: str = "one-coin"
    uses: frozenset[str] = frozenset({"weights", "priors", "gold", "history"})

    def fit_predict(self, answers: Answers) -> Consensus:
        coded = Coded.of(answers, repeats="share")
        coins = Coins(coded)
        pseudo = coin_prior(answers, coded.workers)
        found = fit_coins(
            coins, pseudo, class_model(answers), max_iterations=self.max_iterations, tolerance=self.tolerance
        ).parameters
        seen = coins.expect(found.log_theta, found.log_class_prior)[1].counts + pseudo
        state = coin_state(answers, coded.workers, found, seen, rows=len(coded.cell))
        return Scored(state, seed=self.seed).of_coded(coded)
