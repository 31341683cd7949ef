"""How sure we may be that a worker guesses. Pure: no Django.

The share of check images that a worker answers rightly has a Beta(alpha, beta) posterior (Gelman et al., Bayesian Data
Analysis, §2.4); the prior Beta(2, 1) expects two in three right and weighs as much as three answers.
"""

from scipy.special import betainc

PRIOR_ALPHA = 2.0
PRIOR_BETA = 1.0
# Wrong more often than right, with this probability: four wrong of four (0.89), five of six (0.86), not three of four
# (0.66). A worker who is right in eight of ten meets the first once in 600 sets of four.
WORSE_THAN = 0.5
SURE_ENOUGH = 0.85
LEAST_SEEN = 4


def probability_worse_than(share: float, *, alpha: float, beta: float) -> float:
    """P(accuracy < share), shares and result from 0 to 1."""
    return float(betainc(alpha, beta, share))


def is_clearly_bad(*, alpha: float, beta: float) -> bool:
    """Whether the worker should be paused: at least four check images since the prior, and clearly bad on them."""
    seen = alpha + beta - PRIOR_ALPHA - PRIOR_BETA
    return seen >= LEAST_SEEN and probability_worse_than(WORSE_THAN, alpha=alpha, beta=beta) >= SURE_ENOUGH
