"""Points, lines, keypoints and rotated boxes go the way that boxes go, from drawings to agreed objects."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.objects.area_kinds import Masks, MaskSimilarity, Polygons, _most_alike
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.geometry_types import Boxes, Keypoints, Kind, Lines, Points, RotatedBoxes
from annotary_core.aggregation.objects.similarity import resampled_all
from annotary_core.labels.shapes.mask import Window

#: Two objects; the first drawn by three workers, the second by the third alone.
WORKER, LABEL = np.array([1, 2, 3, 3]), np.array([5, 5, 6, 6])
PLACE = np.array([[10, 10], [11, 10], [10, 11], [90, 90.0]])
SIGMAS = np.array([0.1, 0.1])


def drawn_by_all() -> dict[str, Kind]:
    corner = np.concatenate([PLACE, PLACE + 20], axis=1)
    joints = np.stack([PLACE, PLACE + 20], axis=1)
    return {
        "boxes": Boxes(corner),
        "rotated": RotatedBoxes(np.column_stack([PLACE, np.full(4, 30.0), np.full(4, 20.0), np.full(4, 0.3)])),
        "points": Points(PLACE, scale=3),
        "lines": Lines(resampled_all(list(joints))),
        "keypoints": Keypoints(joints, np.full((4, 2), 2), SIGMAS),
        "masks": Masks(tuple(Window(int(x), int(y), np.ones((20, 20), np.bool_)) for x, y in PLACE)),
        "polygons": Polygons(tuple(((np.array([[0, 0], [20, 0], [20, 20], [0, 20.0]]) + at,),) for at in PLACE)),
    }


def agree(drawn: Kind, **more: object) -> ObjectConsensus[Kind]:
    none = np.empty(0, np.int64)
    rates = DetectionRates()
    return ObjectClustering(rates=rates).fit_predict(
        ObjectAnswers(np.zeros(4, np.int64), WORKER, LABEL, drawn, none, none),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", sorted(drawn_by_all()))
def test_every_kind_is_matched_placed_named_and_doubted(kind: str) -> None:
    result = agree(drawn_by_all()[kind])
    many, one = (int(np.flatnonzero(result.votes == votes)[0]) for votes in (3, 1))
    assert (sorted(result.members[many]), result.members[one]) == ([0, 1, 2], (3,))
    assert result.existence[many] > 0.99 > result.existence[one] > 0.5
    assert (result.classes.label[many], result.classes.label[one]) == (5, 6)
    assert result.votes[many] == 3 and result.seen.tolist() == [3, 3]
    assert 0.8 < result.agreement[many] < 1 and result.agreement[one] == pytest.approx(1)
    middle = result.agreed.boxes()[many]
    assert np.abs(middle - drawn_by_all()[kind].boxes()[:3].mean(axis=0)).max() < 1


@pytest.mark.parametrize("kind", sorted(drawn_by_all()))
def test_every_kind_is_compared_with_gold(kind: str) -> None:
    drawn = drawn_by_all()[kind]
    result = agree(drawn, gold={0: drawn.taken(np.array([1]))})
    assert sorted(zip(result.votes.tolist(), result.existence.tolist(), strict=True)) == [(1, 0.0), (3, 1.0)]


@pytest.mark.parametrize("kind", sorted(drawn_by_all()))
def test_no_drawings_give_no_objects(kind: str) -> None:
    none = np.empty(0, np.int64)
    answers = ObjectAnswers(none, none, none, drawn_by_all()[kind].taken(none), np.array([0]), np.array([1]))
    assert ObjectClustering().fit_predict(answers).members == ()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(drawn_by_all())), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_not_even_a_bit(kind: str, dice: random.Random) -> None:
    drawn, none, mixed = drawn_by_all()[kind], np.empty(0, np.int64), np.array(dice.sample(range(4), 4))
    task = np.zeros(4, np.int64)
    one = ObjectClustering().fit_predict(ObjectAnswers(task, WORKER, LABEL, drawn, none, none))
    other = ObjectClustering().fit_predict(
        ObjectAnswers(task, WORKER[mixed], LABEL[mixed], drawn.taken(mixed), none, none)
    )
    assert one.agreed.keys().tolist() == other.agreed.keys().tolist()
    assert one.existence.tolist() == other.existence.tolist()
    assert one.rates.to_json() == other.rates.to_json()


def test_columns_that_do_not_fit_are_refused() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="same length"):
        ObjectAnswers(none, none, none, Points(PLACE, scale=3), none, none)
    with pytest.raises(ValueError, match="one entry a drawing"):
        ObjectAnswers(np.zeros(4, np.int64), WORKER, LABEL, Points(PLACE, scale=3), none, none, crowd=np.ones(1, bool))


def test_areas_without_a_common_pixel_are_agreed_to_be_the_one_most_like_the_others() -> None:
    bars = [Window(at, 0, np.ones((4, 10), np.bool_)) for at in (0, 5, 9)]
    rows, worker = np.zeros(3, np.int64), np.array([1, 2, 3])
    agreed = Masks(tuple(bars)).agreed(rows, worker, DetectionRates(), np.ones(3))
    assert agreed.masks[0].area > 0
    assert _most_alike(MaskSimilarity(tuple(bars)), np.arange(3)) == 1


@pytest.mark.parametrize("bad", [[5, 5, 0, 2, 0.3], [5, 5, 2, -1, 0.3], [5, 5, 2, 2, np.nan]])
def test_rotated_boxes_without_an_area_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="a width and a height above 0"):
        RotatedBoxes(np.array([bad], np.float64))
