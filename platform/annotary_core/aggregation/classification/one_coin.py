"""One-coin Dawid-Skene: each worker is correct with their own probability, whatever the class.

The model of ZenCrowd (Demartini, Difallah, Cudré-Mauroux, WWW 2012) and of Zhang, Chen, Zhou, Jordan (JMLR 17, 2016),
with two additions that make it robust: accuracies have a Beta prior, since three answers are little evidence about a
worker, and class frequencies enter by their square root. With their full weight the model can degenerate to one class
that nearly all tasks have and workers who are often wrong (it does on s_rel and bluebirds); without them it ignores
that yes is rare (zencrowd).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.em import ClassModel, EMTrace, Parameters, log_shares, run_em
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel, one_coin_confusion
from annotary_core.aggregation.classification.one_coin_em import OneCoinEStep
from annotary_core.aggregation.classification.predict import FittedBlend
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray, IntArray

#: Pseudo-counts of the Beta prior that all workers share: eight correct and two incorrect answers.
ACCURACY_PRIOR = (8.0, 2.0)
#: Exponent of the class frequencies.
CLASS_PRIOR_POWER = 0.5


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """Accuracies under a Beta prior (posterior mode). pseudo: correct and incorrect counts, shape (w, 2), above 0."""

    pseudo: FloatArray

    def m_step(self, counts: FloatArray) -> FloatArray:
        total = counts + self.pseudo
        return np.asarray(np.log(total / total.sum(axis=1, keepdims=True)), np.float64)

    def log_prior(self, log_accuracy: FloatArray) -> float:
        return float((self.pseudo * log_accuracy).sum())


@dataclass(frozen=True, slots=True)
class TemperedClassPrior:
    """Class frequencies estimated with one pseudo-task per class, raised to a power between 0 and 1.

    The tempered frequencies do not sum to 1. The ELBO is that of this tempered objective, and EM never lowers it.
    """

    power: float = CLASS_PRIOR_POWER

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        return self.power * log_shares(class_counts + 1.0)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return float(log_class_prior.sum())


@dataclass(frozen=True, slots=True)
class FixedTemperedClassPrior:
    """Known class frequencies, shape (k,), raised to the same power."""

    priors: FloatArray
    power: float = CLASS_PRIOR_POWER

    def m_step(self, class_counts: FloatArray) -> FloatArray:
        return self.power * log_shares(self.priors)

    def log_prior(self, log_class_prior: FloatArray) -> float:
        return 0.0


def accuracy_prior(answers: Answers, workers: IntArray) -> FloatArray:
    """Pseudo-counts of each worker, the shared prior plus their history, shape (w, 2)."""
    pseudo = np.tile(np.array(ACCURACY_PRIOR), (len(workers), 1))
    if answers.history:
        index_of = {int(worker): index for index, worker in enumerate(workers)}
        for worker, counts in answers.history.items():
            if worker in index_of:
                pseudo[index_of[worker]] += counts
    return pseudo


def class_model(answers: Answers) -> ClassModel:
    """The known class frequencies if the answers include priors, otherwise estimated ones."""
    return TemperedClassPrior() if answers.priors is None else FixedTemperedClassPrior(answers.priors)


def fit_one_coin(
    one_coin: OneCoinEStep,
    pseudo: FloatArray,
    classes: ClassModel,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
) -> EMTrace:
    """Fit accuracies and class frequencies, starting from the vote shares; parameters shaped as in `OneCoinEStep`."""

    def step(parameters: Parameters) -> SufficientStatistics:
        return one_coin.e_step(parameters.log_theta, parameters.log_class_prior)[1]

    start = one_coin.statistics(one_coin.vote_shares(), np.zeros(one_coin.classes))
    return run_em(start, step, BetaPrior(pseudo), classes, max_iterations=max_iterations, tolerance=tolerance)


def one_coin_fitted_model(
    answers: Answers,
    workers: IntArray,
    parameters: Parameters,
    seen: FloatArray,
    *,
    rows: int,
    error_correlation: float = 0.0,
    is_cold_start: bool = False,
) -> FittedModel:
    """The fitted model without a confusion model. seen: counts with pseudo-counts, shape (w, 2)."""
    classes = len(answers.classes)
    pooled_counts = (
        seen.sum(axis=0) - (len(seen) - 1) * np.array(ACCURACY_PRIOR)
        if len(seen) and not is_cold_start
        else np.array(ACCURACY_PRIOR)
    )
    accuracy = float(pooled_counts[0] / pooled_counts.sum())
    return FittedModel(
        classes=answers.classes,
        workers=workers,
        accuracy=np.exp(parameters.log_theta[:, 0]),
        confusion=np.empty((0, classes, classes)),
        one_coin_prior=parameters.log_class_prior,
        confusion_prior=parameters.log_class_prior,
        pooled_accuracy=accuracy,
        pooled_confusion=one_coin_confusion(accuracy, classes),
        blend=0.0,
        error_correlation=error_correlation,
        answers=rows,
        is_cold_start=is_cold_start,
    )


@dataclass(frozen=True, slots=True)
class OneCoin:
    """The one-coin method; see the module docstring. A worker's repeated answers to a task share one vote."""

    max_iterations: int = 100
    tolerance: float = 1e-6
    seed: int = 0
    name: str = "one-coin"
    uses: frozenset[str] = frozenset({"weights", "priors", "gold", "history"})

    def fit_predict(self, answers: Answers) -> Consensus:
        encoded = EncodedAnswers.of(answers, repeats="share")
        one_coin = OneCoinEStep(encoded)
        pseudo = accuracy_prior(answers, encoded.workers)
        parameters = fit_one_coin(
            one_coin, pseudo, class_model(answers), max_iterations=self.max_iterations, tolerance=self.tolerance
        ).parameters
        seen = one_coin.e_step(parameters.log_theta, parameters.log_class_prior)[1].counts + pseudo
        model = one_coin_fitted_model(answers, encoded.workers, parameters, seen, rows=len(encoded.cell))
        return FittedBlend(model, seed=self.seed).predict_encoded(encoded)
