"""Upright boxes: {"x", "y", "w", "h"} in pixels of the upright image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import DECIMALS, OVERSHOOT, Bounds, Frame, Vertex, fixed
from annotary_core.labels.json_reading import read_number, read_object
from annotary_core.labels.shapes.base import MAX_COORDINATE, Geometry, Noun
from annotary_core.labels.shapes.hand_drawing import clip, slip, span

_FIELDS = ("x", "y", "w", "h")


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """An upright rectangle: its top left corner and its size, in pixels, always with the fixed decimals."""

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        # Convert integers too: Box(1, ...) == Box(1.0, ...), so their bytes must be equal as well.
        for name in ("x", "y", "w", "h"):
            object.__setattr__(self, name, fixed(getattr(self, name)))

    def to_json(self) -> dict[str, float]:
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}

    def bounds(self) -> Bounds:
        """Return x1, y1, x2, y2; the far corner is rounded again, because x + w has binary rounding errors."""
        return self.x, self.y, fixed(self.x + self.w), fixed(self.y + self.h)


def box_from_corners(x1: float, y1: float, x2: float, y2: float) -> Box:
    """Return the canonical box of two corners (pixels, x1 <= x2, y1 <= y2); its size follows from rounded corners."""
    left, top, right, bottom = fixed(x1), fixed(y1), fixed(x2), fixed(y2)
    return Box(x=left, y=top, w=right - left, h=bottom - top)


def canonical_box(x: float, y: float, w: float, h: float, *, frame: Frame, path: str = "") -> Box:
    """Clip a box to its image and round it; idempotent.

    Raises AnswerError if a side is not positive, if the box extends more than OVERSHOOT pixels outside the image, or if
    nothing of it remains.
    """
    if w <= 0 or h <= 0:
        raise AnswerError("zero_size", "The box has no size. Draw it with a width and a height.", path)
    # Written so that an overflow to infinity is rejected as well.
    over = {"left": -x, "top": -y, "right": x + w - frame.width, "bottom": y + h - frame.height}
    side = max(over, key=lambda name: over[name])
    if not over[side] <= OVERSHOOT:
        raise AnswerError(
            "outside_image",
            f"The box extends {over[side]:.4g} px past the {side} edge of the image. Draw it inside the image.",
            path,
        )
    box = box_from_corners(max(x, 0.0), max(y, 0.0), min(x + w, float(frame.width)), min(y + h, float(frame.height)))
    if box.w <= 0 or box.h <= 0:
        raise AnswerError("zero_size", "The box lies outside the image. Draw it larger or remove it.", path)
    return box


def box_area(box: Box) -> float:
    """Return the area in square pixels."""
    return box.w * box.h


def corner_array(boxes: list[Box]) -> FloatArray:
    """Return boxes as an array of shape (n, 4): x1, y1, x2, y2."""
    return np.array([box.bounds() for box in boxes], dtype=np.float64).reshape(-1, 4)


def aligned_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the elementwise IoU of two box arrays whose last axis is x1, y1, x2, y2, broadcast against each other.

    Boxes without area have IoU 0 with every box.
    """
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    intersection = np.prod(np.clip(sides, 0.0, None), axis=-1)
    union = np.prod(a[..., 2:] - a[..., :2], axis=-1) + np.prod(b[..., 2:] - b[..., :2], axis=-1) - intersection
    out: FloatArray = np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)
    return out


def pairwise_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the IoU matrix, shape (n, m), of boxes a, shape (n, 4), and b, shape (m, 4). Rows are x1, y1, x2, y2."""
    return aligned_iou(a[:, None, :], b[None, :, :])


@dataclass(frozen=True, slots=True)
class BoxSimilarity:
    """IoU of upright boxes. box: shape (n, 4), x1, y1, x2, y2."""

    box: FloatArray

    @property
    def bounds(self) -> FloatArray:
        return self.box

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        return aligned_iou(self.box[first], self.box[second])


@dataclass(frozen=True, slots=True)
class Boxes:
    """Upright boxes. box: shape (n, 4), x1, y1, x2, y2."""

    box: FloatArray

    @classmethod
    def of(cls, corners: ArrayLike) -> Boxes:
        """Read corners from anything that numpy reads. Raises ValueError for boxes without area or finite corners."""
        box = np.asarray(corners, np.float64).reshape(-1, 4)
        if not (np.abs(box) <= MAX_COORDINATE).all() or (box[:, 2:] <= box[:, :2]).any():
            raise ValueError("Every box needs finite corners below 1e9, the second right of and below the first.")
        return cls(box)

    def sort_keys(self) -> FloatArray:
        return self.box

    def boxes(self) -> FloatArray:
        return self.box

    def similarity(self) -> BoxSimilarity:
        return BoxSimilarity(self.box)

    def take(self, rows: IntArray) -> Boxes:
        return Boxes(self.box[rows])

    def concat(self, other: Boxes) -> Boxes:
        return Boxes(np.concatenate([self.box, other.box]))


class BoxShape:
    name = "box"
    noun = Noun("box", "boxes")
    measure = "overlap"
    follows_lines = False
    title = "Boxes around objects"
    hint = "Workers draw a box around every object and choose its class."
    action = "draw a box around"
    how = "Drag across an object to draw a box. Drag its corners to adjust it."
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "A box in pixels of the upright image: origin at the outer corner of the first pixel, x right,"
        " y down.",
        "properties": {
            "x": {"type": "number", "format": "double", "description": "Left edge"},
            "y": {"type": "number", "format": "double", "description": "Top edge"},
            "w": {"type": "number", "format": "double", "exclusiveMinimum": 0, "description": "Width"},
            "h": {"type": "number", "format": "double", "exclusiveMinimum": 0, "description": "Height"},
        },
        "required": [*_FIELDS],
    }
    example: ClassVar[dict[str, Any]] = {"x": 112.5, "y": 40, "w": 220, "h": 164.25}

    def parse(self, raw: object, *, frame: Frame, path: str) -> Box:
        body = read_object(raw, path=path, allowed=_FIELDS)
        for field in _FIELDS:
            if field not in body:
                raise AnswerError("missing_field", f"The box has no {field!r}. Send x, y, w and h.", path)
        x, y, w, h = (read_number(body[field], path=f"{path}.{field}") for field in _FIELDS)
        return canonical_box(x, y, w, h, frame=frame, path=path)

    def load(self, stored: Mapping[str, Any]) -> Box:
        x, y, w, h = (stored[field] for field in _FIELDS)
        return Box(x=x, y=y, w=w, h=h)

    def column(self, stored: Sequence[Mapping[str, Any]]) -> Boxes:
        sides = np.array([[each[field] for field in _FIELDS] for each in stored], np.float64).reshape(-1, 4)
        # Rounded again, because x + w has binary rounding errors.
        return Boxes(np.concatenate([sides[:, :2], np.round(sides[:, :2] + sides[:, 2:], DECIMALS)], axis=1))

    def geometries(self, column: Boxes) -> list[Geometry]:
        return [box_from_corners(*corners) for corners in column.box.tolist()]

    def moved(self, geometry: Box, move: Callable[[float, float], Vertex]) -> Box:
        left, top, right, bottom = geometry.bounds()
        (x1, y1), (x2, y2) = move(left, top), move(right, bottom)
        return box_from_corners(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))

    def displacement(self, column: Boxes, first: IntArray, second: IntArray) -> FloatArray:
        moved: FloatArray = np.abs(column.box[first] - column.box[second]).max(axis=1, initial=0.0)
        return moved

    def area(self, geometry: Box) -> float:
        return box_area(geometry)

    def svg_path(self, geometry: Box) -> str:
        return f"M{geometry.x:.2f} {geometry.y:.2f}h{geometry.w:.2f}v{geometry.h:.2f}h{-geometry.w:.2f}z"

    def along(self, paths: Sequence[FloatArray], *, frame: Frame) -> Box:
        """Return the bounding box of all paths."""
        points = clip(np.concatenate(paths), frame)
        (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return Box(x=x1, y=y1, w=x2 - x1, h=y2 - y1)

    def redraw(self, geometry: Box, *, error: float, rng: Random, frame: Frame) -> Box:
        """Shift each edge independently, relative to the side."""
        x1, y1, x2, y2 = geometry.bounds()
        x1, y1 = x1 + slip(rng, error) * geometry.w, y1 + slip(rng, error) * geometry.h
        x2, y2 = x2 + slip(rng, error) * geometry.w, y2 + slip(rng, error) * geometry.h
        (left, right), (top, bottom) = span(x1, x2, frame.width), span(y1, y2, frame.height)
        return Box(x=left, y=top, w=right - left, h=bottom - top)
