"""Polygons for tests of the formats."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import shapely

from annotary_core.labels.arrays import BoolArray
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.polygon import Polygon, canonical_polygon
from annotary_core.labels.shapes.rings import rasterize

Ring = list[tuple[float, float]]
FRAME = Frame(64, 48)


def square(x: float, y: float, side: float) -> Ring:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def mask_of(polygon: Polygon) -> Window:
    return rasterize(tuple(tuple(np.array(ring) for ring in part) for part in polygon.parts))


def pixels_of(polygon: Polygon, frame: Frame = FRAME) -> BoolArray:
    """The pixels of the whole image, shape (height, width)."""
    return mask_of(polygon).crop(0, 0, frame.width, frame.height).pixels


def iou(a: Any, b: Any) -> float:
    a, b = np.asarray(a, np.bool_), np.asarray(b, np.bool_)
    return float((a & b).sum() / max((a | b).sum(), 1))


def distance_to_outline(polygon: Polygon, pixels: BoolArray) -> float:
    """The largest distance of the center of one of these pixels to the polygon's outline; 0 without any."""
    rings = shapely.MultiLineString([shapely.LinearRing(ring) for part in polygon.parts for ring in part])
    rows, columns = np.nonzero(pixels)
    return float(shapely.distance(rings, shapely.points(columns + 0.5, rows + 0.5)).max(initial=0.0))


@st.composite
def stars(draw: st.DrawFn, x: float, y: float, radius: float) -> Ring:
    """A ring around a point, which may be outside of it."""
    angles = draw(st.lists(st.floats(0, 2 * math.pi), min_size=3, max_size=9, unique=True))
    radii = draw(st.lists(st.floats(radius / 2, radius), min_size=len(angles), max_size=len(angles)))
    points = zip(sorted(angles), radii, strict=True)
    return [(x + r * math.cos(angle), y + r * math.sin(angle)) for angle, r in points]


@st.composite
def scribbles(draw: st.DrawFn) -> Ring:
    """A ring that may cross itself, and stick out of the image by up to a pixel."""
    vertex = st.tuples(st.floats(-1, FRAME.width + 1), st.floats(-1, FRAME.height + 1))
    return draw(st.lists(vertex, min_size=3, max_size=8))


@st.composite
def polygons(draw: st.DrawFn) -> Polygon | None:
    """A canonical polygon of one to three parts in FRAME, some with holes; None if what was drawn is none."""
    parts: list[list[Ring]] = []
    for at in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 3)) == 0:
            parts.append([draw(scribbles())])
            continue
        x, y = 12 + 18 * at, draw(st.integers(14, 34))
        rings = [draw(stars(x, y, 12))]
        if draw(st.booleans()):
            rings.append(draw(stars(x, y, 4)))
        parts.append(rings)
    try:
        return canonical_polygon(parts, frame=FRAME)
    except AnswerError:
        return None
