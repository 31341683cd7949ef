"""Geometry in the frame that all stages share; pure, without any framework.

Frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x right, y down. A box that
covers only the first pixel is x=0, y=0, w=1, h=1. Positions have two fixed decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.errors import AnswerError

DECIMALS = 2
#: Drawing by hand or in a rescaled preview may overshoot the image by up to one pixel: clipped; more is an error.
OVERSHOOT = 1.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the upright image in pixels."""

    width: int
    height: int


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

    def corners(self) -> tuple[float, float, float, float]:
        """Return x1, y1, x2, y2; the far corner is rounded again, because x + w has binary rounding errors."""
        return self.x, self.y, fixed(self.x + self.w), fixed(self.y + self.h)


def fixed(value: float) -> float:
    """Round to the fixed decimals; negative zero becomes zero, so that equal positions have equal bytes."""
    return round(float(value), DECIMALS) + 0.0


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
    return np.array([box.corners() for box in boxes], dtype=np.float64).reshape(-1, 4)


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
