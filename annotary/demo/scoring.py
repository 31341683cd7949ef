"""Accuracy of answers against the ground truth. Pure.

Class: the share of images with the true class. Objects: an object is correct if its similarity with a true one of its
class and shape (the IoU, for boxes) is at least SAME_OBJECT, one to one; as many as possible are matched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from annotary_core.labels.answer import Answer
from annotary_core.labels.matching import SAME_OBJECT, assign, column_of, same_classes, similarity_matrix


@dataclass(frozen=True, slots=True)
class Score:
    """Sums over images. `class_asked` and `class_right` count images; `hit`, `false` and `missed` count objects."""

    images: int = 0
    exact: int = 0
    class_asked: int = 0
    class_right: int = 0
    hit: int = 0
    false: int = 0
    missed: int = 0
    similarity_sum: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__slots__))

    @property
    def accuracy(self) -> float | None:
        return self.class_right / self.class_asked if self.class_asked else None

    @property
    def precision(self) -> float | None:
        return self.hit / (self.hit + self.false) if self.hit + self.false else None

    @property
    def recall(self) -> float | None:
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else None

    @property
    def f1(self) -> float | None:
        """None if neither ground truth nor answers have an object."""
        total = 2 * self.hit + self.false + self.missed
        return 2 * self.hit / total if total else None

    @property
    def mean_similarity(self) -> float | None:
        """The mean over the correct objects."""
        return self.similarity_sum / self.hit if self.hit else None

    @property
    def headline(self) -> float | None:
        """A single figure: F1 if objects are labeled, else class accuracy."""
        return self.f1 if self.f1 is not None else self.accuracy

    def to_json(self) -> dict[str, Any]:
        figures = {name: getattr(self, name) for name in ("accuracy", "precision", "recall", "f1", "mean_similarity")}
        rounded = {name: round(value, 4) for name, value in figures.items() if value is not None}
        return {"images": self.images, "exact": self.exact, **rounded}


def score(answer: Answer, truth: Answer) -> Score:
    """Score one answer against the ground truth of its image. `cannot_tell` misses everything."""
    asked = truth.image.class_number is not None
    right = asked and answer.image.class_number == truth.image.class_number
    similarities = _matches(answer, truth)
    hit = len(similarities)
    false, missed = len(answer.objects) - hit, len(truth.objects) - hit
    exact = right == asked and false == 0 and missed == 0 and answer.verdict != "cannot_tell"
    return Score(1, int(exact), int(asked), int(right), hit, false, missed, sum(similarities))


def total(scores: Iterable[Score]) -> Score:
    return sum(scores, Score())


def _matches(answer: Answer, truth: Answer) -> list[float]:
    """Return the similarities of the correct objects."""
    if not answer.objects or not truth.objects:
        return []
    similarity = similarity_matrix(column_of(answer.objects), column_of(truth.objects))
    pairs = assign(similarity, (similarity >= SAME_OBJECT) & same_classes(answer.objects, truth.objects))
    matched: list[float] = similarity[pairs].tolist()
    return matched


def agreement(answers_by_image: Iterable[Sequence[Answer]]) -> float | None:
    """Return how far people who labeled the same image agree, 0 to 1: mean over pairs of F1 or class equality.

    Two people who both answer `empty` agree fully. None if no image has two answers.
    """
    values = [_similarity(a, b) for answers in answers_by_image for a, b in combinations(answers, 2)]
    return sum(values) / len(values) if values else None


def _similarity(a: Answer, b: Answer) -> float:
    parts = []
    if a.image.class_number is not None or b.image.class_number is not None:
        parts.append(float(a.image.class_number == b.image.class_number))
    if a.objects or b.objects:
        parts.append(2 * len(_matches(a, b)) / (len(a.objects) + len(b.objects)))
    return sum(parts) / len(parts) if parts else float(a.verdict == b.verdict)
