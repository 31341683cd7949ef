"""The coordinate frame that all stages share; pure, without any framework.

Frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x right, y down. A box that
covers only the first pixel is x=0, y=0, w=1, h=1. Positions have two fixed decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

DECIMALS = 2
#: Drawing by hand or in a rescaled preview may overshoot the image by up to one pixel: clipped; more is an error.
OVERSHOOT = 1.0
#: Left, top, right and bottom in pixels.
Bounds = tuple[float, float, float, float]
#: x and y in pixels.
Vertex = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the upright image in pixels."""

    width: int
    height: int


def fixed(value: float) -> float:
    """Round to the fixed decimals; negative zero becomes zero, so that equal positions have equal bytes."""
    return round(float(value), DECIMALS) + 0.0
