"""A shape that nothing but the registries knows goes from the answer to the release: the code asks the shape.

The shape is a disc: {"x", "y", "r"}. The registries hold it instead of the real shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest

from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.aggregation.consolidated import ConsolidatedAnswer
from annotary_core.aggregation.objects import fusing
from annotary_core.aggregation.objects.clustering import ObjectAnswers
from annotary_core.aggregation.objects.fusing import Fuser, Members
from annotary_core.aggregation.replay.policies import Policy
from annotary_core.aggregation.replay.replay import replay_object_policies
from annotary_core.formats.base import ReleaseInfo
from annotary_core.formats.registry import get_format
from annotary_core.formats.release_archive import FolderSink
from annotary_core.labels import shapes
from annotary_core.labels.answer import Answer
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.errors import AnswerError, SchemaError
from annotary_core.labels.geometry import Bounds, Frame, fixed
from annotary_core.labels.json_reading import read_number, read_object
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import LabelClass, Schema
from annotary_core.labels.shapes.base import Geometry, Noun
from annotary_core.labels.shapes.objects import ObjectColumn
from tasks.consensus.label_evidence import ComputedLabel, LabelEvidence
from tasks.consensus.label_stability import confidence_in, is_clear_change, looks_the_same
from tasks.gold.compare import Tolerance, compare, differences
from tests.golden.release import open_image, record

CUP, LEAF = 1, 2
NAMES = {CUP: "cup", LEAF: "leaf"}


@dataclass(frozen=True, slots=True, order=True)
class Disc:
    x: float
    y: float
    r: float

    def to_json(self) -> dict[str, Any]:
        return {"x": self.x, "y": self.y, "r": self.r}

    def bounds(self) -> Bounds:
        return self.x - self.r, self.y - self.r, self.x + self.r, self.y + self.r


@dataclass(frozen=True, slots=True)
class Discs:
    """xyr: shape (n, 3)."""

    xyr: FloatArray

    def sort_keys(self) -> FloatArray:
        return self.xyr

    def boxes(self) -> FloatArray:
        return np.concatenate([self.xyr[:, :2] - self.xyr[:, 2:], self.xyr[:, :2] + self.xyr[:, 2:]], axis=1)

    def similarity(self) -> Discs:
        return self

    @property
    def bounds(self) -> FloatArray:
        return self.boxes()

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        """1 for equal discs, 0 for those that do not touch."""
        apart = np.abs(self.xyr[first] - self.xyr[second]).sum(axis=1)
        closeness: FloatArray = np.clip(1 - apart / (self.xyr[first, 2] + self.xyr[second, 2]), 0.0, 1.0)
        return closeness

    def take(self, rows: IntArray) -> Discs:
        return Discs(self.xyr[rows])

    def concat(self, other: Discs) -> Discs:
        return Discs(np.concatenate([self.xyr, other.xyr]))


class DiscShape:
    name = "disc"
    noun = Noun("disc", "discs")
    measure = "closeness"
    title = "Discs"
    hint = "Workers draw a disc on every object and choose its class."
    action = "draw a disc on"
    how = "Drag from the center of an object."
    json_schema: ClassVar[dict[str, Any]] = {"type": "object", "required": ["x", "y", "r"]}
    example: ClassVar[dict[str, Any]] = {"x": 50, "y": 40, "r": 10}
    follows_lines = False

    def parse(self, raw: object, *, frame: Frame, path: str) -> Disc:
        body = read_object(raw, path=path, allowed=("x", "y", "r"))
        x, y, r = (fixed(read_number(body.get(name), path=f"{path}.{name}")) for name in ("x", "y", "r"))
        if r <= 0 or not (0 <= x <= frame.width and 0 <= y <= frame.height):
            raise AnswerError("outside_image", "Draw the disc inside the image.", path)
        return Disc(x, y, r)

    def load(self, stored: Mapping[str, Any]) -> Disc:
        return Disc(stored["x"], stored["y"], stored["r"])

    def column(self, stored: Sequence[Mapping[str, Any]]) -> Discs:
        return Discs(np.array([[each["x"], each["y"], each["r"]] for each in stored], np.float64).reshape(-1, 3))

    def geometries(self, column: Discs) -> list[Geometry]:
        return [Disc(*map(fixed, row)) for row in column.xyr.tolist()]

    def moved(self, geometry: Disc, move: Callable[[float, float], tuple[float, float]]) -> Disc:
        return Disc(*move(geometry.x, geometry.y), geometry.r)

    def displacement(self, column: Discs, first: IntArray, second: IntArray) -> FloatArray:
        moved: FloatArray = np.abs(column.xyr[first] - column.xyr[second]).sum(axis=1)
        return moved

    def area(self, geometry: Disc) -> float:
        return float(np.pi * geometry.r**2)

    def along(self, paths: Sequence[FloatArray], *, frame: Frame) -> Disc:
        low, high = np.concatenate(paths).min(axis=0), np.concatenate(paths).max(axis=0)
        x, y = (low + high) / 2
        return Disc(fixed(x), fixed(y), fixed(float((high - low).max()) / 2))

    def redraw(self, geometry: Disc, *, error: float, rng: Random, frame: Frame) -> Disc:
        return Disc(geometry.x, geometry.y, fixed(geometry.r * (1 + error * rng.random())))

    def svg_path(self, geometry: Disc) -> str:
        return f"M{geometry.x} {geometry.y}h{geometry.r}"


def fuse_discs(column: Discs, members: Members) -> Discs:
    total = np.bincount(members.index, members.weight)
    sums = [np.bincount(members.index, members.weight * column.xyr[:, at]) for at in range(3)]
    return Discs(np.stack(sums, axis=1) / total[:, None])


@pytest.fixture(autouse=True)
def only_discs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = dict(shapes.SHAPES)
    shapes.SHAPES.clear()
    shapes.SHAPES[DiscShape.name] = DiscShape()
    monkeypatch.setitem(fusing.FUSERS, Discs, Fuser(fuse_discs))
    yield
    shapes.SHAPES.clear()
    shapes.SHAPES.update(real)


def schema() -> Schema:
    classes = [{"number": CUP, "name": "cup"}, {"number": LEAF, "name": "leaf"}]
    return Schema.from_json({"classes": classes, "tools": ["disc"]})


def answer(*discs: tuple[int, float, float, float]) -> Answer:
    """(class, x, y, r)"""
    objects = [
        {"id": f"d{at}", "class": number, "tool": "disc", "geom": {"x": x, "y": y, "r": r}}
        for at, (number, x, y, r) in enumerate(discs)
    ]
    return parse_answer(
        {"objects": objects, "verdict": "labels" if objects else "empty"}, schema=schema(), width=200, height=100
    )


def agreed(*answers: Answer) -> ConsolidatedAnswer:
    return consolidate([WorkerAnswer(at, each) for at, each in enumerate(answers, start=1)], schema=schema())


def test_answers_are_parsed_stored_and_hashed() -> None:
    drawn = answer((CUP, 20.004, 30, 10))
    assert drawn.to_json()["objects"][0]["geom"] == {"x": 20.0, "y": 30.0, "r": 10.0}
    assert Answer.from_json(drawn.to_json()) == drawn
    assert content_hash(drawn) == content_hash(answer((CUP, 20, 30, 10))) != content_hash(answer((CUP, 20, 30, 11)))
    with pytest.raises(AnswerError, match=r"Draw the disc inside the image\. \(at objects\[0\]\.geom\)"):
        answer((CUP, 300, 30, 10))
    with pytest.raises(SchemaError, match="Use one of: class, disc"):
        Schema.from_json({"classes": [{"number": CUP, "name": "cup"}], "tools": ["box"]})


def test_gold_is_compared_in_the_words_of_the_shape() -> None:
    gold = answer((CUP, 20, 30, 10), (LEAF, 120, 30, 10))
    right = compare(answer((CUP, 21, 30, 10), (LEAF, 120, 31, 10)), [gold], Tolerance())
    assert (right.correct, right.score, right.why) == (True, 1.0, "2 of 2 discs match.")
    wrong = answer((LEAF, 20, 30, 10), (LEAF, 132, 30, 10), (CUP, 60, 80, 5))
    assert compare(wrong, [gold], Tolerance()).why == (
        "0 of 2 discs match, 1 has another class, 2 discs in the answer match none."
    )
    assert differences(wrong, gold, iou=0.5, names=NAMES) == [
        "disc 1 is leaf, not cup",
        "disc 2 is off: closeness 40%, 50% needed",
        "1 disc too many",
    ]


def test_several_answers_agree_on_fused_objects() -> None:
    result = agreed(
        answer((CUP, 20, 30, 10), (LEAF, 120, 30, 10)), answer((CUP, 22, 30, 10)), answer((CUP, 21, 33, 10))
    )
    cup = next(item for item in result.answer.objects if item.class_number == CUP)
    assert (cup.tool, cup.geom) == ("disc", Disc(21.0, 31.0, 10.0))
    evidence = {item["class"]: item for item in result.evidence["objects"]}
    assert (evidence[CUP]["votes"], evidence[LEAF]["votes"]) == (3, 1)
    assert result.posterior["objects"][cup.id]["existence"] > 0.9


def test_a_label_is_replaced_only_by_what_looks_different() -> None:
    label = answer((CUP, 20, 30, 10))
    assert looks_the_same(label, answer((CUP, 20.5, 30, 10)))
    assert not looks_the_same(label, answer((CUP, 20.5, 30, 10)), exact=True)
    assert not looks_the_same(label, answer((CUP, 28, 30, 10)))
    merged = agreed(answer((CUP, 21, 30, 10)), answer((CUP, 20, 30, 10)), answer((CUP, 20, 31, 10)))
    evidence = LabelEvidence.from_json(merged.evidence)
    result = ComputedLabel(merged.answer, merged.posterior, evidence, merged.confidence)
    assert not is_clear_change(result, label)
    assert is_clear_change(result, answer((LEAF, 20, 30, 10)))
    assert is_clear_change(result, answer((CUP, 20, 30, 10), (CUP, 90, 30, 10)))
    assert confidence_in(label, result) == result.confidence
    assert confidence_in(answer(), result) < 0.1


def test_a_release_counts_what_its_format_cannot_hold(tmp_path: Path) -> None:
    drawn = answer((CUP, 20, 30, 10), (LEAF, 120, 30, 10))
    classes = (LabelClass(CUP, "cup"), LabelClass(LEAF, "leaf"))
    info = ReleaseInfo(project="Discs", number=1, content_hash="c0ffee", classes=classes)
    each = record("a.jpg", drawn, width=200, height=100)
    report = get_format("coco").write(info, [each], open_image, FolderSink(tmp_path))
    document = json.loads((tmp_path / "coco" / "annotations.json").read_text())
    assert ([image["file_name"] for image in document["images"]], document["annotations"]) == (["a.jpg"], [])
    assert "This format cannot hold discs. 2 discs are left out." in json.dumps(report.as_json())


def test_policies_are_replayed() -> None:
    drawn = [("disc", {"x": 20.0 + worker, "y": 30.0, "r": 10.0}) for _ in range(8) for worker in range(4)]
    answers = ObjectAnswers.of(
        np.repeat(np.arange(8), 4), np.tile(np.arange(4), 8), np.ones(32), ObjectColumn.of(drawn)
    )
    truth = {task: ObjectColumn.of([("disc", {"x": 21.0, "y": 30.0, "r": 10.0})]) for task in range(8)}
    all_answers, one = replay_object_policies(answers, truth, [Policy(), Policy(fixed=1)])
    assert (all_answers.labels, one.labels) == (32, 8)
    assert all_answers.accuracy == 1.0
