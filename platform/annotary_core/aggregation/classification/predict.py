"""Predict labels with a fitted model: no fitting, for any tasks and in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.kernels import KernelChoice, kernel_for
from annotary_core.aggregation.classification.one_coin_em import OneCoinEStep
from annotary_core.aggregation.classification.result import consensus_from_posteriors
from annotary_core.aggregation.error_correlation import temper
from annotary_core.labels.arrays import FloatArray, IntArray

#: Above this many classes only the one-coin model is used, and a task's posterior omits classes without a vote.
MAX_CONFUSION_CLASSES = 100
#: Posteriors (tasks times classes) in memory at once.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """The blend with fixed, fitted parameters.

    Workers unknown to the model get the pooled parameters. Answers may contain classes that are new to the model: they
    are given the frequency of the rarest class, and only the one-coin model is used.
    """

    model: FittedModel
    seed: int = 0
    name: str = "blend"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        """Predict over all classes of the model, voted or not, as their number determines how much a vote is worth."""
        classes = np.union1d(answers.classes, self.model.classes)
        return self.predict_encoded(EncodedAnswers.of(replace(answers, classes=classes, priors=None), repeats="share"))

    def predict_encoded(self, encoded: EncodedAnswers) -> Consensus:
        """Predict from answers encoded with repeats="share" over all classes of the model."""
        skill = self.model.accuracy_of(encoded.workers)
        step = max(1, _BLOCK // max(len(encoded.classes), 1))
        parts = [
            encoded.part(first, min(first + step, len(encoded.tasks)))
            for first in range(0, max(len(encoded.tasks), 1), step)
        ]
        results = [
            consensus_from_posteriors(part, predict_proba(self.model, part), skill, seed=self.seed) for part in parts
        ]
        return results[0] if len(results) == 1 else _concatenated(results)


def predict_proba(model: FittedModel, encoded: EncodedAnswers, *, kernel: KernelChoice = "auto") -> FloatArray:
    """Posterior of each class of each task, shape (t, k) over `encoded.classes`; rows sum to 1."""
    return temper(_mixture(model, encoded, kernel), encoded.n, model.error_correlation)


def _mixture(model: FittedModel, encoded: EncodedAnswers, kernel: KernelChoice) -> FloatArray:
    one_coin = OneCoinEStep(encoded)
    prior = class_prior(model, encoded.classes)
    accuracy = np.clip(model.accuracy_of(encoded.workers), 1e-9, 1 - 1e-9)
    log_accuracy = np.log(np.stack([accuracy, 1 - accuracy], axis=1))
    if len(encoded.classes) > MAX_CONFUSION_CLASSES:
        return one_coin.dense(one_coin.candidate_posterior(log_accuracy, prior), prior)
    posterior = one_coin.dense(one_coin.e_step(log_accuracy, prior)[0], prior)
    if model.blend > 0 and np.array_equal(encoded.classes, model.classes):
        confusion = np.empty_like(posterior)
        log_theta = np.log(np.maximum(model.confusion_of(encoded.workers), 1e-300))
        kernel_for(encoded, kernel).e_step(log_theta, model.confusion_prior, confusion)
        posterior += model.blend * (confusion - posterior)
    return posterior


def class_prior(model: FittedModel, classes: IntArray) -> FloatArray:
    """Log class frequencies in the one-coin model, shape (k,), over any classes."""
    if np.array_equal(classes, model.classes):
        return model.one_coin_prior
    out = np.full(len(classes), model.one_coin_prior.min(initial=0.0))
    index = np.minimum(np.searchsorted(model.classes, classes), max(len(model.classes) - 1, 0))
    if len(model.classes):
        known = model.classes[index] == classes
        out[known] = model.one_coin_prior[index[known]]
    return out


def _concatenated(parts: list[Consensus]) -> Consensus:
    """Concatenate the results of consecutive runs of tasks."""
    offsets = np.cumsum([0] + [len(part.posteriors.p) for part in parts])
    starts = [part.posteriors.start[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Consensus(
        task=np.concatenate([part.task for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        n=np.concatenate([part.n for part in parts]),
        tied=np.concatenate([part.tied for part in parts]),
        posteriors=Posteriors(
            start=np.concatenate([*starts, offsets[-1:]]),
            label=np.concatenate([part.posteriors.label for part in parts]),
            p=np.concatenate([part.posteriors.p for part in parts]),
        ),
        workers=parts[0].workers,
        skill=parts[0].skill,
    )
