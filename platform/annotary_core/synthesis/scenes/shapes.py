"""The five kinds of object in scenes, each drawn about `size` pixels long and cropped to its outline."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from annotary_core.synthesis.scenes.brush import (
    SUPERSAMPLING,
    Color,
    Point,
    canvas,
    curve,
    finish,
    grid,
    mix,
    shade,
    vary,
)

INK: Color = (52, 44, 40)


def apple(size: int, rng: Random) -> Image.Image:
    """Draw a shaded apple with a stem and a leaf."""
    side = size * SUPERSAMPLING
    x, y = grid(side, side)
    y = y - 0.12
    angle = np.arctan2(y, x)
    dent = 0.17 * np.exp(-(((angle + math.pi / 2) / 0.33) ** 2)) + 0.06 * np.exp(-(((angle - math.pi / 2) / 0.3) ** 2))
    edge = 0.84 - dent - 0.05 * np.clip(np.sin(angle), 0, 1)
    far = np.hypot(x, y) / edge
    depth = np.sqrt(np.clip(1 - far**2, 0, 1))
    light = np.clip(-0.45 * x / edge - 0.55 * y / edge + 0.7 * depth, 0, 1)
    skin, blush = rng.choice(
        [((196, 38, 38), (242, 178, 78)), ((126, 172, 56), (214, 206, 96)), ((214, 84, 44), (248, 204, 96))]
    )
    turn = rng.uniform(0, 6)
    streak = 0.5 + 0.25 * np.sin(angle * 11 + turn) + 0.25 * np.sin(angle * 29 + 3 * np.sin(angle * 4 + turn))
    share = np.clip(0.22 * streak * far + 0.25 * np.clip(-y, 0, 1), 0, 1)[..., None]
    color = np.array(vary(skin, rng)) * (1 - share) + np.array(blush) * share
    color = color * (0.5 + 0.62 * light[..., None]) + 150 * np.clip(light - 0.9, 0, 1)[..., None] * 6
    alpha = np.clip((1 - far) * side * 0.35, 0, 1) * 255
    body = Image.fromarray(np.dstack([np.clip(color, 0, 255), alpha]).astype(np.uint8), "RGBA")
    pen = ImageDraw.Draw(body)
    top = (side * 0.5, side * 0.27)
    stem = curve([top, (side * 0.51, side * 0.16), (side * 0.56, side * 0.07)])
    pen.line(stem, fill=(92, 62, 36), width=max(3, side // 28), joint="curve")
    blade = curve([(side * 0.52, side * 0.17), (side * 0.64, side * 0.06), (side * 0.8, side * 0.09)])
    under = curve([(side * 0.8, side * 0.09), (side * 0.7, side * 0.2), (side * 0.52, side * 0.17)])
    pen.polygon([*blade, *under], fill=(86, 142, 60))
    pen.line([(side * 0.53, side * 0.165), (side * 0.78, side * 0.1)], fill=(150, 190, 104), width=max(2, side // 90))
    return finish(body, rng.uniform(-18, 18))


def cup(size: int, rng: Random) -> Image.Image:
    """Draw a glazed cup with a band, a handle and a drink."""
    image, pen = canvas(size, size)
    s = size * SUPERSAMPLING
    glaze = vary(rng.choice([(238, 232, 220), (78, 128, 160), (190, 94, 74), (96, 140, 118), (232, 190, 92)]), rng, 8)
    band = mix(glaze, INK if sum(glaze) > 420 else (255, 255, 255), 0.45)
    pen.ellipse((s * 0.62, s * 0.34, s * 0.97, s * 0.72), outline=mix(glaze, INK, 0.14), width=int(s * 0.06))
    side = curve([(s * 0.06, s * 0.25), (s * 0.08, s * 0.5), (s * 0.14, s * 0.76), (s * 0.24, s * 0.9)])
    base = curve([(s * 0.24, s * 0.9), (s * 0.41, s * 0.94), (s * 0.58, s * 0.9)])
    other = [(s * 0.82 - x, y) for x, y in reversed(side)]
    pen.polygon([*side, *base, *other], fill=glaze)
    low = [(x, y) for x, y in side if s * 0.5 <= y <= s * 0.62]
    sag = [(s * 0.41, s * 0.66)]
    upper = [(s * 0.41, s * 0.54)]
    belt = curve([low[-1], *sag, (s * 0.82 - low[-1][0], low[-1][1])])
    lid = curve([(s * 0.82 - low[0][0], low[0][1]), *upper, low[0]])
    pen.polygon([*belt, *lid], fill=band)
    x = np.linspace(0, 1, s)
    gloss = 1.08 - 0.42 * np.clip((x - 0.3) / 0.6, 0, 1) ** 1.4 - 0.16 * np.clip((0.2 - x) / 0.2, 0, 1)
    image = shade(image, np.tile(gloss + 0.14 * np.exp(-(((x - 0.24) / 0.04) ** 2)), (s, 1)))
    pen = ImageDraw.Draw(image)
    pen.ellipse((s * 0.06, s * 0.14, s * 0.76, s * 0.36), fill=mix(glaze, (255, 255, 255), 0.35))
    pen.ellipse((s * 0.09, s * 0.165, s * 0.73, s * 0.345), fill=mix(glaze, INK, 0.4))
    drink = rng.choice([(74, 46, 30), (150, 86, 34), (226, 214, 190)])
    pen.ellipse((s * 0.115, s * 0.2, s * 0.705, s * 0.345), fill=drink)
    pen.arc((s * 0.15, s * 0.215, s * 0.66, s * 0.335), 190, 260, fill=mix(drink, (255, 255, 255), 0.4), width=s // 90)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return finish(image, 0)


def leaf(size: int, rng: Random) -> Image.Image:
    """Draw an autumn leaf with veins, at any angle."""
    image, pen = canvas(size, size)
    s = size * SUPERSAMPLING
    color = vary(rng.choice([(206, 120, 40), (180, 62, 38), (214, 168, 52), (112, 146, 62)]), rng)
    wide = rng.uniform(0.2, 0.28)
    spine = [(s * (0.16 + 0.78 * t), s * (0.5 + 0.04 * math.sin(3 * t))) for t in np.linspace(0, 1, 25)]
    half: list[float] = [s * wide * math.sin(math.pi * t) ** 0.75 * (1.15 - 0.4 * t) for t in np.linspace(0, 1, 25)]
    rough = [each * (1 + 0.07 * (-1) ** number) for number, each in enumerate(half)]
    upper = [(x, y - h) for (x, y), h in zip(spine, rough, strict=True)]
    lower = [(x, y + h) for (x, y), h in zip(spine, rough, strict=True)]
    pen.polygon([*upper, *reversed(spine)], fill=mix(color, (255, 236, 190), 0.14))
    pen.polygon([*lower, *reversed(spine)], fill=mix(color, INK, 0.14))
    vein = mix(color, (255, 240, 200), 0.45)
    for at in range(4, 21, 3):
        x, y = spine[at]
        for way in (-1, 1):
            tip = (x + s * 0.1, y + way * half[min(24, at + 3)] * 0.86)
            pen.line([(x, y), tip], fill=vein, width=max(2, s // 120))
    stem = curve([(s * 0.03, s * 0.57), (s * 0.1, s * 0.51), *spine[:2]])
    pen.line(stem, fill=mix(color, INK, 0.35), width=max(4, s // 45), joint="curve")
    pen.line(spine, fill=vein, width=max(3, s // 80), joint="curve")
    return finish(image, rng.uniform(0, 360))


def boat(size: int, rng: Random) -> Image.Image:
    """Draw a sailing boat seen from the side."""
    image, pen = canvas(size, size)
    s = size * SUPERSAMPLING
    hull = vary(rng.choice([(150, 54, 48), (40, 74, 112), (238, 234, 224), (60, 108, 88)]), rng, 8)
    cloth = vary(rng.choice([(250, 246, 234), (244, 214, 140), (232, 128, 92)]), rng, 6)
    pen.rectangle((s * 0.47, s * 0.06, s * 0.485, s * 0.76), fill=(104, 74, 48))
    main = curve([(s * 0.5, s * 0.08), (s * 0.7, s * 0.36), (s * 0.86, s * 0.66)])
    pen.polygon([*main, (s * 0.5, s * 0.69)], fill=cloth)
    front = curve([(s * 0.455, s * 0.14), (s * 0.32, s * 0.42), (s * 0.15, s * 0.67)])
    pen.polygon([*front, (s * 0.455, s * 0.69)], fill=mix(cloth, INK, 0.12))
    for share in (0.35, 0.6):
        y = s * (0.08 + 0.6 * share)
        seam = [(s * 0.5, y), (s * (0.5 + 0.35 * share), y - s * 0.005)]
        pen.line(seam, fill=mix(cloth, INK, 0.18), width=max(2, s // 150))
    pen.polygon([(s * 0.485, s * 0.03), (s * 0.6, s * 0.055), (s * 0.485, s * 0.085)], fill=(204, 62, 50))
    deck = [(s * 0.05, s * 0.72), (s * 0.95, s * 0.72)]
    outline = [(0.95, 0.72), (0.86, 0.86), (0.7, 0.92), (0.28, 0.92), (0.14, 0.86), (0.05, 0.72)]
    keel = curve([(s * x, s * y) for x, y in outline])
    pen.polygon([*deck, *keel], fill=hull)
    pen.polygon([*deck, (s * 0.93, s * 0.76), (s * 0.07, s * 0.76)], fill=mix(hull, (255, 255, 255), 0.4))
    light = np.tile(np.linspace(1.08, 0.86, s), (s, 1))
    image = shade(image, light)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return finish(image, rng.uniform(-4, 4))


def kite(size: int, rng: Random) -> Image.Image:
    """Draw a four-colored kite with a tail of bows."""
    image, pen = canvas(size, size)
    s = size * SUPERSAMPLING
    one, two = rng.sample([(214, 66, 56), (246, 196, 66), (54, 122, 178), (76, 156, 116), (238, 132, 60)], 2)
    top, bottom, left, right = (s * 0.5, s * 0.03), (s * 0.5, s * 0.62), (s * 0.26, s * 0.24), (s * 0.74, s * 0.24)
    middle = (s * 0.5, s * 0.24)
    tail = curve([bottom, (s * 0.57, s * 0.7), (s * 0.45, s * 0.79), (s * 0.56, s * 0.87), (s * 0.48, s * 0.97)])
    pen.line(tail, fill=(90, 84, 80), width=max(3, s // 110), joint="curve")
    for number, at in enumerate((14, 30, 46, 62)):
        _bow(pen, tail[min(at, len(tail) - 1)], s * 0.05, (one, two)[number % 2])
    quarters: list[tuple[tuple[Point, ...], Color]] = [
        ((top, left, middle), one),
        ((top, right, middle), two),
        ((bottom, left, middle), mix(two, INK, 0.1)),
        ((bottom, right, middle), mix(one, INK, 0.1)),
    ]
    for corners, color in quarters:
        pen.polygon(corners, fill=color)
    for spar in ((top, bottom), (left, right)):
        pen.line(spar, fill=(246, 240, 226), width=max(3, s // 120))
    return finish(image, rng.uniform(-38, 38))


def _bow(pen: ImageDraw.ImageDraw, at: Point, reach: float, color: Color) -> None:
    x, y = at
    pen.polygon([(x - reach, y - reach * 0.55), (x - reach, y + reach * 0.55), (x, y)], fill=color)
    pen.polygon([(x + reach, y - reach * 0.55), (x + reach, y + reach * 0.55), (x, y)], fill=color)


# The order defines the category ids in ground-truth files, counted from 1.
THINGS: dict[str, Callable[[int, Random], Image.Image]] = {
    "apple": apple,
    "cup": cup,
    "leaf": leaf,
    "boat": boat,
    "kite": kite,
}
