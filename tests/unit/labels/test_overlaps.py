"""Similarities of polygons are remembered by the column that these were taken from, and stay the same for all that."""

from typing import Any

import numpy as np
import pytest
import shapely

from annotary_core.labels.shapes.polygon import Polygons


def squares(*corners: float) -> Polygons:
    return Polygons.of(
        [((np.array([(x, x), (x + 10, x), (x + 10, x + 10), (x, x + 10)], np.float64),),) for x in corners]
    )


def all_pairs(column: Polygons) -> list[float]:
    first, second = np.triu_indices(len(column.shapes), 1)
    return [float(each) for each in column.similarity().of(first.astype(np.int64), second.astype(np.int64))]


def test_a_part_of_a_column_has_the_similarities_of_its_polygons() -> None:
    column = squares(0, 2, 4, 50)
    whole = all_pairs(column)
    rows = np.array([3, 1, 1, 0], np.int64)
    assert all_pairs(column.take(rows)) == all_pairs(squares(50, 2, 2, 0))
    assert all_pairs(column) == whole


def test_columns_of_different_origin_are_not_mixed_up() -> None:
    one, other = squares(0, 2), squares(4, 6)
    all_pairs(one)
    all_pairs(other)
    assert all_pairs(one.concat(other)) == all_pairs(squares(0, 2, 4, 6))
    assert all_pairs(one.take(np.array([1])).concat(one)) == all_pairs(squares(2, 0, 2))


def test_a_pair_is_intersected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    intersected: list[int] = []
    intersection = shapely.intersection

    def counted(first: Any, second: Any, **options: Any) -> Any:
        intersected.append(len(first))
        return intersection(first, second, **options)

    monkeypatch.setattr(shapely, "intersection", counted)
    column = squares(0, 2, 4)
    all_pairs(column)
    all_pairs(column.take(np.array([2, 0, 1])))
    assert sum(intersected) == 3
