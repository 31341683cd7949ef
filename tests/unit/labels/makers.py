"""Factories for schemas and answers in the pure tests."""

from __future__ import annotations

from typing import Any

from annotary_core.labels.answer import Answer, ImageLabel, LabelObject
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.box import Box

RACCOON, FOX = 1, 7
CLASSES = [{"number": RACCOON, "name": "raccoon", "color": "#E69F00"}, {"number": FOX, "name": "fox"}]
CLASS_SCHEMA = Schema.from_json({"classes": CLASSES, "tools": ["class"], "attributes": []})
BOX_SCHEMA = Schema.from_json({"classes": CLASSES, "tools": ["box"]})
BOTH_SCHEMA = Schema.from_json({"classes": CLASSES, "tools": ["class", "box"]})
WIDTH, HEIGHT = 640, 480


def raw_box(x: Any, y: Any, w: Any, h: Any, *, id: Any = "a", number: Any = RACCOON) -> dict[str, Any]:
    return {"id": id, "class": number, "tool": "box", "geom": {"x": x, "y": y, "w": w, "h": h}, "attrs": {}}


def raw_boxes(*objects: dict[str, Any], verdict: str = "labels") -> dict[str, Any]:
    return {"image": {"class": None, "tags": [], "attrs": {}}, "objects": list(objects), "verdict": verdict}


def raw_class(number: Any, verdict: str = "labels") -> dict[str, Any]:
    return {"image": {"class": number, "tags": [], "attrs": {}}, "objects": [], "verdict": verdict}


def classed(number: int) -> Answer:
    return Answer(verdict="labels", image=ImageLabel(class_number=number))


def boxed(*boxes: tuple[float, float, float, float] | tuple[float, float, float, float, int]) -> Answer:
    """Return an answer of boxes x, y, w, h and, if it is not the raccoon, the class number."""
    objects = [
        LabelObject(
            id=f"b{index}", class_number=int(box[4]) if len(box) == 5 else RACCOON, tool="box", geom=Box(*box[:4])
        )
        for index, box in enumerate(boxes)
    ]
    return Answer(verdict="labels" if objects else "empty", objects=tuple(objects))


EMPTY = Answer(verdict="empty")
CANNOT_TELL = Answer(verdict="cannot_tell")
