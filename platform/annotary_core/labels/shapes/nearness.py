"""What similarities by distance have in common: exp(-d² / 2 s²) for a distance d and a scale s in pixels."""

from __future__ import annotations

import numpy as np

from annotary_core.labels.arrays import FloatArray

#: Similarities below this are 0, which bounds the neighbor search.
FLOOR = 0.01


def floored(value: FloatArray) -> FloatArray:
    return np.where(value < FLOOR, 0.0, value)


def check_scale(scale: float) -> None:
    if not scale > 0:
        raise ValueError("The scale must be above 0; pass the distance in pixels that still counts as near.")
