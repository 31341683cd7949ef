"""Whether a worker sees general advice at the end of a set. Pure: no Django.

Advice that follows from answers to gold tells about them. A worker could vary one answer per set and watch whether the
advice comes or goes. Three things keep that from telling anything about one image: the stage was decided by the sets
before the one that ends; it changes only after several answers to gold (`trust.MIN_NEW_GOLD`); and what is shown is a
randomized response (Warner 1965): three in four of those whom it is meant for see it, and one in four of the others. So
seeing it is at most three times as likely for the one as for the other, whatever else a worker knows: each set tells at
most ln 3 about the stage. It is decided once and kept with the set, because a second draw would tell more.
"""

import random

from tasks.standing.trust import Stage

ADVICE = (
    "A tip for the next set: open the instructions once more, look at the whole image before you answer, and skip what"
    " you cannot decide."
)
_SHOWN, _SHOWN_TO_OTHERS = 0.75, 0.25


def is_advised(stage: Stage, rng: random.Random) -> bool:
    """Draw whether a set ends with advice; `stage` is the one before the set was settled."""
    return rng.random() < (_SHOWN_TO_OTHERS if stage == Stage.NONE else _SHOWN)
