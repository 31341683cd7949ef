"""Answers scored by a state that stands still: no fit, any tasks, in the order in which they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.kernels import Choice, kernel_for
from annotary_core.aggregation.classification.one_coin_em import Coins
from annotary_core.aggregation.classification.result import outcome
from annotary_core.labels.arrays import FloatArray, IntArray

#: Above so many classes the one-coin model decides alone, and those that nobody said of a task are left out of its
#: posterior.
MANY_CLASSES = 100
#: Posteriors (tasks times classes) in memory at once.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Scored:
    """The blend with the parameters of a state.

    Workers whom the state does not know count as one of its crowd. Answers may name classes that the state does not
    know, as a class may be new: they are as frequent as the rarest one, and the one-coin model decides alone.
    """

    state: BlendState
    seed: int = 0
    name: str = "blend"
    uses: frozenset[str] = frozenset({"weights", "gold"})

    def fit_predict(self, answers: Answers) -> Consensus:
        """All classes of the state play a part, named in the answers or not: those say what a right answer is worth."""
        every = np.union1d(answers.classes, self.state.classes)
        return self.of_coded(Coded.of(replace(answers, classes=every, priors=None), repeats="share"))

    def of_coded(self, coded: Coded) -> Consensus:
        """The same, of answers coded with repeats="share" over all classes that play a part."""
        skill = self.state.accuracy_of(coded.workers)
        step = max(1, _BLOCK // max(len(coded.classes), 1))
        parts = [coded.part(at, min(at + step, len(coded.tasks))) for at in range(0, max(len(coded.tasks), 1), step)]
        found = [outcome(part, score(self.state, part), skill, seed=self.seed) for part in parts]
        return found[0] if len(found) == 1 else _joined(found)


def score(state: BlendState, coded: Coded, *, kernel: Choice = "auto") -> FloatArray:
    """Posterior of each class of each task, shape (t, k) over `coded.classes`; rows sum to 1."""
    return temper(_mixture(state, coded, kernel), coded.n, state.alike)


def temper(posterior: FloatArray, n: IntArray, alike: float) -> FloatArray:
    """The posteriors, shape (t, k), of n answers each, shape (t,), as if the answers to a task were alike.

    Workers err on the same images, which the models do not know: they multiply evidence that is partly the same. With
    the correlation `alike`, n answers are worth n / (1 + (n - 1) * alike) independent ones (the design effect, Kish
    1965), so logarithms are divided by 1 + (n - 1) * alike. The order of the classes stays, and a single answer counts
    as it did.
    """
    if alike <= 0 or not posterior.size:
        return posterior
    with np.errstate(divide="ignore"):
        logits = np.log(posterior)
    logits /= (1 + np.maximum(n - 1, 0) * alike)[:, None]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _mixture(state: BlendState, coded: Coded, kernel: Choice) -> FloatArray:
    coins = Coins(coded)
    prior = class_prior(state, coded.classes)
    accuracy = np.clip(state.accuracy_of(coded.workers), 1e-9, 1 - 1e-9)
    log_coin = np.log(np.stack([accuracy, 1 - accuracy], axis=1))
    if len(coded.classes) > MANY_CLASSES:
        return coins.dense(coins.of_said(log_coin, prior), prior)
    posterior = coins.dense(coins.expect(log_coin, prior)[0], prior)
    if state.blend > 0 and np.array_equal(coded.classes, state.classes):
        full = np.empty_like(posterior)
        log_theta = np.log(np.maximum(state.confusion_of(coded.workers), 1e-300))
        kernel_for(coded, kernel).expect(log_theta, state.confusion_prior, full)
        posterior += state.blend * (full - posterior)
    return posterior


def class_prior(state: BlendState, classes: IntArray) -> FloatArray:
    """Logarithms of the class frequencies in the one-coin model, shape (k,) over any classes."""
    if np.array_equal(classes, state.classes):
        return state.one_coin_prior
    out = np.full(len(classes), state.one_coin_prior.min(initial=0.0))
    at = np.minimum(np.searchsorted(state.classes, classes), max(len(state.classes) - 1, 0))
    if len(state.classes):
        known = state.classes[at] == classes
        out[known] = state.one_coin_prior[at[known]]
    return out


def _joined(parts: list[Consensus]) -> Consensus:
    """Results of runs of tasks as one."""
    entries = np.cumsum([0] + [len(part.posteriors.p) for part in parts])
    starts = [part.posteriors.start[:-1] + at for part, at in zip(parts, entries, strict=False)]
    return Consensus(
        task=np.concatenate([part.task for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        n=np.concatenate([part.n for part in parts]),
        tied=np.concatenate([part.tied for part in parts]),
        posteriors=Posteriors(
            start=np.concatenate([*starts, entries[-1:]]),
            label=np.concatenate([part.posteriors.label for part in parts]),
            p=np.concatenate([part.posteriors.p for part in parts]),
        ),
        workers=parts[0].workers,
        skill=parts[0].skill,
    )
