"""What keeps an answer from matching a label, in words, by the rules that compare it with gold."""

import random
from typing import Any

import pytest

from annotary_core.labels.answer import Answer
from tasks.gold.compare import Tolerance, compare, differences
from tests.factories import box_answer, class_answer

NAMES = {1: "cat", 2: "dog"}
CANNOT = {"image": {"class": None, "tags": [], "attrs": {}}, "objects": [], "verdict": "cannot_tell"}
CAT = (1, 0, 0, 100, 100)
FAR = (2, 300, 300, 50, 50)


def words(answer: dict[str, Any], label: dict[str, Any], iou: float = 0.5) -> list[str]:
    return differences(Answer.from_json(answer), Answer.from_json(label), iou=iou, names=NAMES)


@pytest.mark.parametrize(
    ("answer", "label", "expected"),
    [
        (class_answer(1), class_answer(1), []),
        (class_answer(2), class_answer(1), ["the class is dog, not cat"]),
        (class_answer(9), class_answer(1), ["the class is class 9, not cat"]),
        (CANNOT, CANNOT, []),
        (CANNOT, class_answer(1), ["only the answer is “cannot tell”"]),
        (class_answer(1), CANNOT, ["only the label is “cannot tell”"]),
        (box_answer((1, 10, 0, 100, 100)), box_answer(CAT), []),
        (box_answer((1, 42, 0, 100, 100)), box_answer(CAT), ["box 1 is off: overlap 40%, 50% needed"]),
        (box_answer((2, 10, 0, 100, 100)), box_answer(CAT), ["box 1 is dog, not cat"]),
        (
            box_answer((2, 60, 0, 100, 100)),
            box_answer(CAT),
            ["box 1 is off: overlap 25%, 50% needed and is dog, not cat"],
        ),
        (box_answer(CAT), box_answer(CAT, FAR), ["box 2 is missing"]),
        (box_answer(CAT, FAR), box_answer(CAT), ["1 box too many"]),
        (box_answer(CAT, FAR, (1, 500, 0, 9, 9)), box_answer(), ["3 boxes too many"]),
        (box_answer(), box_answer(CAT), ["box 1 is missing"]),
    ],
)
def test_differences_are_named(answer: dict[str, Any], label: dict[str, Any], expected: list[str]) -> None:
    assert words(answer, label) == expected


def test_an_overlap_just_below_the_tolerance_does_not_read_like_it() -> None:
    nearly = box_answer((1, 0, 0, 100, 49.9))
    assert words(nearly, box_answer(CAT)) == ["box 1 is off: overlap 49%, 50% needed"]
    assert words(nearly, box_answer(CAT), iou=0.4) == []
    assert words(box_answer((1, 0, 0, 100, 80)), box_answer(CAT), iou=0.825) == [
        "box 1 is off: overlap 80%, 82.5% needed"
    ]


def test_whatever_gold_would_call_wrong_differs_and_nothing_else() -> None:
    rng = random.Random(5)
    outcomes = set()
    for _ in range(300):
        boxes = [
            (rng.randint(1, 2), rng.choice((0, 20, 200)), 0, rng.choice((80, 100)), 100)
            for _ in range(rng.randint(0, 3))
        ]
        others = [(cls, x + rng.choice((0, 0, 15, 45)), y, w, h) for cls, x, y, w, h in boxes[: rng.randint(1, 4)]]
        answer, label = Answer.from_json(box_answer(*others)), Answer.from_json(box_answer(*boxes))
        correct = compare(answer, [label], Tolerance(iou=0.5)).correct
        assert bool(differences(answer, label, iou=0.5)) == (not correct)
        outcomes.add(correct)
    assert outcomes == {True, False}
