"""The methods reach on real crowd labels what was measured when they were written."""

from __future__ import annotations

import numpy as np
import pytest

from annotary_core.aggregation.label_quality.calibration import calibrate
from annotary_core.aggregation.objects.box_clustering import BoxClustering
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.geometry_types import Boxes
from annotary_core.aggregation.objects.gold_matching import compare_known
from annotary_core.aggregation.registry import DEFAULT_METHOD, method_named
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
    fraction, drawn, _ = measure_classes(CROWD / name, "majority")
    assert fraction >= floor
    assert drawn == pytest.approx(fraction, abs=0.01)


#: The best of crowd-kit 1.4.2 on each set, in per cent (tests/benchmarks/consensus_accuracy.py prints them).
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
#: The mean of crowd-kit's Dawid-Skene over them.
MEAN_OF_DAWID_SKENE = 86.1


def test_the_default_is_never_far_from_the_best_and_better_than_dawid_skene() -> None:
    reached = {name: measure_classes(CROWD / name, DEFAULT_METHOD)[0] * 100 for name in BEST}
    assert {name: best - reached[name] for name, best in BEST.items() if reached[name] < best - 2} == {}
    assert np.mean(list(reached.values())) > MEAN_OF_DAWID_SKENE


@pytest.mark.parametrize("name", ["dog", "rte", "d_possent", "d_product", "sp", "zencrowd_us"])
def test_the_default_is_about_as_sure_as_it_is_right(name: str) -> None:
    answers, gold = class_set(CROWD / name)
    tempered = calibrate(method_named(DEFAULT_METHOD).fit_predict(answers), gold)
    assert tempered.log_loss < calibrate(method_named("dawid-skene").fit_predict(answers), gold).log_loss
    assert abs(tempered.confidence - tempered.accuracy) < 0.1


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
        found.task, Boxes(found.box), {int(t): Boxes(gold[gold[:, 0] == t, 1:5]) for t in np.unique(gold[:, 0])}
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
