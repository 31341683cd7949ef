"""The four kinds of stroke in scenes: a colored cord, drawn along an exact center line."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image

from annotary_core.labels.arrays import FloatArray
from annotary_core.synthesis.scenes.brush import SUPERSAMPLING, Color, canvas, mix, vary

_COLORS: tuple[Color, ...] = (
    (188, 52, 48),
    (44, 92, 152),
    (62, 130, 84),
    (120, 76, 148),
    (32, 36, 42),
    (236, 232, 222),
)
#: Vertices of a curved center line: with so many, it is within a fraction of a pixel of the curve.
_STEPS = 33
#: Pixels around the center line in the image of a cord, more than any cord is wide.
MARGIN = 16


def straight(rng: Random) -> FloatArray:
    return np.array([(-0.5, 0.0), (0.5, 0.0)])


def arc(rng: Random) -> FloatArray:
    """Return a part of a circle, a third to two thirds of it."""
    turn = rng.uniform(2 * math.pi / 3, 4 * math.pi / 3)
    angle = np.linspace(-turn / 2, turn / 2, _STEPS)
    radius = 0.5 / math.sin(min(turn, math.pi) / 2)
    return radius * np.stack([np.sin(angle), 1 - np.cos(angle)], axis=1)


def zigzag(rng: Random) -> FloatArray:
    corners = rng.randint(4, 7)
    height = rng.uniform(0.1, 0.2)
    return np.array([(at / (corners - 1) - 0.5, height * (-1) ** at) for at in range(corners)])


def wave(rng: Random) -> FloatArray:
    x = np.linspace(-0.5, 0.5, 2 * _STEPS)
    periods, height = rng.uniform(1.2, 2.2), rng.uniform(0.08, 0.16)
    return np.stack([x, height * np.sin(2 * math.pi * periods * (x + 0.5))], axis=1)


# About as long as 1, before they are scaled and turned. The order defines the category ids, as that of THINGS does.
STROKES: dict[str, Callable[[Random], FloatArray]] = {
    "straight": straight,
    "arc": arc,
    "zigzag": zigzag,
    "wave": wave,
}


def center_line(name: str, length: float, rng: Random) -> FloatArray:
    """Return the center line of a stroke in pixels, about `length` long, at any angle: shape (k, 2), from x = y = 0."""
    line = STROKES[name](rng) * length
    angle = rng.uniform(0, 2 * math.pi)
    turned = line @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    out: FloatArray = turned - turned.min(axis=0)
    return out


def cord(line: FloatArray, width: float, rng: Random) -> Image.Image:
    """Draw a cord with round ends along a center line, in an image (mode "RGBA") with MARGIN pixels around the line."""
    color = vary(rng.choice(_COLORS), rng)
    right, bottom = (math.ceil(side) + 2 * MARGIN for side in line.max(axis=0).tolist())
    image, pen = canvas(right, bottom)
    # Pillow counts from the center of the first pixel.
    points = [(float(x), float(y)) for x, y in (line + MARGIN) * SUPERSAMPLING - 0.5]
    for share, paint in ((1.0, mix(color, (0, 0, 0), 0.25)), (0.72, color), (0.22, mix(color, (255, 255, 255), 0.35))):
        thick = round(width * SUPERSAMPLING * share)
        pen.line(points, fill=paint, width=thick, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=paint)
    return image.reduce(SUPERSAMPLING)
