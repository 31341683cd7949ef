"""Compare an answer with gold answers. Pure: no Django, no project tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.arrays import FloatArray
from annotary_core.labels.class_mapping import ClassMapping
from annotary_core.labels.matching import SAME_OBJECT, assign, column_of, same_classes, similarity_matrix
from annotary_core.labels.shapes import SHAPES, noun_of
from annotary_core.wording import format_count


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What counts as correct: the minimum similarity of objects, and how many of them may be missing or extra.

    iou: the minimum similarity, named for boxes and polygons, whose similarity is the IoU.
    """

    iou: float = SAME_OBJECT
    misses: int = 0
    extras: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.iou <= 1 or self.misses < 0 or self.extras < 0:
            raise ValueError("A tolerance needs an IoU above 0 and up to 1, and counts of 0 or more.")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tolerance:
        """Read {"iou", "misses", "extras"}, each optional; raises ValueError for an invalid value."""
        unknown = stored.keys() - {"iou", "misses", "extras"}
        if unknown:
            raise ValueError(f"A tolerance has no field {min(unknown)!r}. It has iou, misses, and extras.")
        try:
            return cls(
                iou=float(stored.get("iou", cls().iou)),
                misses=int(stored.get("misses", 0)),
                extras=int(stored.get("extras", 0)),
            )
        except TypeError as error:
            raise ValueError("A tolerance must consist of numbers.") from error

    def to_json(self) -> dict[str, Any]:
        return {"iou": self.iou, "misses": self.misses, "extras": self.extras}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison.

    score: 0 to 1, F1 of objects, the mean of both parts with an image class. why: a sentence for the worker.
    """

    correct: bool
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class ObjectMatch:
    """Objects matched one to one; `class_mismatches` unmatched objects match in position but have another class."""

    matched: int
    answer_count: int
    gold_count: int
    class_mismatches: int

    @property
    def f1(self) -> float:
        return 2 * self.matched / (self.answer_count + self.gold_count) if self.answer_count + self.gold_count else 1.0


def answerable(
    accepted: Iterable[Mapping[str, Any]], *, mapping: ClassMapping, offered: Collection[int]
) -> list[Answer]:
    """Return the accepted answers as they are read now, without those that name a class that the worker is not offered:
    one that was retired or split since, or added later."""
    read = (mapping.answer(Answer.from_json(body)) for body in accepted)
    return [answer for answer in read if answer is not None and answer.class_numbers() <= set(offered)]


def compare(
    answer: Answer,
    accepted: Sequence[Answer],
    tolerance: Tolerance,
    *,
    names: Mapping[int, str] | None = None,
) -> Comparison:
    """Compare with every accepted answer and return the best result; `names` maps classes to names for the sentence.

    Raises ValueError without accepted answers, because then no answer could be correct.
    """
    if not accepted:
        raise ValueError("A gold image needs at least one accepted answer.")
    results = [_compare_one(answer, gold, tolerance, names or {}) for gold in accepted]
    return max(results, key=lambda result: (result.correct, result.score))


def match_objects(
    objects: Sequence[LabelObject], gold_objects: Sequence[LabelObject], *, similarity: float = SAME_OBJECT
) -> ObjectMatch:
    """Match objects of the same class one to one: as many as possible, then with the largest total similarity."""
    pairs = _pair(objects, gold_objects, threshold=similarity)
    return ObjectMatch(
        matched=len(pairs.matched),
        answer_count=len(objects),
        gold_count=len(gold_objects),
        class_mismatches=len(pairs.other_class),
    )


def differences(answer: Answer, label: Answer, *, iou: float, names: Mapping[int, str] | None = None) -> list[str]:
    """Return what keeps an answer from matching a label, in words: empty if `compare` would call it correct.

    Objects are numbered from 1 in the order of the label; `names` maps classes to names. Raises ValueError for an
    invalid IoU.
    """
    if "cannot_tell" in (answer.verdict, label.verdict):
        which = "answer" if answer.verdict == "cannot_tell" else "label"
        return [] if answer.verdict == label.verdict else [f"only the {which} is “cannot tell”"]
    names = names or {}
    found = []
    if answer.image.class_number != label.image.class_number:
        found.append(
            f"the class is {_name(names, answer.image.class_number)}, not {_name(names, label.image.class_number)}"
        )
    return found + _object_differences(answer.objects, label.objects, Tolerance(iou=iou), names)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs of objects, {index of the gold object: index of the answer's object}: matched, of another class, and
    too far off, each from what the ones before left. `similarity` is by answer's object and gold object.
    """

    similarity: FloatArray
    matched: dict[int, int]
    other_class: dict[int, int]
    off: dict[int, int]


def _pair(objects: Sequence[LabelObject], gold_objects: Sequence[LabelObject], *, threshold: float) -> _Pairs:
    similarity = similarity_matrix(column_of(objects), column_of(gold_objects))
    near = similarity >= threshold
    left = np.ones(similarity.shape, bool)
    found = []
    for eligible in (near & same_classes(objects, gold_objects), near, similarity > 0):
        rows, columns = assign(similarity, eligible & left)
        left[rows, :], left[:, columns] = False, False
        found.append(dict(zip(columns.tolist(), rows.tolist(), strict=True)))
    return _Pairs(similarity, *found)


def _object_differences(
    objects: Sequence[LabelObject], label_objects: Sequence[LabelObject], tolerance: Tolerance, names: Mapping[int, str]
) -> list[str]:
    pairs = _pair(objects, label_objects, threshold=tolerance.iou)
    found = []
    for index, item in enumerate(label_objects):
        if index in pairs.matched:
            continue
        shape = SHAPES[item.tool]
        partner = pairs.other_class.get(index, pairs.off.get(index))
        if partner is None:
            found.append(f"{shape.noun.one} {index + 1} is missing")
            continue
        parts = []
        if index in pairs.off:
            # Rounded down: 49.8% must not read like the 50% that are needed.
            reached = int(100 * float(pairs.similarity[partner, index]))
            parts.append(f"is off: {shape.measure} {reached}%, {100 * tolerance.iou:.4g}% needed")
        if objects[partner].class_number != item.class_number:
            parts.append(f"is {_name(names, objects[partner].class_number)}, not {_name(names, item.class_number)}")
        found.append(f"{shape.noun.one} {index + 1} {' and '.join(parts)}")
    extras = len(objects) - len(pairs.matched) - len(pairs.other_class) - len(pairs.off)
    return [*found, f"{format_count(extras, *_noun(objects))} too many"] if extras else found


def _compare_one(answer: Answer, gold: Answer, tolerance: Tolerance, names: Mapping[int, str]) -> Comparison:
    if "cannot_tell" in (answer.verdict, gold.verdict):
        return _compare_cannot_tell(answer, gold)
    parts: list[Comparison] = []
    if answer.image.class_number is not None or gold.image.class_number is not None:
        parts.append(_compare_class(answer.image.class_number, gold.image.class_number, names))
    if answer.objects or gold.objects or not parts:
        parts.append(_compare_objects(answer.objects, gold.objects, tolerance))
    return Comparison(
        correct=all(part.correct for part in parts),
        score=sum(part.score for part in parts) / len(parts),
        why=" ".join(part.why for part in parts),
    )


def _compare_cannot_tell(answer: Answer, gold: Answer) -> Comparison:
    if answer.verdict == gold.verdict:
        return Comparison(True, 1.0, "Correct: “cannot tell” is the accepted answer.")
    if gold.verdict == "cannot_tell":
        return Comparison(False, 0.0, "The accepted answer is “cannot tell”, but the answer has labels.")
    return Comparison(False, 0.0, "This image can be labeled, but the answer is “cannot tell”.")


def _compare_class(answered: int | None, gold: int | None, names: Mapping[int, str]) -> Comparison:
    if answered == gold:
        return Comparison(True, 1.0, "The class is correct.")
    if answered is not None and gold is not None and answered in names and gold in names:
        return Comparison(
            False, 0.0, f"The answer is {_short(names[answered])}. The correct class is {_short(names[gold])}."
        )
    return Comparison(False, 0.0, "The class is incorrect.")


def _compare_objects(
    objects: Sequence[LabelObject], gold_objects: Sequence[LabelObject], tolerance: Tolerance
) -> Comparison:
    if not gold_objects:
        if not objects:
            return Comparison(True, 1.0, "Correct: there is nothing to label on this image.")
        why = f"There is nothing to label on this image. The answer has {format_count(len(objects), *_noun(objects))}."
        return Comparison(len(objects) <= tolerance.extras, 0.0, why)
    match = match_objects(objects, gold_objects, similarity=tolerance.iou)
    misses, extras = match.gold_count - match.matched, match.answer_count - match.matched
    correct = misses <= tolerance.misses and extras <= tolerance.extras
    return Comparison(correct, match.f1, _why_objects(match, _noun(objects), _noun(gold_objects)))


def _why_objects(match: ObjectMatch, noun: Sequence[str], gold_noun: Sequence[str]) -> str:
    one, many = gold_noun
    clauses = [f"{match.matched} of {format_count(match.gold_count, f'{one} matches', f'{many} match')}"]
    mismatches = match.class_mismatches
    extras = match.answer_count - match.matched - mismatches
    if mismatches:
        clauses.append(f"{format_count(mismatches, 'has', 'have')} another class")
    if extras:
        one, many = noun
        clauses.append(f"{format_count(extras, f'{one} in the answer matches', f'{many} in the answer match')} none")
    return ", ".join(clauses) + "."


def _noun(objects: Sequence[LabelObject]) -> tuple[str, str]:
    return noun_of(item.tool for item in objects)


def _name(names: Mapping[int, str], number: int | None) -> str:
    return "none" if number is None else _short(names.get(number) or f"class {number}")


def _short(name: str) -> str:
    """Truncate a class name so that the sentence stays below the 300 characters that results can store."""
    return name if len(name) <= 60 else f"{name[:59]}…"
