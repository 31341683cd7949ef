"""Dawid-Skene: each worker has a confusion matrix, estimated jointly with the true classes by EM.

A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Journal of
the Royal Statistical Society C 28 (1979) 20-28. The plain form starts from the vote shares, as they do. It needs many
answers per worker and is overconfident about workers with few. The "map" form shrinks each worker's rows towards the
pooled confusion matrix by a Dirichlet prior, so that a worker with few answers counts as an average one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.confusion import DirichletPrior, MaximumLikelihood, pooled_confusion
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClassPrior,
    ErrorModel,
    Fit,
    FixedClassPrior,
    fit,
)
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.kernels import KernelChoice, kernel_for
from annotary_core.aggregation.classification.result import consensus_from_posteriors, expected_skill

#: Largest total size (workers * classes * classes) of the confusion matrices: 256 MiB of doubles, and a fit holds up to
#: four such arrays.
MAX_CONFUSION_SIZE = 32 * 2**20


class ConfusionTooLarge(ValueError):
    """The confusion matrices would not fit into memory. The message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """Dawid-Skene by maximum likelihood ("ml", every row counts) or MAP ("map", one vote per worker and task).

    max_iterations, tolerance: see `em.fit`. strength: pseudo-answers per row that the pooled confusion matrix counts
    for, only in "map". Known class priors stay fixed; otherwise they are estimated, in "map" with one pseudo-task per
    class.

    Raises ConfusionTooLarge if the confusion matrices would have more than MAX_CONFUSION_SIZE entries.
    """

    form: Literal["ml", "map"] = "ml"
    max_iterations: int = 100
    tolerance: float = 1e-5
    strength: float = 2.0
    kernel: KernelChoice = "auto"
    seed: int = 0
    uses: frozenset[str] = frozenset({"weights", "priors", "gold"})

    @property
    def name(self) -> str:
        return "dawid-skene" if self.form == "ml" else "dawid-skene-map"

    def fit_predict(self, answers: Answers) -> Consensus:
        encoded = EncodedAnswers.of(answers, repeats="count" if self.form == "ml" else "share")
        result = self.fit(encoded, answers)
        skill = expected_skill(result.log_theta, result.log_class_prior)
        return consensus_from_posteriors(encoded, result.posterior, skill, seed=self.seed)

    def fit(self, encoded: EncodedAnswers, answers: Answers) -> Fit:
        """Fit the model; `fit_predict` turns the result into a consensus."""
        check_size(len(encoded.workers), len(encoded.classes))
        workers: ErrorModel = MaximumLikelihood()
        classes: ClassModel = DirichletClassPrior(0.0 if self.form == "ml" else 1.0)
        start = encoded.vote_shares()
        if answers.priors is not None:
            classes = FixedClassPrior(answers.priors)
        if self.form == "map":
            pooled_start = pooled_confusion(kernel_for(encoded, self.kernel).statistics(start).counts)
            workers = DirichletPrior(self.strength * pooled_start[None])
        return fit(
            encoded,
            workers,
            classes,
            start_posterior=start,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            kernel=self.kernel,
        )


def check_size(workers: int, classes: int) -> None:
    """Raises ConfusionTooLarge if one confusion matrix per worker would exceed MAX_CONFUSION_SIZE."""
    size, limit = workers * classes * classes, MAX_CONFUSION_SIZE
    if size > limit:
        raise ConfusionTooLarge(
            f"Dawid-Skene needs {size:,} parameters for {workers:,} workers and {classes:,} "
            f"classes, more than {limit:,}; use the method one-coin, which needs one parameter per worker."
        )
