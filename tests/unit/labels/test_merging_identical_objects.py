"""Identical objects of one answer are one object: same class, same tool, same place after rounding and clipping."""

from __future__ import annotations

from typing import Any

import pytest

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import MAX_OBJECTS, merged_count, merged_sentence, parse_answer
from tests.unit.labels.makers import BOX_SCHEMA, FOX, HEIGHT, WIDTH, raw_box, raw_boxes


def parse(raw: object) -> Answer:
    return parse_answer(raw, schema=BOX_SCHEMA, width=WIDTH, height=HEIGHT)


@pytest.mark.parametrize(
    "again",
    [
        raw_box(10, 20, 30, 40, id="b"),
        raw_box(10.0, 20.001, 30.0, 39.9999, id="b"),
        raw_box(10, 20, 30, 40, id="0"),
    ],
)
def test_an_object_that_is_sent_twice_is_one(again: dict[str, Any]) -> None:
    raw = raw_boxes(raw_box(10, 20, 30, 40), again)
    answer = parse(raw)
    assert [item.id for item in answer.objects] == [min("a", again["id"])]
    assert merged_count(raw, answer) == 1
    assert content_hash(answer) == content_hash(parse(raw_boxes(again, raw_box(10, 20, 30, 40))))
    assert parse(answer.to_json()) == answer


@pytest.mark.parametrize(
    "other",
    [raw_box(10, 20, 30, 40, id="b", number=FOX), raw_box(10.01, 20, 30, 40, id="b"), raw_box(10, 20, 31, 40, id="b")],
)
def test_objects_that_differ_stay(other: dict[str, Any]) -> None:
    raw = raw_boxes(raw_box(10, 20, 30, 40), other)
    assert len(parse(raw).objects) == 2
    assert merged_count(raw, parse(raw)) == 0


def test_objects_that_are_clipped_to_one_box_are_one() -> None:
    assert len(parse(raw_boxes(raw_box(-1, 0, 11, 5), raw_box(-0.5, 0, 10.5, 5, id="b"))).objects) == 1


def test_ids_must_be_unique_and_the_limit_counts_what_was_sent() -> None:
    with pytest.raises(AnswerError, match="Two objects have the id"):
        parse(raw_boxes(raw_box(1, 1, 5, 5), raw_box(1, 1, 5, 5)))
    with pytest.raises(AnswerError, match="1,001 objects"):
        parse(raw_boxes(*[raw_box(1, 1, 5, 5, id=f"o{n}") for n in range(MAX_OBJECTS + 1)]))


def test_the_warning_counts() -> None:
    assert merged_sentence(1) == "1 identical object was counted only once"
    assert merged_sentence(2) == "2 identical objects were counted only once"
    assert merged_count({"verdict": "empty"}, Answer(verdict="empty")) == 0
