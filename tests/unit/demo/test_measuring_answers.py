"""Precision, recall, F1, IoU and agreement against known answers."""

from decimal import Decimal

import pytest

from annotary.demo.scoring import Score, agreement, score, total
from annotary.demo.summary import format_amount
from annotary_core.labels.shapes import SHAPES
from tests.unit.demo.makers import boxes, drawn, of_class

CUP = (1, 10.0, 10.0, 100.0, 100.0)
BOAT = (2, 200.0, 100.0, 50.0, 50.0)


def test_an_exact_answer_has_no_errors() -> None:
    result = score(boxes(CUP, BOAT), boxes(BOAT, CUP))
    assert (result.hit, result.false, result.missed, result.exact) == (2, 0, 0, 1)
    assert (result.precision, result.recall, result.f1, result.mean_similarity) == (1, 1, 1, 1)


def test_a_box_of_another_class_is_false_and_its_object_missed() -> None:
    result = score(boxes((2, *CUP[1:])), boxes(CUP))
    assert (result.hit, result.false, result.missed, result.exact) == (0, 1, 1, 0)


def test_two_boxes_on_one_object_are_one_hit_and_one_false() -> None:
    result = score(boxes(CUP, (1, 12, 10, 100, 100)), boxes(CUP))
    assert (result.hit, result.false, result.missed) == (1, 1, 0)
    assert result.mean_similarity == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_of_every_shape_are_compared_by_their_similarity(shape: str) -> None:
    near, far, other = (1, 12.0, 10.0, 100.0, 100.0), (1, 150.0, 10.0, 100.0, 100.0), (2, 10.0, 10.0, 100.0, 100.0)
    result = score(drawn(shape, near, far, other), drawn(shape, CUP))
    assert (result.hit, result.false, result.missed) == (1, 2, 0)
    assert 0.9 < (result.mean_similarity or 0) < 1


def test_objects_of_different_shapes_never_match() -> None:
    box, polygon = boxes(CUP), drawn("polygon", CUP)
    assert score(polygon, polygon).exact == 1
    assert (score(box, polygon).hit, score(box, polygon).missed) == (0, 1)


def test_as_many_objects_as_possible_are_matched() -> None:
    # The first box is nearer to both cups: matched greedily, it would leave the second box without a partner.
    cups = boxes((1, 0, 0, 100, 100), (1, 30, 0, 100, 100))
    result = score(boxes((1, 25, 0, 100, 100), (1, 62, 0, 100, 100)), cups)
    assert (result.hit, result.false, result.missed) == (2, 0, 0)


def test_overlap_of_a_third_is_no_hit() -> None:
    result = score(boxes((1, 60, 10, 100, 100)), boxes(CUP))
    assert (result.hit, result.false, result.missed) == (0, 1, 1)


def test_cannot_tell_misses_everything() -> None:
    assert score(of_class(None), of_class(2)) == Score(images=1, class_asked=1)
    assert score(of_class(None), boxes(CUP)).missed == 1


def test_a_correct_empty_answer_is_exact_and_has_no_ratios() -> None:
    result = score(boxes(), boxes())
    assert result.exact == 1
    assert (result.precision, result.recall, result.f1) == (None, None, None)


def test_sums_over_images() -> None:
    result = total([score(of_class(1), of_class(1)), score(of_class(2), of_class(1))])
    assert result.accuracy == 0.5
    assert result.headline == 0.5
    both = total([score(boxes(CUP), boxes(CUP, BOAT)), score(boxes(CUP, BOAT), boxes(BOAT))])
    assert both.precision == pytest.approx(2 / 3)
    assert both.recall == pytest.approx(2 / 3)
    assert both.to_json()["f1"] == 0.6667


def test_agreement_is_the_mean_over_pairs() -> None:
    assert agreement([[of_class(1), of_class(1), of_class(2)]]) == pytest.approx(1 / 3)
    assert agreement([[boxes(CUP), boxes(CUP, BOAT)]]) == pytest.approx(2 / 3)
    assert agreement([[boxes(), boxes()]]) == 1
    assert agreement([[boxes(CUP)]]) is None


@pytest.mark.parametrize(("amount", "words"), [("16.320000", "16.32"), ("0.025000", "0.025"), ("3", "3.00")])
def test_money_has_two_decimals_or_more_if_they_are_not_zero(amount: str, words: str) -> None:
    assert format_amount(Decimal(amount)) == words
