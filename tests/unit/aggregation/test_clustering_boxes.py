"""Boxes of several workers around one object become one box."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.labels.shapes.box import Boxes

#: task, worker, class, x1, y1, x2, y2
Row = tuple[int, int, int, float, float, float, float]


def box_rows(task: st.SearchStrategy[int]) -> st.SearchStrategy[list[Row]]:
    def make(values: tuple[int, int, int, int, int, int, int]) -> Row:
        task, worker, label, x, y, w, h = values
        return task, worker, label, float(x), float(y), float(x + w), float(y + h)

    size, place = st.integers(5, 30), st.integers(0, 40)
    row = st.tuples(task, st.integers(1, 4), st.integers(1, 3), place, place, size, size)
    # Two identical boxes of one worker differ only in class, which geometry cannot distinguish.
    return st.lists(row.map(make), max_size=14, unique_by=lambda made: (made[0], made[1], made[3:]))


ROWS = box_rows(st.integers(0, 2))


def run(
    rows: list[Row], seen: list[tuple[int, int]] | None = None, weights: list[float] | None = None
) -> ObjectConsensus[Boxes]:
    return ObjectClustering().fit_predict(
        ObjectAnswers.of(
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2] for row in rows],
            Boxes.of([row[3:] for row in rows]),
            seen=seen or [],
            weights=weights,
        )
    )


def contents(result: ObjectConsensus[Boxes], rows: list[Row]) -> list[tuple[object, ...]]:
    """Return the full result, with members by content instead of row number."""
    return [
        (
            int(result.task[i]),
            result.geometry.box[i].tolist(),
            float(result.existence[i]),
            int(result.votes[i]),
            float(result.agreement[i]),
            int(result.classes.label[i]),
            result.classes.posteriors.of(i),
            [rows[row] for row in result.members[i]],
            result.rates.to_json(),
        )
        for i in range(len(result.task))
    ]


def test_boxes_of_three_workers_fuse_into_one() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 1, 1, 1, 11, 12), (0, 3, 1, 2, 0, 12, 10)])
    assert result.geometry.box.tolist() == [pytest.approx([1, 0, 11, 10], abs=0.6)]
    assert (result.existence[0] > 0.99, result.votes.tolist()) == (True, [3])


def test_boxes_below_the_iou_threshold_stay_separate() -> None:
    assert len(run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 1, 6, 0, 16, 10)]).task) == 2
    assert len(run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 1, 5, 0, 15, 10)]).task) == 1


def test_a_worker_has_at_most_one_box_in_a_cluster() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10), (0, 1, 1, 0, 0, 10, 9), (0, 2, 1, 0, 0, 10, 10)])
    assert sorted(result.votes.tolist()) == [1, 2]


def test_a_chain_of_overlaps_does_not_merge_its_ends() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 1, 4, 0, 14, 10), (0, 3, 1, 8, 0, 18, 10)])
    assert sorted(result.votes.tolist()) == [1, 2]


def test_boxes_cluster_by_geometry_and_the_majority_sets_the_class() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 2, 0, 0, 10, 10), (0, 3, 2, 0, 0, 10, 10)])
    assert result.classes.label.tolist() == [2]
    assert result.classes.posteriors.of(0) == pytest.approx({1: 1 / 3, 2: 2 / 3})


def test_observers_who_drew_nothing_lower_existence() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10)], seen=[(0, 1), (0, 2), (0, 3), (0, 4)])
    assert result.seen.tolist() == [4]
    assert result.existence[0] < 0.5 < run([(0, 1, 1, 0, 0, 10, 10)], seen=[(0, 1)]).existence[0]


def test_existence_weights_workers_by_trust() -> None:
    rows, seen = [(0, 1, 1, 0.0, 0.0, 10.0, 10.0)], [(0, 1), (0, 2)]
    trusted, plain, careless, spammer = (
        float(run(rows, seen=seen, weights=[weight, 1]).existence[0]) for weight in (2, 1, 0.3, 0)
    )
    assert 1 > trusted > plain > 0.5 > careless > spammer >= 0


def test_agreement_is_the_mean_iou_with_the_consensus_box() -> None:
    result = run([(0, 1, 1, 0, 0, 10, 10), (0, 2, 1, 0, 0, 10, 10), (0, 3, 1, 0, 0, 10, 9)])
    height = result.geometry.box[0][3] - result.geometry.box[0][1]
    assert 9.5 < height < 10
    assert result.agreement[0] == pytest.approx((2 * height / 10 + 9 / height) / 3, abs=0.005)


def test_boxes_of_different_tasks_never_cluster() -> None:
    assert run([(0, 1, 1, 0, 0, 10, 10), (1, 2, 1, 0, 0, 10, 10)]).task.tolist() == [0, 1]


def test_no_boxes_give_no_clusters() -> None:
    result = run([], seen=[(0, 1)])
    assert (len(result.task), result.geometry.box.shape, result.members) == (0, (0, 4), ())


@pytest.mark.parametrize("corners", [(0, 0, 0, 10), (10, 0, 0, 10), (0, 0, float("nan"), 10)])
def test_a_box_without_size_or_finite_corners_is_rejected(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="finite corners"):
        run([(0, 1, 1, *corners)])


def test_inconsistent_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="same length"):
        ObjectAnswers.of([0, 0], [1], [1], Boxes.of([(0, 0, 1, 1)]))
    with pytest.raises(ValueError, match="one finite, non-negative number per row"):
        run([(0, 1, 1, 0, 0, 10, 10)], seen=[(0, 1)], weights=[-1])


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_every_box_is_in_one_cluster_with_one_box_per_worker(rows: list[Row]) -> None:
    result = run(rows)
    assert sorted(row for group in result.members for row in group) == list(range(len(rows)))
    for group in result.members:
        assert len({rows[row][1] for row in group}) == len(group)
        assert len({rows[row][0] for row in group}) == 1
    assert ((result.existence > 0) & (result.existence <= 1)).all()


@settings(max_examples=50, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_row_order(rows: list[Row], dice: random.Random) -> None:
    shuffled = dice.sample(rows, len(rows))
    assert contents(run(shuffled), shuffled) == contents(run(rows), rows)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.permutations([10, 20, 30]))
def test_renaming_classes_changes_only_their_names(rows: list[Row], names: list[int]) -> None:
    def renamed(row: Row) -> Row:
        return row[0], row[1], names[row[2] - 1], *row[3:]

    before, after = run(rows), run([renamed(row) for row in rows])
    assert after.geometry.box.tolist() == before.geometry.box.tolist()
    assert after.members == before.members
    assert after.classes.label.tolist() == [names[label - 1] for label in before.classes.label]


@settings(max_examples=50, deadline=None)
@given(ROWS, st.permutations([7, 5, 9]))
def test_renaming_tasks_changes_no_cluster(rows: list[Row], names: list[int]) -> None:
    before, after = run(rows), run([(names[row[0]], *row[1:]) for row in rows])
    assert sorted(after.members) == sorted(before.members)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.permutations([11, 12, 13, 14]))
def test_renaming_workers_keeps_the_clusters_of_distinct_boxes(rows: list[Row], names: list[int]) -> None:
    distinct = list({row[:1] + row[3:]: row for row in rows}.values())
    after = run([(row[0], names[row[1] - 1], *row[2:]) for row in distinct])
    assert after.members == run(distinct).members
