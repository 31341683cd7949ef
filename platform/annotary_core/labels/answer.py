"""The canonical answer: one shape for people, models, imports and consensus.

{"image": {"class", "tags", "attrs"},
 "objects": [{"id", "class", "tool", "geom", "attrs"}],
 "verdict": "labels" | "empty" | "cannot_tell"}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Geometry

Verdict = Literal["labels", "empty", "cannot_tell"]
VERDICTS: tuple[Verdict, ...] = ("labels", "empty", "cannot_tell")


@dataclass(frozen=True, slots=True)
class ImageLabel:
    """The label of the whole image; `class_number` is None if the schema has no image class.

    `attrs` are plain JSON by name: no schema declares any yet.
    """

    class_number: int | None = None
    tags: tuple[int, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        return {"class": self.class_number, "tags": list(self.tags), "attrs": dict(self.attrs)}


@dataclass(frozen=True, slots=True)
class LabelObject:
    """One object; `geom` in pixels of the upright image, as its shape describes. `attrs` as in ImageLabel."""

    id: str
    class_number: int
    tool: str
    geom: Geometry
    attrs: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "class": self.class_number,
            "tool": self.tool,
            "geom": self.geom.to_json(),
            "attrs": dict(self.attrs),
        }

    def sort_key(self) -> tuple[str, Geometry, int, str]:
        return (self.tool, self.geom, self.class_number, self.id)


def unique_objects(objects: Iterable[LabelObject]) -> tuple[LabelObject, ...]:
    """Return one of each set of identical objects (same tool, class and geometry): the one with the smallest id.

    A double click or a repeated row draws an object twice; comparison with gold and consensus would count two.
    """
    unique: dict[tuple[str, int, Geometry], LabelObject] = {}
    for item in sorted(objects, key=lambda each: each.id):
        unique.setdefault((item.tool, item.class_number, item.geom), item)
    return tuple(unique.values())


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in canonical form. Objects are a set, so they are sorted into canonical order."""

    verdict: Verdict
    image: ImageLabel = field(default_factory=ImageLabel)
    objects: tuple[LabelObject, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", tuple(sorted(self.objects, key=LabelObject.sort_key)))

    def to_json(self) -> dict[str, Any]:
        """Return the body as stored and sent: plain JSON types, keys as in the module's docstring."""
        return {
            "image": self.image.to_json(),
            "objects": [item.to_json() for item in self.objects],
            "verdict": self.verdict,
        }

    def class_numbers(self) -> frozenset[int]:
        """Return every class in the answer, of the image and of its objects."""
        of_image = () if self.image.class_number is None else (self.image.class_number,)
        return frozenset((*of_image, *self.image.tags, *(item.class_number for item in self.objects)))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Answer:
        """Load an answer that was stored in canonical form. Use parse_answer for untrusted bodies."""
        image = stored["image"]
        return cls(
            verdict=cast(Verdict, stored["verdict"]),
            image=ImageLabel(class_number=image["class"], tags=tuple(image["tags"]), attrs=image.get("attrs") or {}),
            objects=tuple(
                LabelObject(
                    id=item["id"],
                    class_number=item["class"],
                    tool=item["tool"],
                    geom=SHAPES[item["tool"]].load(item["geom"]),
                    attrs=item.get("attrs") or {},
                )
                for item in stored["objects"]
            ),
        )
