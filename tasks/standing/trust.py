"""Trust in a worker: how certain it is that the worker guesses. Pure: no Django.

It is computed from the evidence since the worker's last reset: how many answers to gold were correct, and how many were
not. A worker's accuracy on gold has a Beta(alpha, beta) posterior (Gelman et al., Bayesian Data Analysis, §2.4); the
prior Beta(2, 1) expects an accuracy of two in three and weighs as much as three answers.
"""

from scipy.special import betainc

PRIOR_ALPHA = 2.0
PRIOR_BETA = 1.0
# Pause if the accuracy is below one half with this probability: four wrong of four (0.89), five of six (0.86), but not
# three of four (0.66). A worker with an accuracy of 0.8 gets four wrong of four once in 600 times.
MIN_ACCURACY = 0.5
MIN_PROBABILITY = 0.85
MIN_SEEN = 4


def trust(*, correct: int, incorrect: int) -> float:
    """Return the posterior mean of the worker's accuracy, 0 to 1."""
    alpha, beta = PRIOR_ALPHA + correct, PRIOR_BETA + incorrect
    return alpha / (alpha + beta)


def probability_worse_than(share: float, *, correct: int, incorrect: int) -> float:
    """Return P(accuracy < share); `share` and the result are from 0 to 1."""
    return float(betainc(PRIOR_ALPHA + correct, PRIOR_BETA + incorrect, share))


def is_clearly_bad(*, correct: int, incorrect: int) -> bool:
    """Whether to pause the worker: at least four answers to gold, and clearly bad on them."""
    is_worse = probability_worse_than(MIN_ACCURACY, correct=correct, incorrect=incorrect) >= MIN_PROBABILITY
    return correct + incorrect >= MIN_SEEN and is_worse
