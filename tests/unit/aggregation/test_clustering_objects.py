"""All geometry types go through the same pipeline as boxes, from workers' objects to consensus objects."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fusing import Members, fuse, medoids
from annotary_core.labels.shapes.base import Column
from annotary_core.labels.shapes.box import Boxes
from annotary_core.labels.shapes.keypoints import Keypoints
from annotary_core.labels.shapes.mask import Masks, Window
from annotary_core.labels.shapes.objects import ObjectColumn
from annotary_core.labels.shapes.point import Points
from annotary_core.labels.shapes.polygon import Polygons
from annotary_core.labels.shapes.polyline import Polylines
from annotary_core.labels.shapes.rotated_box import RotatedBoxes

#: Two objects; the first drawn by three workers, the second only by the third.
WORKER, LABEL = np.array([1, 2, 3, 3]), np.array([5, 5, 6, 6])
POSITION = np.array([[10, 10], [11, 10], [10, 11], [90, 90.0]])
SIGMAS = np.array([0.1, 0.1])


def geometries() -> dict[str, Column]:
    corner = np.concatenate([POSITION, POSITION + 20], axis=1)
    joints = np.stack([POSITION, POSITION + 20], axis=1)
    return {
        "boxes": Boxes(corner),
        "rotated": RotatedBoxes(np.column_stack([POSITION, np.full(4, 30.0), np.full(4, 20.0), np.full(4, 0.3)])),
        "points": Points(POSITION, scale=3),
        "lines": Polylines.of(list(joints)),
        "keypoints": Keypoints(joints, np.full((4, 2), 2), SIGMAS),
        "masks": Masks(tuple(Window(int(x), int(y), np.ones((20, 20), np.bool_)) for x, y in POSITION)),
        "polygons": Polygons.of([((np.array([[0, 0], [20, 0], [20, 20], [0, 20.0]]) + at,),) for at in POSITION]),
        "objects": ObjectColumn.of(
            [("box", {"x": x, "y": y, "w": 20.0, "h": 20.0}) for x, y in POSITION[:3].tolist()]
            + [("polygon", {"parts": [[[[90, 90], [110, 90], [110, 110], [90, 110]]]]})]
        ),
    }


def run(geometry: Column, **more: object) -> ObjectConsensus[Column]:
    none = np.empty(0, np.int64)
    rates = DetectionRates()
    return ObjectClustering(rates=rates).fit_predict(
        ObjectAnswers(np.zeros(4, np.int64), WORKER, LABEL, geometry, none, none),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", sorted(geometries()))
def test_every_geometry_type_is_clustered_fused_classified_and_scored(kind: str) -> None:
    result = run(geometries()[kind])
    many, one = (int(np.flatnonzero(result.votes == votes)[0]) for votes in (3, 1))
    assert (sorted(result.members[many]), result.members[one]) == ([0, 1, 2], (3,))
    assert result.existence[many] > 0.99 > result.existence[one] > 0.5
    assert (result.classes.label[many], result.classes.label[one]) == (5, 6)
    assert result.votes[many] == 3 and result.seen.tolist() == [3, 3]
    assert 0.8 < result.agreement[many] < 1 and result.agreement[one] == pytest.approx(1)
    fused_box = result.geometry.boxes()[many]
    assert np.abs(fused_box - geometries()[kind].boxes()[:3].mean(axis=0)).max() < 1


@pytest.mark.parametrize("kind", sorted(geometries()))
def test_every_geometry_type_is_matched_with_gold(kind: str) -> None:
    geometry = geometries()[kind]
    result = run(geometry, gold={0: geometry.take(np.array([1]))})
    assert sorted(zip(result.votes.tolist(), result.existence.tolist(), strict=True)) == [(1, 0.0), (3, 1.0)]


@pytest.mark.parametrize("kind", sorted(geometries()))
def test_no_geometries_give_no_objects(kind: str) -> None:
    none = np.empty(0, np.int64)
    answers = ObjectAnswers(none, none, none, geometries()[kind].take(none), np.array([0]), np.array([1]))
    assert ObjectClustering().fit_predict(answers).members == ()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(geometries())), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_row_order(kind: str, rng: random.Random) -> None:
    geometry, none, shuffled = geometries()[kind], np.empty(0, np.int64), np.array(rng.sample(range(4), 4))
    task = np.zeros(4, np.int64)
    original = ObjectClustering().fit_predict(ObjectAnswers(task, WORKER, LABEL, geometry, none, none))
    reordered = ObjectClustering().fit_predict(
        ObjectAnswers(task, WORKER[shuffled], LABEL[shuffled], geometry.take(shuffled), none, none)
    )
    assert original.geometry.sort_keys().tolist() == reordered.geometry.sort_keys().tolist()
    assert original.existence.tolist() == reordered.existence.tolist()
    assert original.rates.to_json() == reordered.rates.to_json()


def test_inconsistent_columns_are_rejected() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="same length"):
        ObjectAnswers(none, none, none, Points(POSITION, scale=3), none, none)
    with pytest.raises(ValueError, match="one entry per object"):
        ObjectAnswers(
            np.zeros(4, np.int64), WORKER, LABEL, Points(POSITION, scale=3), none, none, crowd=np.ones(1, bool)
        )


def test_disjoint_masks_fuse_to_the_medoid() -> None:
    bars = [Window(at, 0, np.ones((4, 10), np.bool_)) for at in (0, 5, 9)]
    rows, worker = np.zeros(3, np.int64), np.array([1, 2, 3])
    fused = fuse(Masks(tuple(bars)), Members(rows, worker, DetectionRates(), np.ones(3)))
    assert fused.masks[0].area > 0
    assert medoids(Masks(tuple(bars)), rows).tolist() == [1]


@pytest.mark.parametrize("bad", [[5, 5, 0, 2, 0.3], [5, 5, 2, -1, 0.3], [5, 5, 2, 2, np.nan]])
def test_rotated_boxes_without_area_are_rejected(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="a width and a height above 0"):
        RotatedBoxes(np.array([bad], np.float64))
