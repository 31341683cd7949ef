"""Polygons are canonical: equal outlines have equal bytes, in the image, whatever the point they begin at."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.polygon import MAX_VERTICES, Polygon, PolygonShape
from annotary_core.labels.shapes.rings import rasterize

FRAME = Frame(100, 80)
SHAPE = PolygonShape()
SQUARE = [[10, 10], [30, 10], [30, 30], [10, 30]]
HOLE = [[15, 15], [15, 25], [25, 25], [25, 15]]


def parse(*parts: Any) -> Polygon:
    return SHAPE.parse({"parts": list(parts)}, frame=FRAME, path="geom")


def refusal(raw: Any) -> tuple[str, str]:
    with pytest.raises(AnswerError) as error:
        SHAPE.parse(raw, frame=FRAME, path="geom")
    return error.value.code, error.value.path


@st.composite
def rings(draw: st.DrawFn) -> list[list[float]]:
    """A ring around a center: any number of points by ascending angle, some of them repeated."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(3, 35), min_size=count, max_size=count))
    ring = [
        [50 + radius * math.cos(2 * math.pi * at / count), 40 + radius * math.sin(2 * math.pi * at / count)]
        for at, radius in enumerate(radii)
    ]
    return [point for point in ring for _ in range(draw(st.integers(1, 2)))]


@settings(max_examples=200, deadline=None)
@given(rings(), st.integers(0, 30), st.booleans())
def test_where_an_outline_begins_and_which_way_it_runs_makes_no_difference(
    ring: list[list[float]], start: int, backward: bool
) -> None:
    first = parse([ring])
    turned = ring[start % len(ring) :] + ring[: start % len(ring)]
    assert parse([turned[::-1] if backward else turned]) == first
    assert SHAPE.parse(first.to_json(), frame=FRAME, path="") == first == SHAPE.load(first.to_json())


@settings(max_examples=100, deadline=None)
@given(rings(), st.randoms(use_true_random=False))
def test_an_outline_that_crosses_itself_is_canonical_too(ring: list[list[float]], rng: random.Random) -> None:
    crossing = rng.sample(ring, len(ring))
    try:
        first = parse([crossing])
    except AnswerError as error:
        assert error.code == "zero_size"
        return
    assert parse([crossing[1:] + crossing[:1]]) == first == parse([crossing[::-1]])
    assert 0 < SHAPE.area(first) <= 100 * 80


@settings(max_examples=100, deadline=None)
@given(rings())
def test_the_area_is_that_of_its_pixels(ring: list[list[float]]) -> None:
    polygon = parse([ring])
    pixels = rasterize(tuple(tuple(np.array(each) for each in part) for part in polygon.parts)).area
    length = shapely.Polygon(polygon.parts[0][0]).length
    # The outline passes at most this many pixels.
    assert abs(pixels - SHAPE.area(polygon)) <= length + 4


def test_holes_and_parts_are_kept_and_sorted() -> None:
    other = [[50, 50], [60, 50], [60, 60]]
    polygon = parse([other], [SQUARE, HOLE])
    assert polygon == parse([SQUARE[::-1], HOLE[::-1]], [other[::-1]])
    assert [len(part) for part in polygon.parts] == [2, 1]
    assert SHAPE.area(polygon) == 400 - 100 + 50
    assert polygon.bounds() == (10, 10, 60, 60)


def test_a_hole_that_strays_out_by_a_rounding_error_is_within_the_bounds() -> None:
    polygon = parse([SQUARE, [[25, 15], [30.6, 20.5], [25, 25]]])
    assert polygon.bounds() == (10, 10, 30.6, 30)


def test_a_closing_point_and_points_outside_by_a_pixel_are_corrected() -> None:
    assert parse([[*SQUARE, SQUARE[0]]]) == parse([SQUARE])
    assert parse([[[-1, 10], [30, 10], [30, 81]]]).bounds() == (0, 10, 30, 80)


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        ({"parts": [[[[10, 10], [30, 10]]]]}, "zero_size", "geom.parts[0][0]"),
        ({"parts": [[[[10, 10], [30, 10], [20, 10]]]]}, "zero_size", "geom"),
        ({"parts": [[[[10, 10], [10, 10], [10, 10]]]]}, "zero_size", "geom"),
        ({"parts": []}, "zero_size", "geom"),
        ({"parts": [[]]}, "zero_size", "geom.parts[0]"),
        ({}, "wrong_type", "geom.parts"),
        ({"points": []}, "unknown_field", "geom"),
        ({"parts": [[[[10, 10], [30, 10], [30, 82]]]]}, "outside_image", "geom"),
        ({"parts": [[[[10, 10], [30, 10], [30, math.nan]]]]}, "not_finite", "geom.parts[0][0][2][1]"),
        ({"parts": [[[[10, 10], [30, 10], [30]]]]}, "wrong_type", "geom.parts[0][0][2]"),
        ({"parts": [[[[10, 10], [30, 10], "a"]]]}, "wrong_type", "geom.parts[0][0][2]"),
        ({"parts": [[SQUARE, [[50, 50], [60, 50], [60, 60]]]]}, "stray_hole", "geom"),
        (
            {"parts": [[[[50 + at % 7, 40 + at / MAX_VERTICES] for at in range(MAX_VERTICES + 1)]]]},
            "too_many_points",
            "geom",
        ),
    ],
)
def test_what_is_not_a_polygon_is_refused_with_the_place(raw: Any, code: str, path: str) -> None:
    assert refusal(raw) == (code, path)


def test_displacement_is_the_largest_distance_between_outlines() -> None:
    moved = [[10, 10], [30, 10], [33, 34], [10, 30]]
    column = SHAPE.column([parse([SQUARE]).to_json(), parse([moved]).to_json()])
    assert SHAPE.displacement(column, np.array([0, 0]), np.array([1, 0])).tolist() == [5.0, 0.0]


def test_the_path_for_pages_names_every_ring() -> None:
    assert SHAPE.svg_path(parse([SQUARE, HOLE])).count("z") == 2
