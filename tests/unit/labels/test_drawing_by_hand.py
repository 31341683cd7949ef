"""Geometries of simulated people: the one that follows an object exactly, and how it is drawn by hand."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotary_core.labels.arrays import FloatArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.matching import similarity_matrix
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Geometry, Shape
from annotary_core.labels.shapes.polygon import Polygon

FRAME = Frame(400, 300)
EVERY_SHAPE = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))

CENTERS = st.tuples(st.floats(0, FRAME.width), st.floats(0, FRAME.height))
ERRORS = st.floats(0, 0.4)


def star(center: tuple[float, float], radii: list[float]) -> FloatArray:
    """Return a closed path around a center, which may leave the image."""
    angle = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    out: FloatArray = np.array(center) + np.array(radii)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return out


STARS = st.builds(star, CENTERS, st.lists(st.floats(6, 150), min_size=4, max_size=24))


def similarity(shape: Shape, one: Geometry, other: Geometry) -> float:
    return float(similarity_matrix(shape.column([one.to_json()]), shape.column([other.to_json()]))[0, 0])


@EVERY_SHAPE
@settings(deadline=None)
@given(path=STARS, error=ERRORS, seed=st.integers(0, 1000))
def test_what_is_drawn_is_canonical_and_in_the_image(shape: Shape, path: FloatArray, error: float, seed: int) -> None:
    true = shape.along([path], frame=FRAME)
    drawn = shape.redraw(true, error=error, rng=Random(seed), frame=FRAME)
    for geometry in (true, drawn):
        accepted = shape.parse(geometry.to_json(), frame=FRAME, path="geom")
        # The server may move what touches the edge of the image by a hundredth of a pixel.
        assert np.allclose(accepted.bounds(), geometry.bounds(), atol=0.011)
        assert similarity(shape, accepted, geometry) > 0.99


@EVERY_SHAPE
def test_a_steady_hand_follows_exactly_and_a_shaky_one_less_so(shape: Shape) -> None:
    true = shape.along([star((200, 150), [80, 60, 90, 70, 85, 50, 95, 75])], frame=FRAME)

    def mean(error: float) -> float:
        rng = Random(5)
        drawn = [shape.redraw(true, error=error, rng=rng, frame=FRAME) for _ in range(60)]
        return float(np.mean([similarity(shape, true, each) for each in drawn]))

    means = [mean(error) for error in (0, 0.02, 0.05, 0.1, 0.2)]
    assert means[0] > 0.99
    assert means == sorted(means, reverse=True)
    assert means[1] > 0.88 and means[3] < 0.9


@EVERY_SHAPE
def test_the_same_hand_draws_the_same(shape: Shape) -> None:
    true = shape.along([star((200, 150), [80, 60, 90, 70, 85, 50])], frame=FRAME)
    one, again, other = (shape.redraw(true, error=0.1, rng=Random(seed), frame=FRAME) for seed in (1, 1, 2))
    assert one == again != other


def test_a_box_along_outlines_bounds_all_of_them() -> None:
    paths = [np.array([(10, 20), (30, 25), (15, 60)]), np.array([(100, 50), (120, 50), (110, 80)])]
    assert SHAPES["box"].along(paths, frame=FRAME).bounds() == (10, 20, 120, 80)


@settings(deadline=None)
@given(path=STARS, error=ERRORS, seed=st.integers(0, 1000))
def test_polygons_stay_simple_and_keep_most_of_their_area(path: FloatArray, error: float, seed: int) -> None:
    shape = SHAPES["polygon"]
    true = shape.along([path], frame=FRAME)
    assert isinstance(true, Polygon)
    assume(shapely.Polygon(true.parts[0][0]).is_valid)
    drawn = shape.redraw(true, error=error, rng=Random(seed), frame=FRAME)
    assert isinstance(drawn, Polygon)
    assert shapely.Polygon(drawn.parts[0][0]).is_valid
    assert shape.area(drawn) > 0.1 * shape.area(true)


def test_people_draw_every_part_of_a_polygon_and_no_hole() -> None:
    square = [(0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (0.0, 60.0)]
    hole = [(20.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0)]
    other = [(x + 100, y + 100) for x, y in square]
    shape = SHAPES["polygon"]
    true = shape.parse({"parts": [[square, hole], [other]]}, frame=FRAME, path="geom")
    drawn = shape.redraw(true, error=0.02, rng=Random(3), frame=FRAME)
    assert isinstance(drawn, Polygon)
    assert [len(part) for part in drawn.parts] == [1, 1]


def test_people_leave_out_vertices_of_traced_outlines_and_click_again_on_long_edges() -> None:
    shape = SHAPES["polygon"]
    circle = shape.along([star((200, 150), [100.0] * 120)], frame=FRAME)
    square = shape.along([np.array([(50, 50), (250, 50), (250, 250), (50, 250)])], frame=FRAME)
    rng = Random(2)
    fewer = [shape.redraw(circle, error=0.05, rng=rng, frame=FRAME) for _ in range(20)]
    more = [shape.redraw(square, error=0.05, rng=rng, frame=FRAME) for _ in range(20)]
    assert all(isinstance(each, Polygon) and len(each.parts[0][0]) < 60 for each in fewer)
    assert any(isinstance(each, Polygon) and len(each.parts[0][0]) > 4 for each in more)
