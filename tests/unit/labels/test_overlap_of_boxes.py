"""Intersection over union of single pairs and of arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.labels.shapes.box import Box, box_area, corner_array, pairwise_iou

BOXES = st.builds(Box, st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50))


def box_iou(a: Box, b: Box) -> float:
    return float(pairwise_iou(corner_array([a]), corner_array([b]))[0, 0])


def expected_iou(a: Box, b: Box) -> float:
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (box_area(a) + box_area(b) - width * height)


def test_boxes_shifted_by_half_have_iou_one_third() -> None:
    assert box_iou(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(1 / 3)


def test_touching_boxes_have_iou_zero() -> None:
    assert box_iou(Box(0, 0, 10, 10), Box(10, 0, 10, 10)) == 0


def test_the_first_pixel_has_area_one() -> None:
    assert box_area(Box(0, 0, 1, 1)) == 1


def test_no_boxes_give_an_empty_matrix() -> None:
    assert pairwise_iou(corner_array([]), corner_array([Box(0, 0, 1, 1)])).shape == (0, 1)


@given(BOXES, BOXES)
def test_iou_is_symmetric_bounded_and_one_for_identical_boxes(a: Box, b: Box) -> None:
    assert box_iou(a, b) == box_iou(b, a)
    assert 0 <= box_iou(a, b) <= 1
    assert box_iou(a, a) == 1


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6))
def test_the_matrix_holds_the_iou_of_each_pair(a: list[Box], b: list[Box]) -> None:
    table = pairwise_iou(corner_array(a), corner_array(b))
    expected = np.array([[expected_iou(x, y) for y in b] for x in a]).reshape(len(a), len(b))
    assert table == pytest.approx(expected)
