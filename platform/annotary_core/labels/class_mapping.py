"""How the classes of earlier answers are read, after classes were merged or split.

Numbers are never reused, so a number means the same class in every answer, whenever it comes: one that is on its way
while classes are merged is read like those before. Answers themselves never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from annotary_core.labels.answer import Answer, unique_objects
from annotary_core.labels.arrays import IntArray


@dataclass(frozen=True, slots=True)
class ClassMapping:
    """numbers: number of a class -> the number that it is read as; None if answers that name it say nothing any more,
    because the class was split. Classes that are not in it are read as they are. No target is itself mapped."""

    numbers: Mapping[int, int | None] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, int | None]) -> ClassMapping:
        return cls({int(number): target for number, target in stored.items()})

    def to_json(self) -> dict[str, int | None]:
        return {str(number): self.numbers[number] for number in sorted(self.numbers)}

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def then(self, later: ClassMapping) -> ClassMapping:
        """Return the mapping that reads as this one and then as a later one."""
        own = {number: None if to is None else later.numbers.get(to, to) for number, to in self.numbers.items()}
        return ClassMapping({**later.numbers, **own})

    def number(self, number: int | None) -> int | None:
        return number if number is None else self.numbers.get(number, number)

    def answer(self, answer: Answer) -> Answer | None:
        """Return the answer as it is read; None if it names a class that was split. Objects that have become identical
        are one."""
        named = answer.class_numbers()
        if named.isdisjoint(self.numbers):
            return answer
        if any(self.number(each) is None for each in named):
            return None
        objects = unique_objects(replace(each, class_number=self._known(each.class_number)) for each in answer.objects)
        tags = tuple(dict.fromkeys(self._known(each) for each in answer.image.tags))
        image = replace(answer.image, class_number=self.number(answer.image.class_number), tags=tags)
        return replace(answer, image=image, objects=objects)

    def body(self, stored: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The same for an answer as it is stored."""
        if not self.numbers or not self.concerns(stored):
            return stored
        answer = self.answer(Answer.from_json(stored))
        return None if answer is None else answer.to_json()

    def concerns(self, stored: Mapping[str, Any]) -> bool:
        """Whether a stored answer names a class that is mapped."""
        numbers = {stored["image"]["class"], *stored["image"]["tags"], *(each["class"] for each in stored["objects"])}
        return not numbers.isdisjoint(self.numbers)

    def column(self, numbers: IntArray) -> IntArray:
        """Return numbers of classes as they are read, -1 for those that were split; the same array without any."""
        found = np.isin(numbers, list(self.numbers)) if self.numbers else np.zeros(0, np.bool_)
        if not found.any():
            return numbers
        read = numbers.copy()
        for number, target in self.numbers.items():
            read[numbers == number] = -1 if target is None else target
        return read

    def probabilities(self, shares: Mapping[int, float]) -> dict[int, float]:
        """Return {class: p} as it is read, summing to 1; empty if nothing is left."""
        if self.numbers.keys().isdisjoint(shares):
            return dict(shares)
        read: dict[int, float] = {}
        for number, share in shares.items():
            target = self.number(number)
            if target is not None:
                read[target] = read.get(target, 0.0) + share
        total = sum(read.values())
        return {number: share / total for number, share in read.items()} if total > 0 else {}

    def _known(self, number: int) -> int:
        target = self.number(number)
        assert target is not None  # the caller has looked
        return target


#: Before any class was merged or split.
AS_THEY_ARE = ClassMapping()
