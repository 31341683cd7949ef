"""The default method: a mixture of the one-coin model and full confusion matrices, weighted by predictive evidence.

Neither model is safe alone. In crowds that confuse particular classes, one accuracy per worker discards the necessary
information (s_rel, bluebirds); in others, the confusion matrices explain the workers' habits by classes that are not
the true ones (zencrowd). Both are fitted, and each predicts every answer from all other answers (leave-one-out: the
row's own contribution is removed from its task's posterior and from its worker's counts). Let `gain` be the nats per
task by which the confusion model predicts better. Its mixture weight is

    blend = 1 / (1 + exp(-EVIDENCE * (gain - HANDICAP)))

the posterior probability of the richer model with prior odds exp(-EVIDENCE * HANDICAP) and the evidence of EVIDENCE
tasks. The evidence of all tasks would always give 0 or 1, because errors on one task are correlated for reasons that
neither model has (some images are hard). For the same reason the mixture of both posteriors is tempered
(error_correlation.temper): untempered, it is 98% confident where 84% of its labels are correct (dog).

Cold start: below COLD_START_ANSWERS rows, or COLD_START_PER_WORKER rows per worker, nothing is learned from agreement.
Each worker's accuracy comes from their history, their answers to gold tasks and the shared prior; without history and
gold all workers count the same, and the result is exactly the majority vote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from scipy.special import expit

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.confusion import DirichletPrior, pooled_confusion
from annotary_core.aggregation.classification.dawid_skene import MAX_CONFUSION_SIZE
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClassPrior,
    EMTrace,
    FixedClassPrior,
    Parameters,
    log_shares,
    run_em,
)
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fit_passes import FitPasses, InMemory
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.one_coin import (
    ACCURACY_PRIOR,
    BetaPrior,
    accuracy_prior,
    class_model,
    one_coin_fitted_model,
)
from annotary_core.aggregation.classification.predict import MAX_CONFUSION_CLASSES, FittedBlend
from annotary_core.labels.arrays import FloatArray, IntArray

#: Nats per task by which the confusion model must predict better to get half of the weight.
HANDICAP = 1.0
#: Number of tasks whose evidence decides between the models.
EVIDENCE = 2.0
#: Pseudo-answers per row that the pooled confusion matrix counts for.
STRENGTH = 5.0
#: Correlation of the errors on one task, see error_correlation.temper: the best fit to nine real crowds of this kind.
ERROR_CORRELATION = 0.2
#: Rows from which on workers are estimated from their agreement.
COLD_START_ANSWERS = 1000
#: The same per worker. With fewer, accuracies are mostly noise: on cf without a third of its answers, they made labels
#: worse than the majority's by more than half a point in one arrival order out of five.
COLD_START_PER_WORKER = 3.5


class Limits(TypedDict):
    """When EM stops; see `em.fit`."""

    max_iterations: int
    tolerance: float


LIMITS: Limits = {"max_iterations": 100, "tolerance": 1e-6}


@dataclass(frozen=True, slots=True)
class BlendFit:
    """A fitted model and its evidence: `gain` in nats per task, and the ELBO trace of each EM run, empty if not run."""

    model: FittedModel
    gain: float
    one_coin_elbo: tuple[float, ...]
    confusion_elbo: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Blend:
    """The blend method; see the module docstring. A worker's repeated answers to a task share one vote."""

    seed: int = 0
    name: str = "blend"
    uses: frozenset[str] = frozenset({"weights", "priors", "gold", "history"})

    def fit_predict(self, answers: Answers) -> Consensus:
        encoded = EncodedAnswers.of(answers, repeats="share")
        return FittedBlend(fit_coded(encoded, answers).model, seed=self.seed).predict_encoded(encoded)


def fit_blend(answers: Answers) -> FittedModel:
    """Fit the blend to the answers."""
    return fit_coded(EncodedAnswers.of(answers, repeats="share"), answers).model


def fit_coded(encoded: EncodedAnswers, answers: Answers) -> BlendFit:
    """Fit the blend to answers encoded with repeats="share". answers: supplies classes, priors and history."""
    return fit_passes(InMemory(encoded), answers, workers=encoded.workers, rows=len(encoded.cell))


def fit_passes(
    passes: FitPasses,
    answers: Answers,
    *,
    workers: IntArray,
    rows: int,
    limits: Limits = LIMITS,
) -> BlendFit:
    """Fit the blend by passes over answers that may be stored in shards.

    answers: supplies classes, priors and history; its rows are not read. workers: the worker ids that the passes are
    encoded with, shape (w,). rows: total number of answers.
    """
    pseudo = accuracy_prior(answers, workers)
    if rows < max(COLD_START_ANSWERS, COLD_START_PER_WORKER * len(workers)) or not len(answers.classes):
        return BlendFit(_cold_start_model(passes, answers, workers, pseudo, rows), 0.0, (), ())
    one_coin = run_em(
        passes.one_coin_start(), passes.one_coin_e_step, BetaPrior(pseudo), class_model(answers), **limits
    )
    seen = passes.one_coin_e_step(one_coin.parameters).counts + pseudo
    one_coin_model = one_coin_fitted_model(
        answers, workers, one_coin.parameters, seen, rows=rows, error_correlation=ERROR_CORRELATION
    )
    class_count = len(answers.classes)
    # Above MAX_CONFUSION_CLASSES predictions use the one-coin model alone.
    if not 2 <= class_count <= MAX_CONFUSION_CLASSES or len(workers) * class_count**2 > MAX_CONFUSION_SIZE:
        return BlendFit(one_coin_model, 0.0, tuple(one_coin.elbo), ())
    return _with_confusion(passes, answers, one_coin, one_coin_model, seen, limits)


def _with_confusion(
    passes: FitPasses,
    answers: Answers,
    one_coin: EMTrace,
    one_coin_model: FittedModel,
    seen: FloatArray,
    limits: Limits,
) -> BlendFit:
    """Fit the confusion model and weight it by its gain over the one-coin model.

    seen: counts of the one-coin model with pseudo-counts, shape (w, 2).
    """
    start = passes.confusion_start()
    pooled_start = pooled_confusion(start.counts)
    rows_prior = STRENGTH * pooled_start[None] + _history_counts(answers, one_coin_model.workers)
    class_prior: ClassModel = DirichletClassPrior(1.0) if answers.priors is None else FixedClassPrior(answers.priors)
    confusion = run_em(start, passes.confusion_e_step, DirichletPrior(rows_prior), class_prior, **limits)
    counts = passes.confusion_e_step(confusion.parameters).counts
    confusion_score = passes.confusion_leave_one_out(confusion.parameters, counts + rows_prior)
    gain = (confusion_score - passes.one_coin_leave_one_out(one_coin.parameters, seen)) / max(start.tasks, 1)
    model = replace(
        one_coin_model,
        confusion=np.exp(confusion.parameters.log_theta),
        confusion_prior=confusion.parameters.log_class_prior,
        pooled_confusion=pooled_confusion(counts),
        blend=float(expit(EVIDENCE * (gain - HANDICAP))),
    )
    return BlendFit(model, float(gain), tuple(one_coin.elbo), tuple(confusion.elbo))


def cold_start_model(classes: IntArray, workers: IntArray, gold_counts: FloatArray) -> FittedModel:
    """The model before anything is learned from agreement.

    classes: shape (k,), ascending. workers: shape (w,), ascending. gold_counts: correct and incorrect answers of each
    worker to gold and similar evidence, shape (w, 2).
    """
    none = np.empty(0, np.int64)
    answers = Answers(task=none, worker=none, label=none, classes=classes)
    counts = gold_counts + np.array(ACCURACY_PRIOR)
    parameters = Parameters(BetaPrior(counts).m_step(np.zeros_like(counts)), log_shares(np.ones(len(classes))))
    return one_coin_fitted_model(
        answers, workers, parameters, counts, rows=0, error_correlation=ERROR_CORRELATION, is_cold_start=True
    )


def _cold_start_model(
    passes: FitPasses, answers: Answers, workers: IntArray, pseudo: FloatArray, rows: int
) -> FittedModel:
    """Estimate workers from history and gold tasks alone; classes are equally frequent unless priors are known."""
    classes = len(answers.classes)
    frequencies = np.ones(classes) if answers.priors is None else answers.priors
    counts = pseudo + passes.one_coin_gold_counts()
    parameters = Parameters(BetaPrior(counts).m_step(np.zeros_like(counts)), log_shares(frequencies))
    return one_coin_fitted_model(
        answers, workers, parameters, counts, rows=rows, error_correlation=ERROR_CORRELATION, is_cold_start=True
    )


def _history_counts(answers: Answers, workers: IntArray) -> FloatArray:
    """Histories as pseudo-counts of confusion matrices, spread evenly over classes, shape (w, k, l) or (1, k, l)."""
    size = len(answers.classes)
    if not answers.history:
        return np.zeros((1, size, size))
    counts = accuracy_prior(answers, workers) - np.array(ACCURACY_PRIOR)
    out = np.repeat((counts[:, 1] / (size * (size - 1)))[:, None, None], size, axis=1).repeat(size, axis=2)
    index = np.arange(size)
    out[:, index, index] = (counts[:, 0] / size)[:, None]
    return out
