"""Majority vote: one vote per worker and task, vote shares as posterior, and unbiased tie breaking."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.registry import METHODS, get_method

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 3)), max_size=40)
#: Each worker answers a task once, as claiming guarantees.
SINGLE_ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 3)), max_size=40, unique_by=lambda row: row[:2]
)
Row = tuple[int, int, int]


def run(rows: list[Row], **options: Any) -> Consensus:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return Majority().fit_predict(Answers.of(*columns, **options))


def posteriors(result: Consensus) -> dict[int, dict[int, float]]:
    return {int(task): result.posteriors.of(index) for index, task in enumerate(result.task)}


def labels(result: Consensus) -> dict[int, int]:
    return dict(zip(result.task.tolist(), result.label.tolist(), strict=True))


def test_the_class_with_most_votes_wins_with_its_share() -> None:
    result = run([(5, 1, 2), (5, 2, 2), (5, 3, 9)])
    assert (result.task.tolist(), result.label.tolist(), result.n.tolist()) == ([5], [2], [3])
    assert result.confidence[0] == pytest.approx(2 / 3)
    assert posteriors(result)[5] == pytest.approx({2: 2 / 3, 9: 1 / 3})
    assert not result.tied[0]


def test_a_tie_is_reported() -> None:
    result = run([(5, 1, 2), (5, 2, 9)])
    assert result.tied.tolist() == [True]
    assert result.confidence.tolist() == [0.5]


def test_tie_breaking_is_unbiased() -> None:
    rows = [row for task in range(2_000) for row in ((task, 1, 0), (task, 2, 1))]
    assert 900 < sum(run(rows).label) < 1_100


def test_tie_breaking_is_deterministic_per_seed() -> None:
    columns = Answers.of([0] * 2 + [1] * 2 + [2] * 2, [1, 2] * 3, [0, 1] * 3)
    outcomes = [Majority(seed=seed).fit_predict(columns).label.tolist() for seed in (0, 0, 1, 2, 3)]
    assert outcomes[0] == outcomes[1]
    assert len({tuple(outcome) for outcome in outcomes}) > 1


def test_repeated_answers_of_a_worker_share_one_vote() -> None:
    result = run([(5, 1, 2), (5, 1, 2), (5, 1, 9), (5, 2, 9)])
    assert posteriors(result)[5] == pytest.approx({2: 1 / 3, 9: 2 / 3})
    assert result.n.tolist() == [2]


def test_a_worker_who_votes_for_two_classes_favors_neither() -> None:
    rows = [row for task in range(2_000) for row in ((task, 1, 0), (task, 1, 1))]
    assert 900 < sum(run(rows).label) < 1_100


def test_weights_count_and_repeated_answers_have_their_mean_weight() -> None:
    result = run([(5, 1, 2), (5, 2, 9), (5, 3, 9)], weights=[3, 1, 1])
    assert labels(result) == {5: 2}
    assert posteriors(run([(5, 1, 2), (5, 1, 2), (5, 2, 9)], weights=[4, 2, 1]))[5] == pytest.approx({2: 0.75, 9: 0.25})


def test_a_task_without_weight_has_uniform_shares() -> None:
    result = run([(5, 1, 2), (5, 2, 9)], weights=[0, 0])
    assert posteriors(result)[5] == {2: 0.5, 9: 0.5} and result.tied[0]


def test_a_gold_task_is_clamped_to_its_class() -> None:
    result = run([(5, 1, 2), (5, 2, 2), (6, 1, 2)], gold={5: 4, 7: 2})
    assert posteriors(result) == {5: {4: 1.0}, 6: {2: 1.0}}
    assert labels(result) == {5: 4, 6: 2}


def test_no_answers_give_an_empty_result() -> None:
    result = run([])
    assert len(result.task) == len(result.label) == 0
    assert result.posteriors.dense(np.empty(0, np.int64)).shape == (0, 0)


def test_dense_posteriors_have_one_column_per_class() -> None:
    answers = Answers.of([5, 5, 6], [1, 2, 1], [2, 9, 9], classes=[1, 2, 9])
    dense = Majority().fit_predict(answers).posteriors.dense(answers.classes)
    assert dense.tolist() == [[0, 0.5, 0.5], [0, 0, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [-1]}, "non-negative"),
        ({"weights": [float("nan")]}, "finite"),
        ({"weights": [1, 2]}, "one finite"),
        ({"classes": [3]}, "not among the classes"),
        ({"classes": [2, 1]}, "sorted"),
        ({"classes": [1, 2], "priors": [0.5, 0.2]}, "summing to 1"),
    ],
)
def test_inconsistent_columns_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Answers.of([1], [1], [1], **options)


def test_columns_of_unequal_length_or_with_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        Answers.of([1, 2], [1], [1])
    with pytest.raises(ValueError, match="must hold integers"):
        Answers.of([1.5], [1], [1])


def test_methods_are_looked_up_by_name() -> None:
    assert all(get_method(name).name == name for name in METHODS)
    with pytest.raises(ValueError, match="no consensus method 'guess'"):
        get_method("guess")


@given(ROWS)
def test_probabilities_sum_to_one_and_confidence_is_the_largest(rows: list[Row]) -> None:
    result = run(rows)
    for index, shares in enumerate(posteriors(result).values()):
        assert sum(shares.values()) == pytest.approx(1)
        assert result.confidence[index] == pytest.approx(max(shares.values()))
        assert shares[int(result.label[index])] == result.confidence[index]


@given(ROWS, st.randoms(use_true_random=False))
def test_result_does_not_depend_on_row_order_to_the_last_bit(rows: list[Row], rng: random.Random) -> None:
    one, other = run(rows), run(rng.sample(rows, len(rows)))
    for name in ("task", "label", "confidence", "n", "tied"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert posteriors(one) == posteriors(other)


@given(SINGLE_ROWS, st.permutations([10, 20, 30, 40]))
def test_renaming_classes_renames_the_result_including_ties(rows: list[Row], names: list[int]) -> None:
    renamed = run([(task, worker, names[label]) for task, worker, label in rows])
    assert labels(renamed) == {task: names[label] for task, label in labels(run(rows)).items()}


@given(ROWS, st.permutations(range(100, 107)), st.permutations(range(200, 206)))
def test_renaming_tasks_and_workers_changes_no_share(rows: list[Row], tasks: list[int], workers: list[int]) -> None:
    before = run(rows)
    after = run([(tasks[task], workers[worker], label) for task, worker, label in rows])
    expected = {tasks[task]: shares for task, shares in posteriors(before).items()}
    assert posteriors(after) == {task: pytest.approx(shares) for task, shares in expected.items()}
    untied = {
        tasks[int(t)]: int(c) for t, c, tied in zip(before.task, before.label, before.tied, strict=True) if not tied
    }
    assert untied.items() <= labels(after).items()
