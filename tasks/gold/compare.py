"""How far an answer agrees with what is known to be right. Pure: no Django, no project tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.geometry import corner_array, pairwise_iou


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What still counts as right: the overlap that boxes need (IoU), and how many may be missing or too many."""

    iou: float = 0.5
    misses: int = 0
    extras: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.iou <= 1 or self.misses < 0 or self.extras < 0:
            raise ValueError("A tolerance needs an overlap above 0 and up to 1, and counts of 0 or more.")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tolerance:
        """Read {"iou", "misses", "extras"}, each of which may be left out; raises ValueError when one is unusable."""
        unknown = stored.keys() - {"iou", "misses", "extras"}
        if unknown:
            raise ValueError(f"A tolerance has no {min(unknown)!r}; it has iou, misses and extras.")
        try:
            return cls(
                iou=float(stored.get("iou", cls().iou)),
                misses=int(stored.get("misses", 0)),
                extras=int(stored.get("extras", 0)),
            )
        except TypeError as error:
            raise ValueError("A tolerance is made of numbers.") from error

    def to_json(self) -> dict[str, Any]:
        return {"iou": self.iou, "misses": self.misses, "extras": self.extras}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`score` is 0 to 1 (F1 for boxes, mean of the parts where a class is asked as well); `why` is for the worker."""

    correct: bool
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class BoxMatch:
    """Boxes matched one to one; `misplaced_class` of the unmatched ones lie right but have another class."""

    matched: int
    given: int
    wanted: int
    misplaced_class: int

    @property
    def f1(self) -> float:
        return 2 * self.matched / (self.given + self.wanted) if self.given + self.wanted else 1.0


def compare(
    answer: Answer,
    accepted: Sequence[Answer],
    tolerance: Tolerance,
    *,
    names: Mapping[int, str] | None = None,
) -> Comparison:
    """Compare with every accepted answer and keep the closest; `names` gives class names for the sentence.

    Raises ValueError when there is no accepted answer, since then nothing can be right.
    """
    if not accepted:
        raise ValueError("A check image needs at least one accepted answer.")
    results = [_compare_one(answer, gold, tolerance, names or {}) for gold in accepted]
    return max(results, key=lambda result: (result.correct, result.score))


def match_boxes(given: Sequence[LabelObject], wanted: Sequence[LabelObject], *, iou: float) -> BoxMatch:
    """Match boxes of the same class one to one, as many as possible, then with the largest overlap in all."""
    overlap = pairwise_iou(corner_array([item.geom for item in given]), corner_array([item.geom for item in wanted]))
    same = np.equal.outer([item.class_number for item in given], [item.class_number for item in wanted])
    same = same.reshape(overlap.shape)
    near = overlap >= iou
    rows, columns = _assign(overlap, near & same)
    left, open_ = np.ones(len(given), bool), np.ones(len(wanted), bool)
    left[rows], open_[columns] = False, False
    other_class, _ = _assign(overlap, near & left[:, None] & open_[None, :])
    return BoxMatch(matched=len(rows), given=len(given), wanted=len(wanted), misplaced_class=len(other_class))


def _assign(overlap: NDArray[np.float64], eligible: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The eligible pairs of an optimal one-to-one matching: rows and columns."""
    # One more pair always outweighs any gain in overlap, which is at most one a pair.
    worth = np.where(eligible, overlap + min(overlap.shape) + 1, 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    kept = eligible[rows, columns]
    return rows[kept], columns[kept]


def _compare_one(answer: Answer, gold: Answer, tolerance: Tolerance, names: Mapping[int, str]) -> Comparison:
    if "cannot_tell" in (answer.verdict, gold.verdict):
        return _compare_cannot_tell(answer, gold)
    parts: list[Comparison] = []
    if answer.image.class_number is not None or gold.image.class_number is not None:
        parts.append(_compare_class(answer.image.class_number, gold.image.class_number, names))
    if answer.objects or gold.objects or not parts:
        parts.append(_compare_boxes(answer.objects, gold.objects, tolerance))
    return Comparison(
        correct=all(part.correct for part in parts),
        score=sum(part.score for part in parts) / len(parts),
        why=" ".join(part.why for part in parts),
    )


def _compare_cannot_tell(answer: Answer, gold: Answer) -> Comparison:
    if answer.verdict == gold.verdict:
        return Comparison(True, 1.0, "Right: this image cannot be told.")
    if gold.verdict == "cannot_tell":
        return Comparison(False, 0.0, "This image cannot be told; the answer gives labels for it.")
    return Comparison(False, 0.0, "This image can be told; the answer says that it cannot.")


def _compare_class(given: int | None, wanted: int | None, names: Mapping[int, str]) -> Comparison:
    if given == wanted:
        return Comparison(True, 1.0, "The class is right.")
    if given is not None and wanted is not None and given in names and wanted in names:
        return Comparison(False, 0.0, f"The answer says {_short(names[given])}; right is {_short(names[wanted])}.")
    return Comparison(False, 0.0, "The class is another one.")


def _compare_boxes(given: Sequence[LabelObject], wanted: Sequence[LabelObject], tolerance: Tolerance) -> Comparison:
    if not wanted:
        if not given:
            return Comparison(True, 1.0, "Right: there is nothing to label on this image.")
        why = f"There is nothing to label on this image; the answer has {_count(len(given), 'box', 'boxes')}."
        return Comparison(len(given) <= tolerance.extras, 0.0, why)
    match = match_boxes(given, wanted, iou=tolerance.iou)
    misses, extras = match.wanted - match.matched, match.given - match.matched
    correct = misses <= tolerance.misses and extras <= tolerance.extras
    return Comparison(correct, match.f1, _why_boxes(match))


def _why_boxes(match: BoxMatch) -> str:
    said = [f"{match.matched} of {_count(match.wanted, 'box matches', 'boxes match')}"]
    extras = match.given - match.matched - match.misplaced_class
    if match.misplaced_class:
        said.append(f"{_count(match.misplaced_class, 'has', 'have')} another class")
    if extras:
        said.append(f"{_count(extras, 'box in the answer matches', 'boxes in the answer match')} none")
    return ", ".join(said) + "."


def _short(name: str) -> str:
    """A class name cut so that the sentence stays below the 300 characters that results are stored with."""
    return name if len(name) <= 60 else f"{name[:59]}…"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
