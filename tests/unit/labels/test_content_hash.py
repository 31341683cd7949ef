"""Equal answers have equal bytes and hashes, however they were sent."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import canonical_bytes, content_hash
from annotary_core.labels.parse import parse_answer
from tests.unit.labels.makers import BOX_SCHEMA, FOX, HEIGHT, RACCOON, WIDTH, boxed, classed, raw_box, raw_boxes

HUNDREDTHS = st.integers(1, 10_000).map(lambda n: n / 100)
RAW_BOXES = st.lists(
    st.tuples(HUNDREDTHS, HUNDREDTHS, st.floats(0.02, 300), st.floats(0.02, 300), st.sampled_from([RACCOON, FOX])),
    min_size=1,
    max_size=8,
).map(lambda rows: [raw_box(*row[:4], id=f"o{i}", number=row[4]) for i, row in enumerate(rows)])


def parse(raw: object) -> Answer:
    return parse_answer(raw, schema=BOX_SCHEMA, width=WIDTH, height=HEIGHT)


def test_bytes_have_exactly_two_decimals() -> None:
    assert canonical_bytes(boxed((1, 2.5, 3, 4))) == (
        b'{"image":{"attrs":{},"class":null,"tags":[]},"objects":[{"attrs":{},"class":1,'
        b'"geom":{"h":4.00,"w":3.00,"x":1.00,"y":2.50},"id":"b0","tool":"box"}],"verdict":"labels"}'
    )


def test_the_hash_is_stable_across_versions() -> None:
    assert content_hash(classed(RACCOON)) == "5f38ff848c1dd34fac924b71afc0db7ac6d377c6f947351c434bcb2e81fbcd88"


def test_another_class_position_or_verdict_changes_the_hash() -> None:
    answers = [boxed((1, 1, 5, 5)), boxed((1, 1, 5, 5, FOX)), boxed((1, 1, 5, 5.01)), boxed(), classed(RACCOON)]
    assert len({content_hash(answer) for answer in answers}) == len(answers)


def test_whole_numbers_hash_like_decimals() -> None:
    assert content_hash(parse(raw_boxes(raw_box(1, 2, 3, 4)))) == content_hash(
        parse(raw_boxes(raw_box(1.0, 2.0, 3.0, 4.0)))
    )


@given(RAW_BOXES)
def test_parsing_is_idempotent_and_storing_is_lossless(objects: list[dict[str, Any]]) -> None:
    answer = parse(raw_boxes(*objects))
    stored = json.loads(json.dumps(answer.to_json()))
    assert parse(stored) == answer
    assert Answer.from_json(stored) == answer
    assert canonical_bytes(Answer.from_json(json.loads(canonical_bytes(answer)))) == canonical_bytes(answer)


@given(RAW_BOXES, st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_change_the_hash(objects: list[dict[str, Any]], rng: random.Random) -> None:
    shuffled = rng.sample(objects, len(objects))
    assert content_hash(parse(raw_boxes(*shuffled))) == content_hash(parse(raw_boxes(*objects)))
