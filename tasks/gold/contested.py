"""Whether good workers fail gold too often for its answer to be right. Pure: no Django.

Each worker fails right gold with a probability that is known from their other gold. If the answer is right, the number
of failures is the sum of such independent events (a Poisson binomial distribution); one that large or larger is then
as unlikely as `chance` says. Gold is contested if that is below `ERROR_RATE`. So of gold whose answer is right, at most
one in a hundred is contested at each look, and there is one look per answer of a good worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: The probability at which right gold is contested, per look.
ERROR_RATE = 0.01
#: A worker is good if, of at least this many other check images, at least this share was correct.
MIN_SEEN, MIN_ACCURACY = 5, 0.8
#: One failure never suspends gold.
MIN_FAILURES = 2
#: The prior Beta(2, 1) of an accuracy, as in `standing.trust`.
PRIOR_ALPHA, PRIOR_BETA = 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Witness:
    """A worker's answer to gold, and the worker's answers to other gold: how many, and how many were correct."""

    failed: bool
    others: int
    others_correct: int

    @property
    def is_good(self) -> bool:
        return self.others >= MIN_SEEN and self.others_correct >= MIN_ACCURACY * self.others

    @property
    def error(self) -> float:
        """The probability that this worker fails right gold: the posterior mean."""
        return (self.others - self.others_correct + PRIOR_BETA) / (self.others + PRIOR_ALPHA + PRIOR_BETA)


def is_contested(witnesses: Sequence[Witness]) -> bool:
    """Whether the good workers among these fail the gold too often for its answer to be right."""
    good = [witness for witness in witnesses if witness.is_good]
    failures = sum(witness.failed for witness in good)
    return failures >= MIN_FAILURES and chance([each.error for each in good], failures) < ERROR_RATE


def chance(errors: Sequence[float], failures: int) -> float:
    """Return the probability of at least this many failures, of workers who fail with these probabilities."""
    distribution = [1.0]
    for error in errors:
        distribution = [
            (distribution[count] * (1 - error) if count < len(distribution) else 0.0)
            + (distribution[count - 1] * error if count else 0.0)
            for count in range(len(distribution) + 1)
        ]
    return sum(distribution[failures:])
