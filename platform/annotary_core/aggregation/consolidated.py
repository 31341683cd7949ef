"""What `consolidate` returns for one image: posterior and evidence are plain JSON, stored and served as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from annotary_core.labels.answer import Answer

#: Probabilities by class number, without those that round to 0.
ClassShares = dict[str, float]

#: An object that somebody drew, released or not. existence: the probability that it exists, 0 to 1.
ObjectPosterior = TypedDict("ObjectPosterior", {"existence": float, "class": ClassShares})

#: The decisions about an image: those that its schema asks for, none if nobody could tell. objects: by object id.
ImagePosterior = TypedDict("ImagePosterior", {"class": ClassShares, "objects": dict[str, ObjectPosterior]}, total=False)


class ClassVotes(TypedDict):
    """The evidence for the class of an image: only "n" if no answer named one.

    votes: by class number. agreement: the share of pairs of workers who chose the same class, None for one worker.
    """

    n: int
    votes: NotRequired[dict[str, int]]
    agreement: NotRequired[float | None]
    tied: NotRequired[bool]


#: The evidence for an object that somebody drew, released or not. geom: as the tool's shape stores it. votes of seen:
#: the workers who drew it, of those who could. existence, agreement: 0 to 1. tied: whether its class is.
ObjectVotes = TypedDict(
    "ObjectVotes",
    {
        "id": str,
        "class": int,
        "tool": str,
        "geom": dict[str, Any],
        "votes": int,
        "seen": int,
        "existence": float,
        "agreement": float,
        "tied": bool,
        "released": bool,
    },
)

#: What an answer was decided from. n: the answers of people; cannot_tell, empty: all answers with these verdicts.
Evidence = TypedDict(
    "Evidence",
    {
        "n": int,
        "cannot_tell": int,
        "empty": int,
        "method": str,
        "class": NotRequired[ClassVotes],
        "objects": NotRequired[list[ObjectVotes]],
    },
)


@dataclass(frozen=True, slots=True)
class ConsolidatedAnswer:
    """The consensus answer with its `posterior` and `evidence`.

    confidence: that of the class or of the objects (see `objects_confidence`), whichever is lower. Unanimous "empty" or
    "cannot_tell" has confidence 1.
    """

    answer: Answer
    posterior: ImagePosterior
    evidence: Evidence
    confidence: float
