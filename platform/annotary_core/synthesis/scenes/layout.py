"""The two backgrounds of scenes: a wooden table seen from above, and a lake under the sky."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from annotary_core.synthesis.scenes.brush import Color, Floats, grid, mix, wave


def table(width: int, height: int, rng: Random) -> Image.Image:
    """Draw wooden planks with grain, lit from the upper left."""
    noise = _noise(rng)
    wood = np.array(rng.choice([(196, 154, 108), (172, 128, 88), (214, 184, 146), (142, 108, 82)]), dtype=np.float64)
    planks = rng.randint(4, 6)
    board = height / planks
    y = np.arange(height)
    number = np.minimum((y / board).astype(int), planks - 1)
    tone = 1 + 0.05 * noise.standard_normal(planks)[number]
    grain = np.zeros((height, width))
    for plank in range(planks):
        rows = number == plank
        bend = 5 * np.sin(np.linspace(0, rng.uniform(2, 6), width) + rng.uniform(0, 6))
        level = y[rows][:, None] + bend[None, :]
        pitch, phase = rng.uniform(1.5, 3.2), rng.uniform(0, 9)
        fine = np.sin(level / pitch + phase + 1.5 * np.sin(level / 17 + phase))
        grain[rows] = 0.5 * fine + 0.5 * np.sin(level / 9 + phase)
    streaks = np.asarray(
        Image.fromarray((noise.random((height, max(2, width // 40))) * 255).astype(np.uint8)).resize((width, height))
    )
    light = tone[:, None] * (1 + 0.035 * grain + 0.05 * (streaks / 255 - 0.5))
    gap = np.abs((y / board) - np.round(y / board)) * board
    light *= np.where((gap < 1.6) & (y > 3) & (y < height - 3), 0.62, 1.0)[:, None]
    return _paint(wood, light * _lamp(width, height))


def lake(width: int, height: int, rng: Random) -> Image.Image:
    """Draw a sky with clouds and a sun, hills, and water below LAKE_SHORE of the height."""
    noise = _noise(rng)
    shore = round(height * LAKE_SHORE)
    high, low = rng.choice(
        [((92, 154, 210), (214, 232, 240)), ((120, 140, 196), (250, 214, 184)), ((112, 178, 204), (240, 238, 220))]
    )
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    for y in range(shore):
        pen.line([(0, y), (width, y)], fill=mix(high, low, (y / shore) ** 1.3))
    _clouds(image, shore, rng)
    green: Color = rng.choice([(96, 128, 104), (112, 132, 92), (92, 116, 126)])
    for layer in range(3):
        lift = shore * (0.3 - 0.1 * layer)
        broad = (lift * 0.4, width / rng.uniform(4, 9), rng.uniform(0, 6))
        terms = [broad, (lift * 0.16, width / 23, rng.uniform(0, 6))]
        ridge = [(float(x), shore - lift * 0.7 - wave(x, *terms)) for x in range(0, width + 8, 8)]
        pen.polygon([*ridge, (width, shore), (0, shore)], fill=mix(green, low, 0.6 - 0.28 * layer))
    deep, near = mix(high, (30, 66, 88), 0.62), mix(low, high, 0.4)
    for y in range(shore, height):
        pen.line([(0, y), (width, y)], fill=mix(near, deep, ((y - shore) / (height - shore)) ** 0.7))
    for _ in range(160):
        depth = rng.random() ** 1.5
        y = shore + 4 + depth * (height - shore - 6)
        x, reach = rng.uniform(-20, width), 6 + 46 * depth * rng.random()
        glint = mix(mix(near, deep, depth**0.7), (255, 255, 255), rng.uniform(0.06, 0.24))
        pen.line([(x, y), (x + reach, y)], fill=glint, width=1 + round(depth))
    grainy = 1 + 0.012 * noise.standard_normal((height, width))
    return _paint(np.asarray(image).astype(np.float64), grainy)


# The vertical position of the shoreline, as a share of the height.
LAKE_SHORE = 0.52


def _clouds(image: Image.Image, shore: int, rng: Random) -> None:
    cover = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(cover)
    sun = (rng.uniform(0.1, 0.9) * image.width, rng.uniform(0.12, 0.3) * shore, shore * 0.09)
    for _ in range(rng.randint(2, 5)):
        x, y, reach = rng.uniform(0, image.width), rng.uniform(0.08, 0.5) * shore, rng.uniform(30, 80)
        for _ in range(7):
            dx, dy, r = (
                rng.uniform(-1.3, 1.3) * reach,
                rng.uniform(-0.2, 0.1) * reach,
                reach * rng.uniform(0.2, 0.42),
            )
            pen.ellipse((x + dx - r * 1.4, y + dy - r * 0.7, x + dx + r * 1.4, y + dy + r * 0.7), fill=205)
    disc = Image.new("L", image.size, 0)
    x, y, r = sun
    ImageDraw.Draw(disc).ellipse((x - r, y - r, x + r, y + r), fill=255)
    image.paste((255, 240, 196), mask=disc.filter(ImageFilter.GaussianBlur(2)))
    image.paste((255, 255, 255), mask=cover.filter(ImageFilter.GaussianBlur(7)))


def _noise(rng: Random) -> np.random.Generator:
    return np.random.default_rng(rng.getrandbits(64))


def _lamp(width: int, height: int) -> Floats:
    x, y = grid(width, height)
    return np.asarray(1.06 - 0.14 * np.hypot(x + 0.35, y + 0.45) / math.sqrt(2))


def _paint(color: Floats, light: Floats) -> Image.Image:
    """Apply light to a color. `color` is a single color or height x width x 3; `light` is height x width."""
    return Image.fromarray(np.clip(color * light[..., None], 0, 255).astype(np.uint8), "RGB")
