"""Geometry is canonical: two decimals, an overshoot of one pixel is clipped, more is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.box import Box, canonical_box

FRAME = Frame(640, 480)
NUMBERS = st.floats(-3, 700, allow_nan=False)


@pytest.mark.parametrize(
    ("given_box", "kept"),
    [
        ((-1, -1, 11, 11), Box(0, 0, 10, 10)),
        ((631, 471, 10, 10), Box(631, 471, 9, 9)),
        ((0, 0, 640, 480), Box(0, 0, 640, 480)),
        ((-1, -1, 642, 482), Box(0, 0, 640, 480)),
        ((1.005, 1.234, 2.0, 2.0), Box(1.0, 1.23, 2.0, 2.0)),
    ],
)
def test_an_overshoot_of_up_to_a_pixel_is_clipped(given_box: tuple[float, ...], kept: Box) -> None:
    assert canonical_box(*given_box, frame=FRAME) == kept


@pytest.mark.parametrize(
    ("given_box", "edge"),
    [
        ((-1.01, 5, 10, 10), "left"),
        ((5, -1.01, 10, 10), "top"),
        ((631.5, 5, 10, 10), "right"),
        ((5, 471.5, 10, 10), "bottom"),
    ],
)
def test_more_than_a_pixel_is_rejected_with_the_edge(given_box: tuple[float, ...], edge: str) -> None:
    with pytest.raises(AnswerError) as caught:
        canonical_box(*given_box, frame=FRAME)
    assert caught.value.code == "outside_image"
    assert f"{edge} edge" in caught.value.sentence


def test_a_box_entirely_in_the_overshoot_is_rejected() -> None:
    with pytest.raises(AnswerError, match="The box lies outside the image"):
        canonical_box(640.1, 5, 0.5, 10, frame=FRAME)


def test_negative_zero_is_zero() -> None:
    assert str(canonical_box(-0.0, -0.001, 5, 5, frame=FRAME).y) == "0.0"


@given(NUMBERS, NUMBERS, st.floats(0.01, 700), st.floats(0.01, 700))
def test_a_box_is_rejected_or_lies_on_the_image_and_clipping_is_idempotent(
    x: float, y: float, w: float, h: float
) -> None:
    try:
        box = canonical_box(x, y, w, h, frame=FRAME)
    except AnswerError as error:
        outside = x < -1 or y < -1 or x + w > FRAME.width + 1 or y + h > FRAME.height + 1
        assert error.code == ("outside_image" if outside else "zero_size")
        return
    x1, y1, x2, y2 = box.bounds()
    assert 0 <= x1 < x2 <= FRAME.width and 0 <= y1 < y2 <= FRAME.height
    assert abs(x1 - x) <= 1.01 and abs(x2 - (x + w)) <= 1.01
    assert canonical_box(box.x, box.y, box.w, box.h, frame=FRAME) == box
