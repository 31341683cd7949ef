"""Polylines are canonical: a line has equal bytes whichever end it was begun at, and lies in the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fusing import Members, fuse
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.polyline import MAX_POINTS, Polyline, Polylines, PolylineShape
from tasks.gold.compare import Tolerance, compare, differences

FRAME = Frame(100, 80)
SHAPE = PolylineShape()
ZIGZAG = [[10.0, 10.0], [30.0, 40.0], [50.0, 10.0], [70.0, 40.0]]


def parse(points: Any) -> Polyline:
    return SHAPE.parse({"points": points}, frame=FRAME, path="geom")


def answer(*lines: list[list[float]]) -> Any:
    objects = [
        {"id": f"l{at}", "class": 1, "tool": "polyline", "geom": {"points": line}} for at, line in enumerate(lines)
    ]
    schema = Schema.from_json({"classes": [{"number": 1, "name": "lane"}], "tools": ["polyline"]})
    return parse_answer({"objects": objects, "verdict": "labels"}, schema=schema, width=100, height=80), schema


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 101), st.floats(-1, 81)), min_size=2, max_size=12))
def test_a_line_has_no_direction_and_parsing_is_idempotent(points: list[tuple[float, float]]) -> None:
    drawn = [list(point) for point in points]
    try:
        line = parse(drawn)
    except AnswerError as error:
        assert error.code == "zero_size"
        return
    assert parse(drawn[::-1]) == line == SHAPE.load(line.to_json())
    assert SHAPE.parse(line.to_json(), frame=FRAME, path="") == line
    left, top, right, bottom = line.bounds()
    assert 0 <= left <= right <= 100 and 0 <= top <= bottom <= 80


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        ({"points": [[10, 10]]}, "zero_size", "geom"),
        ({"points": [[10, 10], [10, 10.001]]}, "zero_size", "geom"),
        ({}, "wrong_type", "geom.points"),
        ({"parts": []}, "unknown_field", "geom"),
        ({"points": [[10, 10], [102, 10]]}, "outside_image", "geom"),
        ({"points": [[10, 10], [20, math.inf]]}, "not_finite", "geom.points[1][1]"),
        ({"points": [[10, 10], [20]]}, "wrong_type", "geom.points[1]"),
        ({"points": [[at % 90, 10] for at in range(MAX_POINTS + 1)]}, "too_many_points", "geom"),
    ],
)
def test_what_is_not_a_line_is_refused_with_the_place(raw: Any, code: str, path: str) -> None:
    with pytest.raises(AnswerError) as error:
        SHAPE.parse(raw, frame=FRAME, path="geom")
    assert (error.value.code, error.value.path) == (code, path)


def test_gold_is_compared_in_the_words_of_lines() -> None:
    gold, _ = answer(ZIGZAG, [[5, 70], [95, 70]])
    near, _ = answer([[x + 1, y + 1] for x, y in ZIGZAG[::-1]], [[5, 60], [95, 60]])
    assert compare(near, [gold], Tolerance()).why == "2 of 2 polylines match."
    off, _ = answer(ZIGZAG, [[5, 55], [95, 55]])
    assert differences(off, gold, iou=0.5) == ["polyline 1 is off: closeness 24%, 50% needed"]


def test_several_lines_become_one_and_a_single_one_stays() -> None:
    lines = [np.array([[x + dx, y + dy] for x, y in ZIGZAG], np.float64) for dx, dy in ((0, 0), (2, 0), (1, 2))]
    column = Polylines.of([lines[0], lines[1][::-1], lines[2], lines[0]])
    members = Members(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 1]), DetectionRates(), np.ones(4))
    fused, alone = SHAPE.geometries(fuse(column, members))
    assert alone == parse(ZIGZAG)
    assert fused.bounds() == pytest.approx((11, 10.5, 71, 41), abs=1.5)
    # The corners stay, and there are about as many points as people drew.
    assert 4 <= len(fused.to_json()["points"]) <= 10


def test_the_label_of_several_answers_holds_the_lines() -> None:
    answers = []
    for at, (dx, dy) in enumerate(((0, 0), (2, 0), (1, 2))):
        moved, schema = answer([[x + dx, y + dy] for x, y in ZIGZAG])
        answers.append(WorkerAnswer(at, moved))
    result = consolidate(answers, schema=schema)
    (line,) = result.answer.objects
    assert (line.tool, result.evidence["objects"][0]["votes"]) == ("polyline", 3)
    assert result.confidence > 0.9
    geometry = SHAPE.load(line.geom.to_json())
    assert SHAPE.area(geometry) == 0 and SHAPE.svg_path(geometry).startswith("M")
