"""Synthetic scenes with exact ground truth for training, demos and tests. The same seed gives the same scene."""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random

import numpy as np
import shapely
from PIL import Image, ImageFilter

from annotary_core.labels.arrays import BoolArray, FloatArray
from annotary_core.synthesis.scenes.layout import LAKE_SHORE, lake, table
from annotary_core.synthesis.scenes.outlines import outline_of
from annotary_core.synthesis.scenes.shapes import THINGS
from annotary_core.synthesis.scenes.strokes import MARGIN, STROKES, center_line, cord

CLASSES = tuple(THINGS)
STROKE_CLASSES = tuple(STROKES)

_SIZES = ((800, 600), (840, 560), (720, 720), (600, 800), (880, 640))
_EMPTY_SHARE = 0.05
_MOST = 5
# An object stays in the scene only if at least this share of it remains visible.
_MIN_VISIBLE = 0.8
_TRIES = 30
_OUTDOORS = ("boat", "kite", "kite", "boat", "leaf")
_INDOORS = ("apple", "cup", "leaf", "apple", "cup")
# Strokes, in pixels: lengths, widths, and how far their center lines keep from each other and from the edges.
_LENGTHS, _WIDTHS, _GAP = (140, 320), (7, 12), 40


@dataclass(frozen=True, slots=True)
class SceneObject:
    """An object in a scene. Its box bounds exactly the visible pixels: x, y of the upper-left corner, in pixels.

    outline: closed paths around its visible parts, see outlines.py. line: the center line of a stroke, shape (k, 2), in
    pixels; None for other objects.
    """

    class_name: str
    x: int
    y: int
    w: int
    h: int
    mask: BoolArray
    outline: tuple[FloatArray, ...]
    line: FloatArray | None = None


@dataclass(slots=True)
class _Placed:
    """An object while the scene is composed: its visible mask, and its number of pixels before any occlusion."""

    name: str
    visible: BoolArray
    area: int
    line: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene (mode "RGB") and all objects in it."""

    image: Image.Image
    objects: tuple[SceneObject, ...]

    def jpeg(self) -> bytes:
        """Encode the image as a JPEG of about 40 to 80 kB."""
        target = io.BytesIO()
        self.image.save(target, format="JPEG", quality=82, optimize=True)
        return target.getvalue()


def draw_scene(*, seed: int, index: int, strokes: bool = False) -> Scene:
    """Draw scene number `index` of a series, with 1 to 5 objects; about one scene in twenty is empty.

    With `strokes` the objects are open lines that do not cross.
    """
    return _scene_of_strokes(seed, index) if strokes else _scene_of_things(seed, index)


def _scene_of_things(seed: int, index: int) -> Scene:
    rng = Random(f"annotary scene {seed}:{index}")
    width, height = rng.choice(_SIZES)
    outdoors = rng.random() < 0.5
    image = (lake if outdoors else table)(width, height, rng)
    placed: list[_Placed] = []
    count = 0 if rng.random() < _EMPTY_SHARE else rng.randint(1, _MOST)
    for _ in range(count):
        _add(image, placed, outdoors, rng)
    return Scene(image, tuple(_finished(each) for each in placed))


def _scene_of_strokes(seed: int, index: int) -> Scene:
    rng = Random(f"annotary strokes {seed}:{index}")
    width, height = rng.choice(_SIZES)
    image = table(width, height, rng)
    placed: list[_Placed] = []
    count = 0 if rng.random() < _EMPTY_SHARE else rng.randint(1, _MOST)
    for _ in range(count):
        _add_stroke(image, placed, rng)
    return Scene(image, tuple(_finished(each) for each in placed))


def _add_stroke(image: Image.Image, placed: list[_Placed], rng: Random) -> None:
    """Draw one more stroke where it comes near no other, or nothing if there is no such position."""
    name, width = rng.choice(STROKE_CLASSES), rng.uniform(*_WIDTHS)
    shape = center_line(name, rng.uniform(*_LENGTHS), rng)
    thing = cord(shape, width, rng)
    room = np.array(image.size) - shape.max(axis=0) - 2 * _GAP
    for _ in range(_TRIES):
        # Whole pixels, so that the cord is pasted without resampling.
        x, y = (rng.randint(0, max(0, int(side))) + _GAP for side in room)
        line = shape + np.array([x, y])
        if all(shapely.LineString(line).distance(shapely.LineString(other.line)) >= _GAP for other in placed):
            corner = x - MARGIN, y - MARGIN
            _paste(image, thing, corner, False, name)
            mask = np.zeros((image.height, image.width), dtype=bool)
            solid = np.asarray(thing.getchannel("A")) > 127
            mask[corner[1] : corner[1] + thing.height, corner[0] : corner[0] + thing.width] = solid
            placed.append(_Placed(name, mask, int(mask.sum()), line))
            return


def _add(image: Image.Image, placed: list[_Placed], outdoors: bool, rng: Random) -> None:
    """Draw one more object where it hides little of the others, or nothing if there is no such position."""
    name = rng.choice(_OUTDOORS if outdoors else _INDOORS)
    small = 0.6 if name == "leaf" else 1.0
    thing = THINGS[name](round(rng.uniform(90, 230) * small), rng)
    solid = np.asarray(thing.getchannel("A")) > 127
    for _ in range(_TRIES):
        x, y = _random_position(name, thing, image, outdoors, rng)
        mask = np.zeros((image.height, image.width), dtype=bool)
        mask[y : y + thing.height, x : x + thing.width] = solid
        # On a table objects may occlude each other; over a lake that would look like floating in the air.
        min_visible = 1.0 if outdoors else _MIN_VISIBLE
        if all((other.visible & ~mask).sum() >= min_visible * other.area for other in placed):
            _paste(image, thing, (x, y), outdoors, name)
            for other in placed:
                other.visible = other.visible & ~mask
            placed.append(_Placed(name, mask, int(mask.sum())))
            return


def _random_position(name: str, thing: Image.Image, image: Image.Image, outdoors: bool, rng: Random) -> tuple[int, int]:
    x = rng.randint(6, max(6, image.width - thing.width - 6))
    top, bottom = 6, image.height - thing.height - 6
    shore = round(image.height * LAKE_SHORE)
    if name == "kite":
        bottom = min(bottom, shore - thing.height // 2)
    elif outdoors:
        # A boat's keel and a whole leaf lie on the water.
        top = shore + 12 - (round(thing.height * 0.82) if name == "boat" else 0)
    return x, rng.randint(min(max(6, top), max(6, bottom)), max(6, bottom))


def _paste(image: Image.Image, thing: Image.Image, at: tuple[int, int], outdoors: bool, name: str) -> None:
    x, y = at
    alpha = thing.getchannel("A")
    if name == "boat":
        mirror = thing.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((thing.width, max(1, thing.height // 2)))
        faint = mirror.getchannel("A").point([level * 3 // 10 for level in range(256)])
        image.paste(mirror.convert("RGB"), (x, y + thing.height - 3), faint.filter(ImageFilter.GaussianBlur(2)))
    elif name != "kite":
        shadow = Image.new("L", image.size, 0)
        shadow.paste(
            alpha.point([level * 2 // 5 for level in range(256)]), (x + 7, y + 9) if not outdoors else (x + 2, y + 3)
        )
        image.paste((30, 22, 16), mask=shadow.filter(ImageFilter.GaussianBlur(6)))
    image.paste(thing.convert("RGB"), (x, y), alpha)


def _finished(placed: _Placed) -> SceneObject:
    mask = placed.visible
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    w, h = int(columns[-1]) - x + 1, int(rows[-1]) - y + 1
    return SceneObject(placed.name, x, y, w, h, mask, outline_of(mask), placed.line)
