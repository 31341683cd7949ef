"""The consensus geometry of an object follows its members, weighted by the precision of their workers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import (
    box_spreads,
    canonical_rotated,
    fuse_boxes,
    fuse_rotated_boxes,
    rates_from_spreads,
    rotated_spreads,
)
from annotary_core.aggregation.objects.fuse_points import fuse_keypoints, fuse_polylines, geometric_medians
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.polyline import resample
from annotary_core.labels.shapes.rotated_box import RotatedBoxes

UNKNOWN = DetectionRates()
ONE = np.zeros(3, np.int64)
THREE = np.array([1, 2, 3])


def noisy_boxes(spread: FloatArray, *, objects: int = 400) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Return truth, box, index and worker: true boxes, each drawn by every worker with noise in shares of its size."""
    rng = np.random.default_rng(3)
    workers = len(spread)
    center, size = rng.uniform(100, 900, (objects, 1, 2)), rng.uniform(20, 200, (objects, 1, 2))
    noise = rng.normal(0, 1, (2, objects, workers, 2)) * spread[:, None]
    center_and_size = np.concatenate([center + noise[0] * size, size * np.exp(noise[1])], axis=2)
    box = np.concatenate(
        [
            center_and_size[:, :, :2] - center_and_size[:, :, 2:] / 2,
            center_and_size[:, :, :2] + center_and_size[:, :, 2:] / 2,
        ],
        axis=2,
    )
    truth = np.concatenate([center - size / 2, center + size / 2], axis=2)[:, 0]
    return truth, box.reshape(-1, 4), np.repeat(np.arange(objects), workers), np.tile(np.arange(workers), objects)


def test_spreads_are_estimated_without_gold() -> None:
    spread = np.array([0.02, 0.05, 0.05, 0.15])
    _, box, index, worker = noisy_boxes(spread)
    estimated = box_spreads(box, index, worker, pooled=0.08)
    # Down-weighted tails make spreads look smaller; the prior limits the best worker.
    assert estimated.spread[1:].tolist() == pytest.approx((spread[1:] * 0.8).tolist(), rel=0.2)
    assert 0.02 < estimated.spread[0] < 0.035
    assert estimated.drawings.tolist() == [400] * 4


def test_precise_workers_have_more_weight() -> None:
    truth, box, index, worker = noisy_boxes(np.array([0.02, 0.1, 0.1]))
    estimated = rates_from_spreads(box_spreads(box, index, worker, pooled=0.08))
    size = np.tile(truth[:, 2:] - truth[:, :2], 2)

    def error(rates: DetectionRates) -> float:
        return float(np.abs((fuse_boxes(box, index, worker, rates) - truth) / size).mean())

    assert error(estimated) < 0.7 * error(UNKNOWN)


def test_a_single_box_is_its_own_consensus() -> None:
    box = np.array([[1.25, 2.5, 10.75, 20.0]])
    assert fuse_boxes(box, ONE[:1], THREE[:1], UNKNOWN).tolist() == box.tolist()
    assert fuse_boxes(np.empty((0, 4)), ONE[:0], THREE[:0], UNKNOWN).shape == (0, 4)


def test_one_outlier_barely_moves_the_consensus_of_unknown_workers() -> None:
    box = np.array([[0, 0, 100, 100], [1, 0, 101, 100], [30, 20, 150, 160.0]])
    fused = fuse_boxes(box, ONE, THREE, UNKNOWN)[0]
    assert np.abs(fused - [0.5, 0, 100.5, 100]).max() < 4


def test_untrusted_workers_do_not_move_a_box_unless_all_are_untrusted() -> None:
    box = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [2, 2, 14, 14.0]])
    assert fuse_boxes(box, ONE, THREE, UNKNOWN, trust=np.array([1, 1, 0.0])).tolist() == [[0, 0, 10, 10]]
    alone = fuse_boxes(box[2:], ONE[:1], THREE[2:], UNKNOWN, trust=np.zeros(1))
    assert alone.tolist() == [[2, 2, 14, 14]]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(5, 80), st.floats(0, np.pi), st.booleans(), st.integers(-2, 2)), min_size=1, max_size=5
    )
)
def test_equivalent_forms_of_a_rectangle_fuse_into_that_rectangle(names: list[tuple[float, float, bool, int]]) -> None:
    width, angle = names[0][:2]
    rows = np.array(
        [
            [50, 40, 20, width, angle + np.pi / 2 + turns * np.pi]
            if swap
            else [50, 40, width, 20, angle + turns * np.pi]
            for _, _, swap, turns in names
        ]
    )
    fused = fuse_rotated_boxes(rows, np.zeros(len(rows), np.int64), np.arange(len(rows)), UNKNOWN)
    pair = RotatedBoxes(np.concatenate([fused, rows[:1]])).similarity()
    assert pair.of(np.array([0]), np.array([1]))[0] == pytest.approx(1, abs=1e-6)
    assert fused[0, 2] >= fused[0, 3] and 0 <= fused[0, 4] < np.pi


def test_angles_average_across_the_half_turn() -> None:
    rows = np.array([[0, 0, 40, 10, 0.1], [0, 0, 40, 10, np.pi - 0.1]])
    angle = fuse_rotated_boxes(rows, np.zeros(2, np.int64), np.arange(2), UNKNOWN)[0, 4]
    assert min(angle, np.pi - angle) == pytest.approx(0, abs=1e-9)


def test_an_elongated_box_does_not_swap_its_sides_for_a_smaller_angle() -> None:
    rows = np.array([[0, 0, 100, 20, 0.0], [0, 0, 100, 20, 0.0], [0, 0, 100, 20, np.radians(50)]])
    fused = fuse_rotated_boxes(rows, ONE, THREE, UNKNOWN)[0]
    assert fused[2:4].tolist() == pytest.approx([100, 20])
    assert fused[4] < np.radians(17)


def test_canonical_rectangles_are_unique() -> None:
    rows = np.array([[0, 0, 4, 9, -1e-18], [0, 0, 9, 4, np.pi / 2], [0, 0, 5, 5, np.pi / 2]])
    assert canonical_rotated(rows)[:, 2:].tolist() == [
        [9, 4, pytest.approx(np.pi / 2)],
        [9, 4, pytest.approx(np.pi / 2)],
        [5, 5, 0],
    ]


def test_spreads_of_rotated_boxes_are_estimated() -> None:
    rng = np.random.default_rng(1)
    index, worker = np.repeat(np.arange(200), 3), np.tile(np.arange(3), 200)
    noise = rng.normal(0, 1, (600, 5)) * np.array([0.02, 0.02, 0.1])[worker][:, None]
    rows = np.array([50, 50, np.log(60), np.log(20), 0.5]) + noise * np.array([35, 35, 1, 1, 1])
    rows[:, 2:4] = np.exp(rows[:, 2:4])
    spread = rotated_spreads(rows, index, worker, pooled=0.08).spread
    assert spread[2] > 2 * spread[:2].max()


def test_the_geometric_median_is_known_in_simple_cases() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])
    assert geometric_medians(square, np.zeros(4, np.int64))[0].tolist() == pytest.approx([5, 5])
    line = np.array([[0, 0], [1, 0], [50, 0.0]])
    assert geometric_medians(line, ONE)[0].tolist() == pytest.approx([1, 0])
    # The Fermat point of an equilateral triangle is its middle; a corner of more than 120 degrees is its own.
    side = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    assert geometric_medians(side, ONE)[0].tolist() == pytest.approx([0.5, np.sqrt(3) / 6], abs=1e-6)
    flat = np.array([[-10, 0], [0, 1], [10, 0.0]])
    assert geometric_medians(flat, ONE)[0].tolist() == [0, 1]


def test_half_of_the_weight_holds_the_geometric_median() -> None:
    xy = np.array([[0, 0], [9, 0], [0, 9.0]])
    assert geometric_medians(xy, ONE, np.array([3, 1, 1.0]))[0].tolist() == [0, 0]
    assert geometric_medians(np.array([[0, 0], [0, 0], [500, 500.0]]), ONE)[0].tolist() == [0, 0]
    assert geometric_medians(np.empty((0, 2)), ONE[:0]).shape == (0, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_geometric_median_is_a_local_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = np.sort(np.concatenate([np.arange(3), rng.integers(0, 3, 10)]))
    xy, weight = rng.integers(0, 8, (13, 2)).astype(np.float64), rng.uniform(0.5, 2, 13)
    medians = geometric_medians(xy, index, weight)

    def cost(at: FloatArray) -> FloatArray:
        return np.bincount(index, weight * np.linalg.norm(xy - at[index], axis=1)).astype(np.float64)

    for step in (0.01, 0.3):
        for turn in np.arange(0, 6, 0.5):
            nearby = medians + step * np.array([np.cos(turn), np.sin(turn)])
            assert (cost(medians) <= cost(nearby) + 1e-4).all()


def test_joints_fuse_by_geometric_median_and_majority_visibility() -> None:
    xy = np.array([[[10, 10], [50, 50], [7, 7]], [[12, 10], [50, 52], [0, 0]], [[10, 10], [0, 0], [0, 0]]], np.float64)
    visible = np.array([[2, 2, 1], [2, 1, 0], [2, 0, 0]])
    fused = fuse_keypoints(xy, visible, ONE, THREE, weight=np.array([1, 1.5, 1]))
    assert fused.visible.tolist() == [[2, 1, 0]]
    assert fused.xy[0, 0].tolist() == pytest.approx([10, 10])
    assert fused.xy[0, 1].tolist() == pytest.approx([50, 52])
    assert fused.xy[0, 2].tolist() == [0, 0]
    assert fused.visibility.posteriors.of(0) == {2: 1.0}


def test_keypoints_of_different_objects_stay_separate() -> None:
    xy = np.array([[[0, 0]], [[2, 0]], [[100, 100]]], np.float64)
    fused = fuse_keypoints(xy, np.full((3, 1), 2), np.array([0, 0, 1]), np.array([1, 2, 1]))
    assert fused.xy[:, 0].tolist() == [[1, 0], [100, 100]]


def test_polylines_fuse_regardless_of_direction() -> None:
    lines = [
        np.array(line, np.float64) for line in ([[0, 0], [100, 0]], [[100, 2], [0, 2]], [[0, 1], [40, 1], [100, 1]])
    ]
    fused = fuse_polylines(np.array([resample(line) for line in lines]), ONE)[0]
    assert fused[:, 1].tolist() == pytest.approx([1] * len(fused))
    assert sorted(fused[[0, -1], 0].tolist()) == pytest.approx([0, 100])
    assert np.ptp(np.linalg.norm(np.diff(fused, axis=0), axis=1)) < 1e-6


def test_the_smallest_boxes_still_have_an_area() -> None:
    fused = fuse_boxes(np.tile([0.0, 0.0, 1e-7, 1e-7], (3, 1)), ONE, THREE, UNKNOWN)[0]
    assert fused[2] > fused[0] and fused[3] > fused[1]


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 40)] * 2), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_consensus_box_does_not_extend_beyond_its_members(rows: list[tuple[int, int, int, int]]) -> None:
    box = np.array([[x, y, x + w, y + h] for x, y, w, h in rows], np.float64)
    fused = fuse_boxes(box, np.zeros(len(box), np.int64), np.arange(len(box)), UNKNOWN)[0]
    assert (fused >= box.min(axis=0)).all() and (fused <= box.max(axis=0)).all()
