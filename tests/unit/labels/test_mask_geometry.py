"""Masks, polygons and RLE convert into each other without losing a pixel."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from annotary_core.labels.arrays import BoolArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import EMPTY, Window, clip_window, mask_iou
from annotary_core.labels.shapes.rings import Parts, rasterize, simplify, to_shapely
from annotary_core.labels.shapes.rle import Rle, decode, encode

PIXELS = arrays(np.bool_, st.tuples(st.integers(0, 9), st.integers(0, 9)))
OFFSET = st.integers(-20, 20)
WINDOWS = st.builds(Window, OFFSET, OFFSET, PIXELS)
IMAGES = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def window(*rows: str, x: int = 0, y: int = 0) -> Window:
    return Window(x, y, np.array([[sign == "#" for sign in row] for row in rows], np.bool_).reshape(len(rows), -1))


def shape(*parts: list[list[tuple[float, float]]]) -> Parts:
    return tuple(tuple(np.array(ring, np.float64) for ring in part) for part in parts)


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def same(a: Window, b: Window) -> bool:
    a, b = a.trimmed(), b.trimmed()
    return a.bounds == b.bounds and np.array_equal(a.pixels, b.pixels)


@given(WINDOWS)
def test_a_traced_mask_rasterizes_to_itself(mask: Window) -> None:
    assert same(rasterize(trace(mask)), mask)


@given(WINDOWS)
def test_traced_contours_are_valid_polygons_with_the_mask_area(mask: Window) -> None:
    outlines = to_shapely(trace(mask))
    assert outlines.is_valid
    assert outlines.area == mask.area


@given(WINDOWS, st.floats(0, 5))
def test_simplified_shapes_keep_every_part_and_hole_and_stay_valid(mask: Window, tolerance: float) -> None:
    exact = trace(mask)
    simpler = simplify(exact, tolerance)
    assert [len(part) for part in simpler] == [len(part) for part in exact]
    assert to_shapely(simpler).is_valid
    assert sum(len(ring) for part in simpler for ring in part) <= sum(len(ring) for part in exact for ring in part)


@pytest.mark.parametrize(
    ("mask", "rings"),
    [
        (window("###", "#.#", "###"), [2]),
        (window("#.", ".#"), [1, 1]),
        (window("##.", "#.#", "###"), [2]),
        (window("#####", "#...#", "#.#.#", "#...#", "#####"), [2, 1]),
        (window("##.##"), [1, 1]),
        (window("####", "#.##", "##.#", "####"), [3]),
        (EMPTY, []),
    ],
    ids=[
        "hole",
        "diagonal",
        "hole at the edge's corner",
        "island in a hole",
        "two parts",
        "holes at a corner",
        "empty",
    ],
)
def test_tracing_distinguishes_parts_and_holes(mask: Window, rings: list[int]) -> None:
    assert [len(part) for part in trace(mask)] == rings


def test_a_slanted_edge_simplifies_to_a_line() -> None:
    triangle = shape([[(0.0, 0.0), (60.0, 0.0), (0.0, 30.0)]])
    outline = simplify(trace(rasterize(triangle)), 1.0)
    assert len(outline[0][0]) <= 6
    assert to_shapely(outline).symmetric_difference(to_shapely(triangle)).area < 0.03 * 900


HUNDREDTHS = st.integers(-800, 800)


@given(
    st.lists(st.tuples(HUNDREDTHS, HUNDREDTHS), min_size=3, max_size=9, unique=True), st.sampled_from([1.0, 0.5, 4.0])
)
def test_a_pixel_is_inside_if_its_center_is(vertices: list[tuple[int, int]], scale: float) -> None:
    corners = [(x / 100, y / 100) for x, y in vertices]
    mask = rasterize(shape([corners]), scale)
    # Self-intersecting rings are filled by the even-odd rule, in shapely and here.
    polygon = shapely.make_valid(shapely.Polygon(corners))
    left, top, right, bottom = mask.bounds
    x, y = np.meshgrid((np.arange(left, right) + 0.5) / scale, (np.arange(top, bottom) + 0.5) / scale)
    clear = shapely.distance(shapely.points(x, y), polygon.boundary) > 1e-6 if mask.pixels.size else mask.pixels
    assert np.array_equal(mask.pixels[clear], shapely.contains_xy(polygon, x[clear], y[clear]))


def test_adjacent_shapes_share_no_pixel_and_leave_no_gap() -> None:
    left = rasterize(shape([[(0, 0), (3.5, 0), (6.5, 10), (0, 10)]]))
    right = rasterize(shape([[(3.5, 0), (10, 0), (10, 10), (6.5, 10)]]))
    both = left.crop(0, 0, 10, 10).pixels.astype(int) + right.crop(0, 0, 10, 10).pixels
    assert (both == 1).all()


def test_overlapping_parts_merge_and_holes_are_kept() -> None:
    mask = rasterize(shape([square(0, 0, 6), square(2, 2, 2)], [square(5, 5, 4)]))
    assert mask.area == 36 - 4 + 16 - 1
    assert not mask.pixels[2:4, 2:4].any()


def test_a_distant_polygon_takes_only_its_own_window() -> None:
    assert rasterize(shape([square(1e6, 1e6, 3)])).pixels.shape == (3, 3)


@pytest.mark.parametrize("ring", [[(0.0, 0.0), (1.0, 1.0)], [(0.0, 0.0), (1.0, float("nan")), (1.0, 0.0)]])
def test_an_invalid_ring_is_rejected(ring: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="at least three vertices"):
        rasterize(shape([ring]))


@given(WINDOWS, WINDOWS)
def test_window_iou_equals_full_image_iou(a: Window, b: Window) -> None:
    full_a, full_b = a.crop(-40, -40, 40, 40).pixels, b.crop(-40, -40, 40, 40).pixels
    union = (full_a | full_b).sum()
    assert mask_iou(a, b) == pytest.approx((full_a & full_b).sum() / union if union else 1.0)
    assert mask_iou(a, b) == mask_iou(b, a)


@given(IMAGES)
def test_rle_equals_that_of_pycocotools_byte_for_byte(image: BoolArray) -> None:
    height, width = image.shape
    expected = coco.encode(np.asfortranarray(image.astype(np.uint8)))
    rle = encode(Window(0, 0, image), Frame(width, height))
    assert (list(rle.size), rle.counts) == (expected["size"], expected["counts"])
    assert same(decode(rle), Window(0, 0, image))


@given(WINDOWS)
def test_rle_restores_a_mask_at_any_position(mask: Window) -> None:
    moved = Window(mask.x + 1000, mask.y + 1000, mask.pixels)
    assert same(decode(encode(moved, Frame(2000, 3000))), moved)


def test_rle_of_a_huge_image_takes_only_the_mask() -> None:
    frame = Frame(10_000, 10_000)
    mask = window("##", ".#", x=9_998, y=9_998)
    assert same(decode(encode(mask, frame), frame), mask)


def test_an_image_that_exceeds_the_coco_limit_is_rejected() -> None:
    with pytest.raises(ValueError, match="too large"):
        encode(window("#"), Frame(100_000, 100_000))
    with pytest.raises(ValueError, match="too large"):
        decode(Rle((100_000, 100_000), b"0"))


@pytest.mark.parametrize("side", [1, 7])
def test_rle_of_empty_and_full_images(side: int) -> None:
    full = Window(0, 0, np.ones((side, side), np.bool_))
    frame = Frame(side, side)
    assert same(decode(encode(full, frame)), full)
    assert decode(encode(EMPTY, frame)).area == 0


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        (Rle((3, 3), b"8"), "do not fill"),
        (Rle((3, 3), b":"), "do not fill"),
        (Rle((3, 3), b"\xff"), "corrupt"),
        (Rle((3, 3), b"Y"), "corrupt"),
        (Rle((3, 3), b"oooooooooooooooo1"), "corrupt"),
        (Rle((3, 3), b""), "do not fill"),
        (Rle((3, 3), b"JO"), "do not fill"),
        (Rle((4, 3), b"9"), "not 3 x 3"),
    ],
)
def test_corrupt_or_mismatched_rle_is_rejected(rle: Rle, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(rle, Frame(3, 3))


def test_one_pixel_outside_is_clipped_and_two_are_rejected() -> None:
    frame = Frame(4, 4)
    assert same(clip_window(window("###", "###", x=2, y=3), frame), window("##", x=2, y=3))
    assert clip_window(window("#", x=4, y=0), frame).area == 0
    with pytest.raises(ValueError, match="2 px outside its image"):
        clip_window(window("###", x=3, y=3), frame)
    # Background may extend any distance outside.
    assert same(clip_window(window("#......", x=3, y=3), frame), window("#", x=3, y=3))


def test_a_mask_must_be_a_two_dimensional_boolean_array() -> None:
    with pytest.raises(ValueError, match="two-dimensional boolean array"):
        Window(0, 0, np.zeros((2, 2)))  # type: ignore[arg-type]
