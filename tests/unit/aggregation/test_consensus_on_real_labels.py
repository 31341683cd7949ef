"""On real crowd labels, the methods reach the accuracy that was measured when they were written."""

from __future__ import annotations

import numpy as np
import pytest

from annotary_core.aggregation.label_quality.calibration import calibrate
from annotary_core.aggregation.objects.clustering import ObjectClustering
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.gold_matching import match_gold_objects
from annotary_core.aggregation.registry import DEFAULT_METHOD, get_method
from annotary_core.labels.shapes.box import Boxes
from tests.benchmarks.consensus_accuracy import class_set, measure_classes
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
    fraction, with_tie_breaks, _ = measure_classes(CROWD / name, "majority")
    assert fraction >= floor
    assert with_tie_breaks == pytest.approx(fraction, abs=0.01)


#: Best accuracy of crowd-kit 1.4.2 on each data set, in percent (printed by tests/benchmarks/consensus_accuracy.py).
BEST = {
    "bluebirds": 88.9,
    "dog": 84.3,
    "rte": 92.8,
    "d_possent": 96.0,
    "d_product": 94.0,
    "sp": 91.7,
    "cf": 89.0,
    "zencrowd_us": 90.4,
    "s_rel": 61.7,
}
#: Mean accuracy of crowd-kit's Dawid-Skene over these sets.
MEAN_OF_DAWID_SKENE = 86.1


def test_the_default_is_close_to_the_best_and_better_than_dawid_skene() -> None:
    accuracy = {name: measure_classes(CROWD / name, DEFAULT_METHOD)[0] * 100 for name in BEST}
    assert {name: best - accuracy[name] for name, best in BEST.items() if accuracy[name] < best - 2} == {}
    assert np.mean(list(accuracy.values())) > MEAN_OF_DAWID_SKENE


@pytest.mark.parametrize("name", ["dog", "rte", "d_possent", "d_product", "sp", "zencrowd_us"])
def test_the_default_is_calibrated(name: str) -> None:
    answers, gold = class_set(CROWD / name)
    tempered = calibrate(get_method(DEFAULT_METHOD).fit_predict(answers), gold)
    assert tempered.log_loss < calibrate(get_method("dawid-skene").fit_predict(answers), gold).log_loss
    assert abs(tempered.confidence - tempered.accuracy) < 0.1


def test_released_boxes_match_the_true_objects() -> None:
    result, _ = cluster_boxes(CROWD / BOX_SET)
    gold = read_columns(CROWD / BOX_SET / "gold.csv")
    for threshold in (0.0, 0.5):
        score = score_boxes(result, gold, threshold=threshold)
        assert score.f1 >= 0.92
        assert score.mean_iou >= 0.78


def test_default_detection_rates_do_no_harm() -> None:
    result = ObjectClustering(rates=DetectionRates()).fit_predict(box_answers(CROWD / BOX_SET))
    score = score_boxes(result, read_columns(CROWD / BOX_SET / "gold.csv"), threshold=0.5)
    assert score.f1 >= 0.915
    assert score.mean_iou >= 0.775


def test_box_existence_is_calibrated() -> None:
    """Without gold: within 8 points of the share of true boxes, for all boxes and for lone boxes of careful workers."""
    answers, gold = box_answers(CROWD / BOX_SET), read_columns(CROWD / BOX_SET / "gold.csv")
    result, _ = cluster_boxes(CROWD / BOX_SET)
    is_true = match_gold_objects(
        result.task, result.geometry, {int(t): Boxes(gold[gold[:, 0] == t, 1:5]) for t in np.unique(gold[:, 0])}
    ).truth
    assert abs(result.existence.mean() - is_true.mean()) < 0.08
    lone = result.votes == 1
    worker = answers.worker[[rows[0] for rows in result.members]]
    careless = lone & (worker == 4)
    assert is_true[careless].mean() < 0.5 and result.existence[careless].mean() < 0.5
    assert abs(result.existence[lone & ~careless].mean() - is_true[lone & ~careless].mean()) < 0.08


def test_gold_on_a_fifth_of_the_images_does_no_harm_to_the_rest() -> None:
    answers, gold = box_answers(CROWD / BOX_SET), read_columns(CROWD / BOX_SET / "gold.csv")
    result, rest = with_gold(answers, gold, trial=0)
    score = score_boxes(result, gold, threshold=0.5, tasks=rest)
    all_kept = score_boxes(result, gold, threshold=0.0, tasks=rest)
    assert score.f1 >= max(0.92, all_kept.f1)
    assert score.mean_iou >= 0.78
