"""Polygons are compared by the area that they enclose, whatever their outlines do."""

from __future__ import annotations

import pytest

from annotary_core.labels.geometry import Frame
from annotary_core.labels.matching import similarity_matrix
from annotary_core.labels.shapes.polygon import PolygonShape

SHAPE = PolygonShape()
SQUARE = [(10, 10), (50, 10), (50, 50), (10, 50)]
SPIKED = [(10, 10), (50, 10), (90, 10), (50, 10), (50, 50), (10, 50)]
CUT_OFF = [(10, 10), (50, 10), (50, 50), (30, 50), (30, 80), (30, 50), (10, 50)]
BOW_TIE = [(10, 10), (50, 50), (50, 10), (10, 50)]


@pytest.mark.parametrize(("outline", "overlap"), [(SQUARE, 1.0), (SPIKED, 1.0), (CUT_OFF, 1.0), (BOW_TIE, 0.5)])
def test_lines_to_and_fro_enclose_nothing(outline: list[tuple[float, float]], overlap: float) -> None:
    square, drawn = (
        SHAPE.parse({"parts": [[each]]}, frame=Frame(100, 100), path="geom").to_json() for each in (SQUARE, outline)
    )
    assert similarity_matrix(SHAPE.column([square]), SHAPE.column([drawn]))[0, 0] == pytest.approx(overlap)
    assert SHAPE.area(SHAPE.load(drawn)) == pytest.approx(1600 * overlap)
