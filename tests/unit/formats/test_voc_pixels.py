"""The pixel convention of the VOC-like XML: counted from 1, both corners inclusive, nearest line between pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.formats.voc.annotation_xml import voc_corners
from annotary_core.labels.shapes.box import Box, box_from_corners


@pytest.mark.parametrize(
    ("box", "corners"),
    [
        (Box(0, 0, 1, 1), (1, 1, 1, 1)),
        (Box(0, 0, 40, 30), (1, 1, 40, 30)),
        (Box(10, 5, 10, 5), (11, 6, 20, 10)),
        (Box(10.4, 10.4, 10.2, 10.2), (11, 11, 21, 21)),
        (Box(3.1, 3.1, 0.2, 0.2), (4, 4, 4, 4)),
        (Box(39.9, 29.9, 0.1, 0.1), (40, 30, 40, 30)),
        (Box(39.99, 0, 0.01, 30), (40, 1, 40, 30)),
    ],
)
def test_corners_of_known_boxes(box: Box, corners: tuple[int, int, int, int]) -> None:
    assert voc_corners(box, 40, 30) == corners


@given(st.floats(0, 39.99), st.floats(0, 40), st.floats(0, 29.99), st.floats(0, 30))
def test_an_edge_moves_by_half_a_pixel_at_most_and_a_box_keeps_a_pixel(
    x1: float, x2: float, y1: float, y2: float
) -> None:
    box = box_from_corners(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    xmin, ymin, xmax, ymax = voc_corners(box, 40, 30)
    assert 1 <= xmin <= xmax <= 40 and 1 <= ymin <= ymax <= 30
    left, top, right, bottom = box.bounds()
    shifts = (abs(xmin - 1 - left), abs(xmax - right), abs(ymin - 1 - top), abs(ymax - bottom))
    sliver = min(box.w, box.h) <= 1
    assert max(shifts) <= (1.0 if sliver else 0.5)
