"""An answer is compared with the accepted answers, and the worker gets the result in plain words."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.labels.answer import Answer, ImageLabel, LabelObject
from annotary_core.labels.shapes.box import Box
from tasks.gold.compare import Comparison, Tolerance, compare
from tests.unit.labels.makers import CANNOT_TELL, EMPTY, FOX, RACCOON, boxed, classed

STRICT = Tolerance()
BOXES = st.lists(
    st.tuples(
        st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60), st.sampled_from([RACCOON, FOX])
    ),
    max_size=6,
)


def against(answer: Answer, *accepted: Answer, tolerance: Tolerance = STRICT) -> Comparison:
    return compare(answer, accepted, tolerance)


def test_the_same_class_is_correct_and_another_is_wrong() -> None:
    assert against(classed(RACCOON), classed(RACCOON)) == Comparison(True, 1.0, "The class is correct.")
    assert against(classed(FOX), classed(RACCOON)) == Comparison(False, 0.0, "The class is incorrect.")


def test_class_names_are_given_when_known() -> None:
    result = compare(classed(FOX), [classed(RACCOON)], STRICT, names={RACCOON: "raccoon", FOX: "fox"})
    assert result.why == "The answer is fox. The correct class is raccoon."


def test_long_class_names_keep_the_sentence_short() -> None:
    result = compare(classed(FOX), [classed(RACCOON)], STRICT, names={RACCOON: "r" * 100, FOX: "f" * 100})
    assert len(result.why) < 160


def test_any_accepted_answer_is_correct() -> None:
    assert against(classed(FOX), classed(RACCOON), classed(FOX)).correct


def test_without_an_accepted_answer_nothing_can_be_compared() -> None:
    with pytest.raises(ValueError, match="at least one accepted answer"):
        compare(classed(FOX), [], STRICT)


def test_boxes_match_at_half_overlap_and_not_below() -> None:
    gold = boxed((0, 0, 100, 100))
    assert against(boxed((0, 0, 100, 50)), gold).correct
    assert not against(boxed((0, 0, 100, 49)), gold).correct
    assert against(boxed((0, 0, 100, 49)), gold, tolerance=Tolerance(iou=0.4)).correct


def test_a_missing_box_is_counted() -> None:
    result = against(boxed((0, 0, 10, 10), (50, 0, 10, 10)), boxed((0, 0, 10, 10), (50, 0, 10, 10), (90, 0, 9, 9)))
    assert (result.correct, result.why) == (False, "2 of 3 boxes match.")
    assert result.score == pytest.approx(0.8)


def test_an_extra_box_is_counted() -> None:
    result = against(boxed((0, 0, 10, 10), (50, 0, 10, 10)), boxed((0, 0, 10, 10)))
    assert result.why == "1 of 1 box matches, 1 box in the answer matches none."
    assert not result.correct
    assert result.score == pytest.approx(2 / 3)


def test_two_boxes_on_one_object_match_once() -> None:
    assert not against(boxed((0, 0, 10, 10), (0, 0, 10, 9)), boxed((0, 0, 10, 10))).correct


def test_tolerance_allows_misses_and_extras() -> None:
    answer, gold = boxed((0, 0, 10, 10), (200, 0, 10, 10)), boxed((0, 0, 10, 10), (50, 0, 10, 10))
    assert not against(answer, gold, tolerance=Tolerance(misses=1)).correct
    assert against(answer, gold, tolerance=Tolerance(misses=1, extras=1)).correct


def test_a_tolerance_is_stored_and_read_with_defaults() -> None:
    assert Tolerance.from_json({}) == Tolerance(iou=0.5, misses=0, extras=0)
    assert Tolerance.from_json(Tolerance(iou=0.7, extras=2).to_json()) == Tolerance(iou=0.7, extras=2)


@pytest.mark.parametrize("stored", [{"iou": 0}, {"iou": 1.1}, {"misses": -1}, {"iou": None}, {"iuo": 0.5}])
def test_a_tolerance_that_cannot_be_used_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="A tolerance"):
        Tolerance.from_json(stored)


def test_a_box_of_another_class_is_wrong_with_a_reason() -> None:
    result = against(boxed((0, 0, 10, 10, FOX)), boxed((0, 0, 10, 10, RACCOON)))
    assert result == Comparison(False, 0.0, "0 of 1 box matches, 1 has another class.")


def test_matching_is_optimal_where_greedy_matching_is_not() -> None:
    # The middle box overlaps both gold boxes; greedy matching would choose the wrong one and lose a pair.
    gold = boxed((0, 0, 10, 100), (0, 20, 10, 100))
    answer = boxed((0, 15, 10, 100), (0, 65, 10, 100))
    assert compare(answer, [gold], Tolerance(iou=0.3)).why == "2 of 2 boxes match."


def test_empty_gold_requires_an_empty_answer() -> None:
    assert against(EMPTY, EMPTY).correct
    assert against(boxed((0, 0, 5, 5)), EMPTY).why == "There is nothing to label on this image. The answer has 1 box."
    assert against(EMPTY, boxed((0, 0, 5, 5))) == Comparison(False, 0.0, "0 of 1 box matches.")


def test_cannot_tell_is_correct_only_if_accepted() -> None:
    assert against(CANNOT_TELL, CANNOT_TELL).correct
    assert not against(CANNOT_TELL, EMPTY).correct
    assert not against(classed(FOX), CANNOT_TELL).correct


def test_class_and_boxes_must_both_be_correct() -> None:
    def both(number: int, *boxes: tuple[float, float, float, float]) -> Answer:
        return Answer(verdict="labels", image=ImageLabel(number), objects=boxed(*boxes).objects)

    result = against(both(FOX, (0, 0, 5, 5)), both(RACCOON, (0, 0, 5, 5)))
    assert result == Comparison(False, 0.5, "The class is incorrect. 1 of 1 box matches.")
    assert against(both(FOX), both(FOX)).why == "The class is correct."


@given(BOXES)
def test_every_answer_agrees_with_itself(boxes: list[tuple[int, int, int, int, int]]) -> None:
    result = against(boxed(*boxes), boxed(*boxes))
    assert (result.correct, result.score) == (True, 1.0)


@given(BOXES, BOXES, st.randoms(use_true_random=False))
def test_order_and_ids_of_boxes_change_nothing(
    answer_boxes: list[tuple[int, int, int, int, int]],
    gold_boxes: list[tuple[int, int, int, int, int]],
    rng: random.Random,
) -> None:
    objects = [
        LabelObject(id=f"z{rng.random()}", class_number=box[4], tool="box", geom=Box(*box[:4]))
        for box in rng.sample(answer_boxes, len(answer_boxes))
    ]
    renamed = Answer(verdict="labels" if objects else "empty", objects=tuple(objects))
    assert against(renamed, boxed(*gold_boxes)) == against(boxed(*answer_boxes), boxed(*gold_boxes))


@given(BOXES, BOXES)
def test_the_score_is_between_0_and_1_and_1_only_if_correct(
    answer_boxes: list[tuple[int, int, int, int, int]], gold_boxes: list[tuple[int, int, int, int, int]]
) -> None:
    result = against(boxed(*answer_boxes), boxed(*gold_boxes))
    assert 0 <= result.score <= 1
    assert result.correct == (result.score == 1)
