"""Objects of several workers are clustered by any similarity, at most one per worker."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from annotary_core.aggregation.objects.matching import cluster, similar_pairs
from annotary_core.labels.shapes.area_similarity import AreaSimilarity, valid_areas
from annotary_core.labels.shapes.base import Similarity
from annotary_core.labels.shapes.box import BoxSimilarity, aligned_iou
from annotary_core.labels.shapes.keypoints import COCO_SIGMAS, KeypointSimilarity
from annotary_core.labels.shapes.point import PointSimilarity
from annotary_core.labels.shapes.polyline import PolylineSimilarity
from annotary_core.labels.shapes.rotated_box import RotatedBoxes

FIRST, SECOND = np.array([0]), np.array([1])


def similarity_of(similarity: Similarity) -> float:
    """Return the similarity of the first two objects, and check that it is symmetric."""
    value = float(similarity.of(FIRST, SECOND)[0])
    assert value == pytest.approx(float(similarity.of(SECOND, FIRST)[0]))
    return value


def groups(similarity: Similarity, worker: ArrayLike, *, threshold: float) -> list[list[int]]:
    workers = np.asarray(worker, np.int64)
    order = np.arange(len(workers))
    return sorted(
        sorted(rows.tolist())
        for rows in cluster(similarity, np.zeros(len(workers), np.int64), workers, order, threshold=threshold)
    )


def boxes(rows: ArrayLike) -> BoxSimilarity:
    return BoxSimilarity(np.asarray(rows, np.float64))


def test_rotated_boxes_have_their_exact_iou() -> None:
    upright, turned = [5, 5, 10, 10, 0], [5, 5, 10, 10, np.pi / 4]
    assert similarity_of(RotatedBoxes(np.array([upright, upright])).similarity()) == pytest.approx(1)
    octagon = 200 * (np.sqrt(2) - 1)
    assert similarity_of(RotatedBoxes(np.array([upright, turned])).similarity()) == pytest.approx(
        octagon / (200 - octagon)
    )


def test_a_quarter_turn_with_swapped_sides_is_the_same_rectangle() -> None:
    pair = np.array([[5, 5, 10, 4, 0.3], [5, 5, 4, 10, 0.3 + np.pi / 2]])
    assert similarity_of(RotatedBoxes(pair).similarity()) == pytest.approx(1)


def test_polygons_keep_their_holes_and_are_made_valid() -> None:
    whole = shapely.box(0, 0, 10, 10)
    ring = shapely.difference(whole, shapely.box(2, 2, 8, 8))
    assert similarity_of(AreaSimilarity(valid_areas(np.array([whole, ring])))) == pytest.approx(0.64)
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert similarity_of(AreaSimilarity(valid_areas(np.array([whole, bow])))) == pytest.approx(0.5)


def test_point_similarity_decreases_with_distance() -> None:
    assert similarity_of(PointSimilarity(np.array([[0, 0], [3.0, 4.0]]), scale=5)) == pytest.approx(np.exp(-0.5))
    assert similarity_of(PointSimilarity(np.array([[0, 0], [100.0, 0]]), scale=5)) == 0


def test_polyline_similarity_ignores_direction_and_vertices() -> None:
    line = np.array([[0, 0], [100.0, 0]])
    reversed_line = np.array([[100, 0], [70, 0], [10, 0], [0.0, 0]])
    shifted = line + np.array([0, 10])
    assert similarity_of(PolylineSimilarity.from_lines([line, reversed_line])) == pytest.approx(1)
    assert similarity_of(PolylineSimilarity.from_lines([line, shifted], share=0.1)) == pytest.approx(np.exp(-0.5))
    assert similarity_of(PolylineSimilarity.from_lines([line, shifted], scale=5)) == pytest.approx(np.exp(-2))


def test_half_of_a_polyline_is_dissimilar() -> None:
    line, half = np.array([[0, 0], [100.0, 0]]), np.array([[0, 0], [50.0, 0]])
    assert similarity_of(PolylineSimilarity.from_lines([line, half])) < 0.05


def test_keypoint_similarity_follows_coco() -> None:
    sigmas = np.array([0.05, 0.1])
    xy = np.array([[[0, 0], [50, 50]], [[5, 0], [50, 50]]], np.float64)
    both = np.ones((2, 2), np.bool_)
    made = KeypointSimilarity.from_joints(xy, both, sigmas=sigmas, area=np.full(2, 2500.0))
    assert similarity_of(made) == pytest.approx((np.exp(-25 / (2 * 2500 * 0.1**2)) + 1) / 2)
    one = np.array([[True, True], [False, True]])
    assert similarity_of(KeypointSimilarity.from_joints(xy, one, sigmas=sigmas, area=np.full(2, 2500.0))) == 1
    none = np.array([[True, False], [False, True]])
    assert similarity_of(KeypointSimilarity.from_joints(xy, none, sigmas=sigmas)) == 0
    assert len(COCO_SIGMAS) == 17


def test_a_scale_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        PointSimilarity(np.zeros((1, 2)), scale=0)
    with pytest.raises(ValueError, match="at least one point"):
        PolylineSimilarity.from_lines([np.empty((0, 2))])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_neighbor_search_finds_every_similar_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, joints = 12, 3
    xy = rng.uniform(0, 200, (n, joints, 2))
    placed = rng.random((n, joints)) < 0.7
    similarities: list[Similarity] = [
        PointSimilarity(xy[:, 0], scale=20),
        PolylineSimilarity.from_lines(list(xy)),
        KeypointSimilarity.from_joints(xy, placed, sigmas=np.full(joints, 0.1)),
        RotatedBoxes(np.concatenate([xy[:, 0], rng.uniform(10, 90, (n, 3))], axis=1)).similarity(),
    ]
    task, order = np.arange(n) % 2, np.argsort(np.arange(n) % 2, kind="stable")
    for similarity in similarities:
        pairs = similar_pairs(similarity, task, np.arange(n), order)
        first, second = np.triu_indices(n, 1)
        same = task[order[first]] == task[order[second]]
        value = np.where(same, similarity.of(order[first], order[second]), 0.0)
        assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == set(
            zip(first[value > 0].tolist(), second[value > 0].tolist(), strict=True)
        )


def test_the_most_similar_pair_merges_first() -> None:
    similarity = boxes([[0, 0, 10, 10], [1, 0, 11, 10], [3, 0, 13, 10]])
    assert groups(similarity, [1, 2, 2], threshold=0.3) == [[0, 1], [2]]


def test_boxes_merge_by_average_linkage() -> None:
    similarity = boxes(np.array([[0, 0, 10, 10], [4, 0, 14, 10], [5.5, 0, 15.5, 10]]))
    overlap = aligned_iou(similarity.box[[0, 0]], similarity.box[[1, 2]])
    assert overlap[1] < 0.3 < overlap[0]
    assert groups(similarity, [1, 2, 3], threshold=0.3) == [[0, 1, 2]]


def test_point_polyline_and_keypoint_clusters_hold_one_object_per_worker() -> None:
    xy = np.array([[0, 0], [1, 0], [2, 0], [50, 50.0]])
    worker = [1, 2, 1, 2]
    assert groups(PointSimilarity(xy, scale=3), worker, threshold=0.5) == [[0, 1], [2], [3]]
    lines = [np.array([[0, at], [60.0, at]]) for at in (0, 1, 2, 50)]
    assert groups(PolylineSimilarity.from_lines(lines), worker, threshold=0.5) == [[0, 1], [2], [3]]
    joints = np.stack([xy, xy + 30], axis=1)
    skeletons = KeypointSimilarity.from_joints(joints, np.ones((4, 2), np.bool_), sigmas=np.full(2, 0.05))
    assert groups(skeletons, worker, threshold=0.5) == [[0, 1], [2], [3]]


def test_no_objects_give_no_clusters() -> None:
    assert groups(boxes(np.empty((0, 4))), [], threshold=0.3) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_clusters_do_not_depend_on_row_order(seed: int, shuffler: random.Random) -> None:
    rng = np.random.default_rng(seed)
    corner, worker = rng.uniform(0, 30, (14, 2)), rng.integers(0, 4, 14)
    box = np.concatenate([corner, corner + rng.uniform(5, 20, (14, 2))], axis=1)
    order = np.lexsort(box.T)
    task = np.zeros(14, np.int64)
    plain = {tuple(rows) for rows in cluster(BoxSimilarity(box), task, worker, order, threshold=0.3)}
    shuffled = np.array(shuffler.sample(range(14), 14))
    again = cluster(BoxSimilarity(box[shuffled]), task, worker[shuffled], np.lexsort(box[shuffled].T), threshold=0.3)
    assert {tuple(shuffled[rows]) for rows in again} == plain


def test_a_hundred_thousand_boxes_take_seconds() -> None:
    rng = np.random.default_rng(0)
    tasks, objects, workers = 4000, 5, 5
    center = rng.uniform(0, 2000, (tasks, objects, 1, 2)) + rng.normal(0, 6, (tasks, objects, workers, 2))
    half = rng.uniform(25, 100, (tasks, objects, 1, 2)) * rng.uniform(0.9, 1.1, (tasks, objects, workers, 2))
    box = np.concatenate([center - half, center + half], axis=3).reshape(-1, 4)
    task = np.repeat(np.arange(tasks), objects * workers)
    worker = np.tile(np.arange(workers), tasks * objects)
    start = time.process_time()
    clusters = cluster(BoxSimilarity(box), task, worker, np.lexsort((*box.T, task)), threshold=0.3)
    assert time.process_time() - start < 10
    assert len(clusters) == pytest.approx(tasks * objects, rel=0.02)


def test_areas_that_differ_by_rounding_errors_are_identical() -> None:
    turned = np.array([[50, 40, 76.4375, 20, 1.78125]])
    perturbed = turned - np.array([[0, 0, 2.84217094e-14, 3.55271368e-15, 0]])
    pair = RotatedBoxes(np.concatenate([perturbed, turned])).similarity()
    assert pair.of(np.array([0, 1]), np.array([1, 0])) == pytest.approx([1, 1])
