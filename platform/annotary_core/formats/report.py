"""The report of an export: what it contains, what is left out, and why. Bounded: counts are complete, names sampled."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Noun
from annotary_core.wording import format_count

SAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """A hash of what the release says of each image and each object, in the order of the file, within one process."""

    images: array[int] = field(default_factory=lambda: array("q"))
    objects: array[int] = field(default_factory=lambda: array("q"))


@dataclass(frozen=True, slots=True)
class Counts:
    """What a written release must contain: the numbers of images and objects, and what it says of them if known."""

    images: int
    objects: int
    images_by_split: dict[str, int] = field(default_factory=dict)
    objects_by_split: dict[str, int] = field(default_factory=dict)
    fingerprints: Fingerprints | None = None


@dataclass(slots=True)
class OmittedItems:
    """The items left out of an export for one reason: their `count`, and the names of the first ones.

    With a `noun`, their number is part of the reason as people read it.
    """

    sentence: str
    noun: Noun | None = None
    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < SAMPLES:
            self.names.append(name)

    @property
    def why(self) -> str:
        if self.noun is None:
            return self.sentence
        verb = "is" if self.count == 1 else "are"
        return f"{self.sentence} {format_count(self.count, *self.noun)} {verb} left out."


@dataclass(slots=True)
class ExportReport:
    """The report of one export, filled while it is written."""

    format: str
    images: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    objects_by_class: Counter[str] = field(default_factory=Counter)
    images_by_class: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, OmittedItems] = field(default_factory=dict)
    renamed: OmittedItems = field(
        default_factory=lambda: OmittedItems("The file name was changed to be safe and unique.")
    )
    notes: list[str] = field(default_factory=list)
    fingerprints: Fingerprints | None = None

    def leave_out(self, reason: str, sentence: str, name: str) -> None:
        self.left_out.setdefault(reason, OmittedItems(sentence)).add(name)

    def leave_out_object(self, tool: str, name: str) -> None:
        """Leave out an object of a shape that the format cannot hold."""
        noun = SHAPES[tool].noun
        sentence = f"This format cannot hold {noun.many}."
        self.left_out.setdefault(f"tool:{tool}", OmittedItems(sentence, noun)).add(name)

    def record_name(self, source: str, name: str) -> None:
        if source != name:
            self.renamed.add(f"{source} -> {name}")

    def counts(self) -> Counts:
        images, objects = dict(self.images), dict(self.objects)
        return Counts(self.images.total(), self.objects.total(), images, objects, self.fingerprints)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "images": self.images.total(),
            "objects": self.objects.total(),
            "splits": {
                split: {"images": self.images[split], "objects": self.objects[split]} for split in sorted(self.images)
            },
            "objects_by_class": dict(sorted(self.objects_by_class.items())),
            "images_by_class": dict(sorted(self.images_by_class.items())),
            "left_out": {reason: _listed(entry) for reason, entry in sorted(self.left_out.items())},
            "renamed": _listed(self.renamed),
            "notes": list(self.notes),
        }


def _listed(entry: OmittedItems) -> dict[str, Any]:
    return {"why": entry.why, "count": entry.count, "names": list(entry.names)}
