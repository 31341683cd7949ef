"""Boxes of imported ground truth, for tests that are about boxes alone."""

from __future__ import annotations

from annotary_core.formats.ground_truth import GroundTruthObject, GroundTruthRecord, boxed
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.box import Box


def a_box(name: str, x: float, y: float, w: float, h: float) -> GroundTruthObject:
    return boxed(name, Box(x, y, w, h))


def boxes_of(record: GroundTruthRecord) -> tuple[GroundTruthObject, ...]:
    """The objects of a record as boxes, without the other shapes that the labels give them."""
    return tuple(item.only(("box",)) for item in record.objects)


def sides_of(item: GroundTruthObject) -> dict[str, float]:
    sides: dict[str, float] = item.geometry("box", Frame(1, 1)).to_json()
    return sides
