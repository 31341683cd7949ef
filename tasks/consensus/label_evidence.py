"""What a label was based on, as stored with it: typed and versioned. Pure: no Django.

Everyone who reads stored evidence reads it with `LabelEvidence.from_json`. Version 0 is what was stored before evidence
named its version, and is never rewritten; objects in it may lack their tool. Version 1 is written from now on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from annotary_core.aggregation.consolidated import ClassVotes, ImagePosterior, ObjectVotes
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.class_mapping import ClassMapping
from annotary_core.labels.shapes import SHAPES, UNNAMED_TOOL

VERSION = 1


@dataclass(frozen=True, slots=True)
class AnswerWeight:
    """An answer behind a label. who: the pseudonym of its worker, or the name of its model. weight: the probability
    that they were right, as estimated when the label was computed; None if it was not recorded."""

    who: str
    annotation: str
    weight: float | None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], *, who: str) -> AnswerWeight:
        return cls(stored[who], stored["annotation"], stored.get("weight"))

    def to_json(self, *, who: str) -> dict[str, Any]:
        return _without_none({who: self.who, "annotation": self.annotation, "weight": self.weight})


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """The votes for the image's class. votes: answers by class number; None if no answer named a class. agreement: the
    share of pairs of workers who chose the same class, None for a single worker."""

    n: int
    votes: Mapping[str, int] | None = None
    agreement: float | None = None
    tied: bool = False

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ClassEvidence:
        return cls(stored["n"], stored.get("votes"), stored.get("agreement"), stored.get("tied", False))

    def to_json(self) -> ClassVotes:
        if self.votes is None:
            return {"n": self.n}
        return {"n": self.n, "votes": dict(self.votes), "agreement": self.agreement, "tied": self.tied}


@dataclass(frozen=True, slots=True)
class DetectedObject:
    """An object that workers drew, released or not. geom: as the tool's shape stores it. votes of seen: the workers who
    drew it, of those who could. existence, agreement: 0 to 1. tied: whether its class is."""

    id: str
    class_number: int
    tool: str
    geom: dict[str, Any]
    votes: int
    seen: int
    existence: float
    agreement: float
    tied: bool
    released: bool

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DetectedObject:
        figures = {name: stored[name] for name in ("votes", "seen", "existence", "agreement", "tied", "released")}
        tool = stored.get("tool", UNNAMED_TOOL)
        return cls(id=stored["id"], class_number=stored["class"], tool=tool, geom=stored["geom"], **figures)

    def to_json(self) -> ObjectVotes:
        return {
            "id": self.id,
            "class": self.class_number,
            "tool": self.tool,
            "geom": self.geom,
            "votes": self.votes,
            "seen": self.seen,
            "existence": self.existence,
            "agreement": self.agreement,
            "tied": self.tied,
            "released": self.released,
        }

    @property
    def as_object(self) -> LabelObject:
        return LabelObject(self.id, self.class_number, self.tool, SHAPES[self.tool].load(self.geom))


@dataclass(frozen=True, slots=True)
class ReplacedLabel:
    """The label that a reviewer's fix replaced. label: its public id."""

    label: str
    version: int
    content_hash: str
    method: str
    confidence: float

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ReplacedLabel:
        return cls(**{name: stored[name] for name in ("label", "version", "content_hash", "method", "confidence")})

    def to_json(self) -> dict[str, str | int | float]:
        return {
            "label": self.label,
            "version": self.version,
            "content_hash": self.content_hash,
            "method": self.method,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """What a label was based on; None stands for what its method does not have.

    n, cannot_tell, empty: the numbers of all answers of people, and of answers (of models too) with these verdicts.
    state_version: of the worker model, 0 while it rests on gold alone. image_class, objects: what was decided from the
    answers. answers, models: those behind it. reviewer, replaced: of a reviewer's fix. by, source: of the owner's
    label of a check image. mapped: of a label whose classes were merged: {"change": id, "version": of the label before,
    "classes": {number: number that it is read as}}.
    """

    method: str | None = None
    round: int | None = None
    state_version: int | None = None
    n: int | None = None
    cannot_tell: int | None = None
    empty: int | None = None
    image_class: ClassEvidence | None = None
    objects: tuple[DetectedObject, ...] | None = None
    answers: tuple[AnswerWeight, ...] | None = None
    models: tuple[AnswerWeight, ...] | None = None
    reviewer: str | None = None
    replaced: ReplacedLabel | None = None
    by: str | None = None
    source: str | None = None
    mapped: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LabelEvidence:
        """Read evidence of any version, or what `consolidate` returns. Raises ValueError if it is of a later one."""
        version = stored.get("version", 0)
        if version > VERSION:
            raise ValueError(f"The evidence is of version {version}; this code reads up to {VERSION}. Update Annotary.")
        parts = {name: stored.get(name) for name in _PLAIN}
        image_class, replaced, rows = stored.get("class"), stored.get("replaced"), _rows(stored)
        return cls(
            **parts,
            **rows,
            image_class=None if image_class is None else ClassEvidence.from_json(image_class),
            replaced=None if replaced is None else ReplacedLabel.from_json(replaced),
        )

    def figures(self) -> dict[str, Any]:
        """The evidence as JSON, the same for every version that it was stored in."""
        return _without_none(
            {name: getattr(self, name) for name in _PLAIN}
            | {
                "class": self.image_class and self.image_class.to_json(),
                "objects": None if self.objects is None else [each.to_json() for each in self.objects],
                "answers": None if self.answers is None else [each.to_json(who="worker") for each in self.answers],
                "models": None if self.models is None else [each.to_json(who="model") for each in self.models],
                "replaced": self.replaced and self.replaced.to_json(),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The evidence as it is stored from now on."""
        return {"version": VERSION, **self.figures()}

    def with_other_classes(self, mapping: ClassMapping, *, change: str, version: int) -> LabelEvidence:
        """Return the evidence of a label whose classes were merged. version: of the label before."""
        mapped = {"change": change, "version": version, "classes": mapping.to_json()}
        votes = self.image_class.votes if self.image_class else None
        image_class = self.image_class
        if image_class is not None and votes is not None:
            merged: Counter[str] = Counter()
            for number, count in votes.items():
                merged[str(mapping.number(int(number)))] += count
            image_class = replace(image_class, votes=dict(merged))
        objects = self.objects and tuple(
            replace(each, class_number=mapping.number(each.class_number) or each.class_number) for each in self.objects
        )
        return replace(self, mapped=mapped, image_class=image_class, objects=objects)

    @property
    def answer_count(self) -> int:
        """How many answers of people are behind the label."""
        return len(self.answers or ()) if self.n is None else self.n

    @property
    def annotations(self) -> frozenset[str]:
        """The ids of the annotations of people and models that the label was computed from."""
        return frozenset(each.annotation for each in (*(self.answers or ()), *(self.models or ())))


@dataclass(frozen=True, slots=True)
class ComputedLabel:
    """The label that the answers to a task support, with its posterior and evidence."""

    answer: Answer
    posterior: ImagePosterior
    evidence: LabelEvidence
    confidence: float

    @property
    def method(self) -> str:
        assert self.evidence.method is not None  # `consolidate` names it
        return self.evidence.method


#: The parts that are stored as they are, under their names.
_PLAIN = ("method", "round", "state_version", "n", "cannot_tell", "empty", "reviewer", "by", "source", "mapped")


def _rows(stored: Mapping[str, Any]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    if stored.get("objects") is not None:
        rows["objects"] = tuple(DetectedObject.from_json(each) for each in stored["objects"])
    for part, who in (("answers", "worker"), ("models", "model")):
        if stored.get(part) is not None:
            rows[part] = tuple(AnswerWeight.from_json(each, who=who) for each in stored[part])
    return rows


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
