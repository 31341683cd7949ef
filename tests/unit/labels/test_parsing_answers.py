"""An untrusted body becomes the canonical answer, or is rejected with a code, a sentence and the path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotary_core.labels.answer import Answer
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.shapes.box import Box
from tests.unit.labels.makers import (
    BOTH_SCHEMA,
    BOX_SCHEMA,
    CLASS_SCHEMA,
    FOX,
    HEIGHT,
    RACCOON,
    WIDTH,
    raw_box,
    raw_boxes,
    raw_class,
)


def parse(raw: object, schema: Any = BOX_SCHEMA) -> Answer:
    return parse_answer(raw, schema=schema, width=WIDTH, height=HEIGHT)


def refusal(raw: object, schema: Any = BOX_SCHEMA) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        parse(raw, schema)
    assert caught.value.sentence.endswith(".")
    return caught.value


def test_a_box_answer_keeps_what_was_drawn() -> None:
    answer = parse(raw_boxes(raw_box(10, 20.5, 30, 40, id="x-1", number=FOX)))
    assert answer.to_json() == {
        "image": {"class": None, "tags": [], "attrs": {}},
        "objects": [
            {
                "id": "x-1",
                "class": FOX,
                "tool": "box",
                "geom": {"x": 10.0, "y": 20.5, "w": 30.0, "h": 40.0},
                "attrs": {},
            }
        ],
        "verdict": "labels",
    }


def test_a_class_answer_keeps_the_class_number() -> None:
    assert parse(raw_class(FOX), CLASS_SCHEMA).image.class_number == FOX


def test_unused_parts_are_optional() -> None:
    assert parse({"verdict": "empty"}) == parse(raw_boxes(verdict="empty"))


def test_a_schema_with_class_and_boxes_accepts_a_class_without_boxes() -> None:
    assert parse(raw_class(RACCOON), BOTH_SCHEMA).objects == ()


@pytest.mark.parametrize("schema", [BOX_SCHEMA, CLASS_SCHEMA, BOTH_SCHEMA])
def test_cannot_tell_is_always_valid(schema: Any) -> None:
    assert parse({"verdict": "cannot_tell"}, schema).verdict == "cannot_tell"


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        ({"verdict": "labels"}, "nothing_labelled", "verdict"),
        ({"verdict": "skip"}, "bad_verdict", "verdict"),
        ({"verdict": ["labels"]}, "bad_verdict", "verdict"),
        ({"objects": []}, "bad_verdict", "verdict"),
        ([], "wrong_type", ""),
        ("labels", "wrong_type", ""),
        ({"verdict": "empty", "note": 1}, "unknown_field", ""),
        ({"verdict": "empty", "objects": {}}, "wrong_type", "objects"),
        ({"verdict": "labels", "objects": [3]}, "wrong_type", "objects[0]"),
        ({"verdict": "empty", "image": None}, "wrong_type", "image"),
        ({"verdict": "empty", "image": {"tags": [1]}}, "unwanted_tags", "image.tags"),
        ({"verdict": "empty", "image": {"attrs": {"blur": True}}}, "unknown_attribute", "image.attrs"),
        (raw_boxes(raw_box(1, 1, 5, 5), verdict="empty"), "contradiction", "verdict"),
        (raw_boxes(raw_box(1, 1, 5, 5), verdict="cannot_tell"), "contradiction", "verdict"),
        (raw_class(RACCOON), "unwanted_class", "image.class"),
        (raw_boxes(raw_box(1, 1, 5, 5, number=2)), "unknown_class", "objects[0].class"),
        (raw_boxes(raw_box(1, 1, 5, 5, number=True)), "wrong_type", "objects[0].class"),
        (raw_boxes(raw_box(1, 1, 5, 5, number=None)), "wrong_type", "objects[0].class"),
        (raw_boxes(raw_box(1, 1, 5, 5, id="")), "bad_object_id", "objects[0].id"),
        (raw_boxes(raw_box(1, 1, 5, 5, id="\ud800")), "bad_object_id", "objects[0].id"),
        (raw_boxes(raw_box(1, 1, 5, 5, id="a\x00")), "bad_object_id", "objects[0].id"),
        (raw_boxes(raw_box(1, 1, 5, 5, id=4)), "wrong_type", "objects[0].id"),
        (raw_boxes(raw_box(1, 1, 5, 5), raw_box(9, 9, 5, 5)), "duplicate_object_id", "objects[1].id"),
        (raw_boxes(raw_box("1", 1, 5, 5)), "wrong_type", "objects[0].geom.x"),
        (raw_boxes(raw_box(1, True, 5, 5)), "wrong_type", "objects[0].geom.y"),
        (raw_boxes(raw_box(1, 1, float("nan"), 5)), "not_finite", "objects[0].geom.w"),
        (raw_boxes(raw_box(1, 1, 5, float("inf"))), "not_finite", "objects[0].geom.h"),
        (raw_boxes(raw_box(10**400, 1, 5, 5)), "not_finite", "objects[0].geom.x"),
        (raw_boxes(raw_box(1e308, 1, 1e308, 5)), "outside_image", "objects[0].geom"),
        (raw_boxes(raw_box(1, 1, 0, 5)), "zero_size", "objects[0].geom"),
        (raw_boxes(raw_box(1, 1, 5, -5)), "zero_size", "objects[0].geom"),
        (raw_boxes(raw_box(1, 1, 0.001, 5)), "zero_size", "objects[0].geom"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "geom": None}), "wrong_type", "objects[0].geom"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "geom": {"x": 1, "y": 1, "w": 5}}), "missing_field", "objects[0].geom"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "tool": "lasso"}), "unknown_tool", "objects[0].tool"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "tool": "mask"}), "unknown_tool", "objects[0].tool"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "tool": "class"}), "unknown_tool", "objects[0].tool"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "tool": None}), "wrong_type", "objects[0].tool"),
        (raw_boxes({**raw_box(1, 1, 5, 5), "attrs": {"a": 1}}), "unknown_attribute", "objects[0].attrs"),
    ],
)
def test_invalid_bodies_are_rejected_with_code_and_path(raw: object, code: str, path: str) -> None:
    error = refusal(raw)
    assert (error.code, error.path) == (code, path)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (raw_class(None), "class_missing"),
        ({"verdict": "empty"}, "class_missing"),
        (raw_class(RACCOON, "empty"), "contradiction"),
        (raw_class(RACCOON, "cannot_tell"), "contradiction"),
        (raw_class(99), "unknown_class"),
        (raw_class("raccoon"), "wrong_type"),
        ({**raw_boxes(raw_box(1, 1, 5, 5)), "image": {"class": RACCOON}}, "unwanted_tool"),
    ],
)
def test_a_class_schema_requires_exactly_one_class(raw: object, code: str) -> None:
    assert refusal(raw, CLASS_SCHEMA).code == code


def test_the_error_for_an_answer_without_labels_suggests_empty() -> None:
    assert 'say "empty" instead' in refusal({"verdict": "labels"}).sentence


def test_a_thousand_objects_are_accepted_and_one_more_is_rejected() -> None:
    boxes = [raw_box(index % 500, 1 + index // 500, 5, 5, id=f"o{index}") for index in range(1_001)]
    assert len(parse(raw_boxes(*boxes[:1_000])).objects) == 1_000
    assert refusal(raw_boxes(*boxes)).code == "too_many_objects"


def test_a_long_untrusted_value_is_truncated_in_the_message() -> None:
    assert len(refusal({"verdict": "x" * 100_000}).sentence) < 120


def test_a_decoded_body_parses_to_the_same_answer() -> None:
    raw = raw_boxes(raw_box(1.5, 2, 3, 4))
    answer = parse(json.loads(json.dumps(raw)))
    assert answer.objects[0].geom == Box(1.5, 2.0, 3.0, 4.0)
