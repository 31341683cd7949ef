"""The methods reach on real crowd labels what was measured when they were written."""

from __future__ import annotations

import pytest

from tests.benchmarks.consensus import BOX_SET, CROWD, cluster_boxes, measure_classes, read_columns, score_boxes

pytestmark = pytest.mark.shared


@pytest.mark.parametrize(("name", "floor"), [("bluebirds", 0.759), ("dog", 0.82), ("d_product", 0.896), ("sp", 0.885)])
def test_majority_reaches_its_accuracy(name: str, floor: float) -> None:
    fraction, drawn, _ = measure_classes(CROWD / name, "majority")
    assert fraction >= floor
    assert drawn == pytest.approx(fraction, abs=0.01)


def test_clustering_boxes_finds_the_true_objects() -> None:
    found, _ = cluster_boxes(CROWD / BOX_SET)
    score = score_boxes(found, read_columns(CROWD / BOX_SET / "gold.csv"), threshold=0.0)
    assert score.f1 >= 0.916
    assert score.mean_iou >= 0.776
