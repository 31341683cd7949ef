"""How much gold a worker gets. Pure: no Django.

The first images have three in ten. Later the share depends on the worker's answers to gold: it falls to the project's
rate and, as more of them are correct, to half of that; it rises again while the worker may be guessing.
"""

from scipy.special import betainc

#: How many images of a newcomer have the share of gold `FIRST_SHARE`, unless the project's rate is higher.
FIRST_IMAGES = 10
FIRST_SHARE = 0.3
#: A proven worker gets this part of the project's rate, which is half reached after `HALF_WAY` correct answers to gold.
LEAST_OF_RATE = 0.5
HALF_WAY = 20
#: A guesser's accuracy is at most this: with two classes one half, with more classes less.
GUESSING = 0.5
#: Above this many times the project's rate, a worker gets gold even where too few others will see it.
IN_DOUBT = 1.25
#: The prior Beta(2, 1) of an accuracy, as in `standing.trust`, and its probability of guessing.
PRIOR_ALPHA, PRIOR_BETA = 2.0, 1.0
_UNKNOWN = 0.25
#: How much gold the first images have on average. Until its answers are settled, what is missing is expected correct:
#: or the second half of a large set would have as much gold as the first.
_PENDING = 3


def gold_share(*, seen: int, correct: int, gold_rate: float, watched: bool = False) -> float:
    """Return the share of gold, 0 to below 1, among a worker's images after the first `FIRST_IMAGES`.

    seen, correct: the worker's answers to gold since the last reset, and how many were correct. gold_rate: the
    project's policy; 0 gives no gold to anybody, any other one some to everybody. A worker who is `watched` gets as
    much as a newcomer.
    """
    if not gold_rate:
        return 0.0
    most = first_share(gold_rate)
    if watched:
        return most
    incorrect, pending = seen - correct, max(0, _PENDING - seen)
    proven = gold_rate * (LEAST_OF_RATE + (1 - LEAST_OF_RATE) * HALF_WAY / (HALF_WAY + correct))
    guessing = float(betainc(PRIOR_ALPHA + correct + pending, PRIOR_BETA + incorrect, GUESSING))
    return proven + (most - proven) * min(1.0, guessing / _UNKNOWN)


def first_share(gold_rate: float) -> float:
    """Return the share of gold among a worker's first images."""
    return max(FIRST_SHARE, gold_rate) if gold_rate else 0.0
