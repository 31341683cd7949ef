"""Drawing helpers for scenes: colors, smooth curves, lighting. Pixels, origin at the upper-left corner."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Color = tuple[int, int, int]
Point = tuple[float, float]
Floats = NDArray[np.float64]

# Shapes are drawn at this scale and reduced afterwards, which antialiases their edges.
SUPERSAMPLING = 3


def mix(one: Color, other: Color, share: float) -> Color:
    """Blend two colors; `share` is the proportion of `other`, 0 to 1."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def vary(color: Color, rng: Random, by: int = 14) -> Color:
    """Return the color with each channel shifted randomly by at most `by`."""
    red, green, blue = (max(0, min(255, channel + rng.randint(-by, by))) for channel in color)
    return red, green, blue


def curve(points: list[Point], steps: int = 16) -> list[Point]:
    """Return a smooth line through all points (uniform Catmull-Rom spline: the points are evenly spaced)."""
    padded = [points[0], *points, points[-1]]
    line: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            line.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*line, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return a transparent canvas, FINE times as large, and its drawing context."""
    image = Image.new("RGBA", (width * SUPERSAMPLING, height * SUPERSAMPLING), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def finish(image: Image.Image, degrees: float) -> Image.Image:
    """Rotate, scale down and crop to the opaque pixels."""
    if degrees:
        image = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    image = image.reduce(SUPERSAMPLING)
    box = image.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    return image.crop(box)


def shade(image: Image.Image, light: Floats) -> Image.Image:
    """Multiply the colors by `light` (height x width, 1 leaves them unchanged); alpha is kept."""
    pixels = np.asarray(image).astype(np.float64)
    pixels[..., :3] = np.clip(pixels[..., :3] * light[..., None], 0, 255)
    return Image.fromarray(pixels.astype(np.uint8), "RGBA")


def grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Return the x and y of every pixel, each from -1 to 1, as two height x width arrays."""
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return x, y


def wave(x: float, *terms: tuple[float, float, float]) -> float:
    """Return a sum of sines, each given as (amplitude, length, phase)."""
    return sum(amplitude * math.sin(x / length + phase) for amplitude, length, phase in terms)
