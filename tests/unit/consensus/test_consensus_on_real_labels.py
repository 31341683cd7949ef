"""The methods reach on real crowd labels what was measured when they were written."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.consensus.algorithms.boxes import BoxClustering
from tasks.consensus.algorithms.objects.existence import DetectionRates
from tasks.consensus.algorithms.objects.known import compare_known
from tests.benchmarks.consensus import measure_classes
from tests.benchmarks.consensus_boxes import (
    BOX_SET,
    CROWD,
    box_answers,
    cluster_boxes,
    read_columns,
    score_boxes,
    with_gold,
)

pytestmark = pytest.mark.shared


@pytest.mark.parametrize(("name", "floor"), [("bluebirds", 0.759), ("dog", 0.82), ("d_product", 0.896), ("sp", 0.885)])
def test_majority_reaches_its_accuracy(name: str, floor: float) -> None:
    fraction, drawn, _ = measure_classes(CROWD / name, "majority")
    assert fraction >= floor
    assert drawn == pytest.approx(fraction, abs=0.01)


def test_the_released_boxes_are_the_true_objects() -> None:
    found, _ = cluster_boxes(CROWD / BOX_SET)
    gold = read_columns(CROWD / BOX_SET / "gold.csv")
    for threshold in (0.0, 0.5):
        score = score_boxes(found, gold, threshold=threshold)
        assert score.f1 >= 0.92
        assert score.mean_iou >= 0.78


def test_boxes_of_unknown_workers_are_as_good_as_keeping_all_of_them() -> None:
    alone = BoxClustering(rates=DetectionRates()).fit_predict(box_answers(CROWD / BOX_SET))
    score = score_boxes(alone, read_columns(CROWD / BOX_SET / "gold.csv"), threshold=0.5)
    assert score.f1 >= 0.915
    assert score.mean_iou >= 0.775


def test_the_existence_of_boxes_means_what_it_says() -> None:
    """Without any gold: within 8 points of the share of true boxes, for all and for lone boxes of careful workers."""
    answers, gold = box_answers(CROWD / BOX_SET), read_columns(CROWD / BOX_SET / "gold.csv")
    found, _ = cluster_boxes(CROWD / BOX_SET)
    is_true = compare_known(
        found.task, found.box, {int(task): gold[gold[:, 0] == task, 1:5] for task in np.unique(gold[:, 0])}
    ).truth
    assert abs(found.existence.mean() - is_true.mean()) < 0.08
    lone = found.votes == 1
    worker = answers.worker[[rows[0] for rows in found.members]]
    careless = lone & (worker == 4)
    assert is_true[careless].mean() < 0.5 and found.existence[careless].mean() < 0.5
    assert abs(found.existence[lone & ~careless].mean() - is_true[lone & ~careless].mean()) < 0.08


def test_gold_of_a_fifth_of_the_images_does_no_harm_to_the_rest() -> None:
    answers, gold = box_answers(CROWD / BOX_SET), read_columns(CROWD / BOX_SET / "gold.csv")
    result, rest = with_gold(answers, gold, trial=0)
    score = score_boxes(result, gold, threshold=0.5, tasks=rest)
    all_kept = score_boxes(result, gold, threshold=0.0, tasks=rest)
    assert score.f1 >= max(0.92, all_kept.f1)
    assert score.mean_iou >= 0.78
