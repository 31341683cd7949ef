"""Dawid-Skene: each worker has a confusion matrix, found together with the classes by EM.

A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Journal of
the Royal Statistical Society C 28 (1979) 20-28. The plain form starts from each class's share of the votes, as they do.
It needs many answers a worker: of a worker who gave few, it believes too much. The "map" form draws each worker's rows
to the confusion of all workers together by a Dirichlet prior, so that who gave few answers counts as one of the crowd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.confusion import DirichletRows, FreeRows, pooled
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClasses,
    Fit,
    FixedClasses,
    WorkerModel,
    fit,
)
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import Choice, kernel_for
from annotary_core.aggregation.classification.result import expected_skill, outcome

#: Most cells (workers * classes * classes) that the confusion matrices may have: 256 MiB of doubles, and a fit
#: holds up to four such arrays.
MOST_CELLS = 32 * 2**20


class TooManyCells(ValueError):
    """The confusion matrices would not fit into memory; the message is one sentence for whoever chose the method."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """Dawid-Skene by maximum likelihood ("ml", every row counts) or with priors ("map", a worker has one vote a task).

    max_iterations, tolerance: see em.fit. strength: answers a row that the pooled confusion counts for, "map" alone.
    Known priors of the classes are kept as they are; otherwise they are learnt, in "map" with one task a class added.

    Raises TooManyCells when the confusion matrices would have more than MOST_CELLS cells.
    """

    form: Literal["ml", "map"] = "ml"
    max_iterations: int = 100
    tolerance: float = 1e-5
    strength: float = 2.0
    kernel: Choice = "auto"
    seed: int = 0
    uses: frozenset[str] = frozenset({"weights", "priors", "gold"})

    @property
    def name(self) -> str:
        return "dawid-skene" if self.form == "ml" else "dawid-skene-map"

    def fit_predict(self, answers: Answers) -> Consensus:
        coded = Coded.of(answers, repeats="count" if self.form == "ml" else "share")
        found = self.fit(coded, answers)
        skill = expected_skill(found.log_theta, found.log_class_prior)
        return outcome(coded, found.posterior, skill, seed=self.seed)

    def fit(self, coded: Coded, answers: Answers) -> Fit:
        """The fit behind `fit_predict`."""
        check_size(len(coded.workers), len(coded.classes))
        workers: WorkerModel = FreeRows()
        classes: ClassModel = DirichletClasses(0.0 if self.form == "ml" else 1.0)
        start = coded.shares()
        if answers.priors is not None:
            classes = FixedClasses(answers.priors)
        if self.form == "map":
            crowd = pooled(kernel_for(coded, self.kernel).count(start).counts)
            workers = DirichletRows(self.strength * crowd[None])
        return fit(
            coded,
            workers,
            classes,
            start_posterior=start,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            kernel=self.kernel,
        )


def check_size(workers: int, classes: int) -> None:
    """Raises TooManyCells when a confusion matrix a worker is too much."""
    if workers * classes * classes > MOST_CELLS:
        raise TooManyCells(
            f"Dawid-Skene would keep {workers * classes * classes:,} numbers for {workers:,} workers and {classes:,} "
            f"classes, more than {MOST_CELLS:,}; use the method one-coin, which keeps one number a worker."
        )
