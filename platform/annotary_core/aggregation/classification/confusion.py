"""Error models with a full confusion matrix per worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.classification.em import FLOOR
from annotary_core.labels.arrays import FloatArray

#: Replaces 0, so that logarithms are finite.
_UNUSED = 1e-300


@dataclass(frozen=True, slots=True)
class MaximumLikelihood:
    """Maximum likelihood: the relative frequencies of a worker's labels per true class (Dawid and Skene 1979).

    A count below FLOOR becomes FLOOR if the worker used that label at all, so that no answer can exclude a class;
    labels that the worker never used are ignored. This lowers the ELBO by less than FLOOR per entry.
    """

    def m_step(self, counts: FloatArray) -> FloatArray:
        used = np.einsum("wkl->wl", counts) > 0
        used |= ~used.any(axis=1, keepdims=True)
        theta = np.maximum(counts, FLOOR)
        if not used.all():
            theta *= used[:, None, :]
        theta /= np.einsum("wkl->wk", theta)[:, :, None]
        if not used.all():
            np.maximum(theta, _UNUSED, out=theta)
        return np.asarray(np.log(theta, out=theta), np.float64)

    def log_prior(self, log_theta: FloatArray) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class DirichletPrior:
    """Rows under a Dirichlet prior (posterior mode). A worker's history in other projects enters here.

    pseudo: pseudo-counts above 0, shape (w, k, l), or (1, k, l) for all workers.
    """

    pseudo: FloatArray

    def m_step(self, counts: FloatArray) -> FloatArray:
        theta = counts + self.pseudo
        theta /= theta.sum(axis=2, keepdims=True)
        return np.asarray(np.log(theta, out=theta), np.float64)

    def log_prior(self, log_theta: FloatArray) -> float:
        return float((self.pseudo * log_theta).sum())


def pooled_confusion(counts: FloatArray) -> FloatArray:
    """The confusion matrix pooled over all workers, shape (k, l), rows summing to 1, from counts of shape (w, k, l).

    Each row is smoothed by one pseudo-answer: half of it correct, half spread over all classes.
    """
    classes = counts.shape[1]
    total = np.einsum("wkl->kl", counts) + np.eye(classes) / 2 + 1 / (2 * max(classes, 1))
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float64)
