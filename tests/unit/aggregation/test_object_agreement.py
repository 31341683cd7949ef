"""The agreement of workers on the objects that they drew."""

import math

import numpy as np
import pytest

from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.objects import ObjectSets, object_agreement, set_distance, set_distances
from annotary_core.labels.shapes.box import BoxSimilarity
from annotary_core.labels.shapes.keypoints import KeypointSimilarity


def sets_of(objects: dict[tuple[int, int], list[list[float]]]) -> tuple[ObjectSets, BoxSimilarity]:
    """(unit, worker) -> boxes."""
    rows = [(unit, worker, box) for (unit, worker), boxes in objects.items() for box in boxes]
    sets = ObjectSets.of(
        np.array([unit for unit, _, _ in rows], np.int64),
        np.array([worker for _, worker, _ in rows], np.int64),
        np.array([unit for unit, _ in objects], np.int64),
        np.array([worker for _, worker in objects], np.int64),
    )
    return sets, BoxSimilarity(np.array([box for _, _, box in rows], np.float64).reshape(-1, 4))


def test_the_distance_of_two_sets_of_objects() -> None:
    assert set_distance(np.zeros((0, 0))) == 0
    assert set_distance(np.zeros((0, 3))) == 1
    assert set_distance(np.zeros((2, 2))) == 1
    assert set_distance(np.eye(3)) == 0
    # One match of .5, one unmatched object on each side: costs .5, 1 and 1.
    assert set_distance(np.array([[0.5, 0.0], [0.0, 0.0]])) == pytest.approx(2.5 / 3)
    # Greedy matching would choose .6 and leave the others unmatched.
    assert set_distance(np.array([[0.6, 0.5], [0.5, 0.0]])) == pytest.approx(0.5)


def test_equal_boxes_have_alpha_one_and_pairs_show_who_differs() -> None:
    same = {(u, w): [[10.0 * u, 0, 10 * u + 8, 8]] for u in range(5) for w in (1, 2)}
    sets, similarity = sets_of(same)
    assert object_agreement(sets, similarity).alpha.value == 1
    with_third_worker = {**same, **{(u, 3): [[10.0 * u + 4, 0, 10 * u + 12, 8]] for u in range(5)}}
    result = object_agreement(*sets_of(with_third_worker), bootstrap=Bootstrap(replicates=50))
    # Half of 8 x 8 is shared: IoU 32 / 96.
    assert result.alpha.observed == pytest.approx((0 + 2 / 3 + 2 / 3) / 3)
    assert (result.alpha.low, result.alpha.high) == pytest.approx((result.alpha.value, result.alpha.value))
    pairs = zip(result.first.tolist(), result.second.tolist(), result.distance, strict=True)
    assert {(a, b): d for a, b, d in pairs} == {(1, 2): 0, (1, 3): pytest.approx(2 / 3), (2, 3): pytest.approx(2 / 3)}


def test_alpha_of_boxes_is_one_minus_observed_over_expected() -> None:
    rng = np.random.default_rng(2)
    objects = {}
    for unit in range(6):
        for worker in range(3):
            corner = rng.integers(0, 20, size=(int(rng.integers(0, 4)), 2)).astype(float)
            objects[unit, worker] = np.hstack([corner, corner + 10]).tolist()
    sets, similarity = sets_of(objects)
    n = len(sets.unit)
    i, j = np.triu_indices(n, k=1)
    distance = set_distances(sets, similarity, i, j)
    within = sets.unit[i] == sets.unit[j]
    result = object_agreement(sets, similarity)
    assert result.alpha.observed == pytest.approx(distance[within].mean())
    assert result.alpha.expected == pytest.approx(distance.mean())
    assert result.alpha.value == pytest.approx(1 - distance[within].mean() / distance.mean())
    sampled = object_agreement(sets, similarity, chance_pairs=100)
    assert sampled.alpha.expected == pytest.approx(distance.mean(), abs=0.15)


def test_drawing_nothing_disagrees_with_drawing_an_object() -> None:
    sets, similarity = sets_of({(0, 1): [[0, 0, 5, 5]], (0, 2): [], (1, 1): [], (1, 2): []})
    result = object_agreement(sets, similarity)
    assert result.alpha.observed == pytest.approx(0.5)
    alone, nothing = sets_of({(0, 1): [[0, 0, 5, 5]]})
    assert math.isnan(object_agreement(alone, nothing).alpha.value)


def test_keypoints_are_compared_by_oks() -> None:
    xy = np.array([[[0.0, 0], [10, 10]], [[1, 0], [10, 10]], [[30, 30], [40, 40]], [[30, 30], [40, 40]]])
    points = KeypointSimilarity.from_joints(xy, np.ones((4, 2), np.bool_), sigmas=np.array([0.05, 0.05]))
    task, worker = np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2])
    sets = ObjectSets.of(task, worker, task, worker)
    near = points.of(np.array([0]), np.array([1]))[0]
    assert object_agreement(sets, points).alpha.observed == pytest.approx((1 - near) / 2)


def test_objects_of_one_class_can_be_compared_separately() -> None:
    task, worker = np.array([0, 0, 0]), np.array([1, 1, 2])
    sets = ObjectSets.of(task, worker, np.array([0, 0]), np.array([1, 3]), kept=np.array([True, False, True]))
    assert sets.worker.tolist() == [1, 2, 3]
    assert sets.sizes().tolist() == [1, 1, 0]
    assert sets.rows.tolist() == [0, 2]
