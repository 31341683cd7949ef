"""Answers become dense columns in canonical order, and repeated answers count by a stated rule."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.encoding import Coded, Repeats, soft_rows

#: Small ids, ids far apart (coded by sorting) and negative ones.
IDS = st.sampled_from([-7, 0, 1, 2, 3, 10**6, 10**6 + 1, 2**62])
ROWS = st.lists(st.tuples(IDS, IDS, st.sampled_from([-1, 0, 5, 2**40]), st.sampled_from([0.0, 0.5, 1.0, 2.0])))
REPEATS: tuple[Repeats, Repeats] = ("count", "share")


def decoded(coded: Coded) -> list[tuple[int, int, int, float]]:
    columns = coded.tasks[coded.task], coded.workers[coded.worker], coded.classes[coded.label], coded.vote
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(rows=ROWS, weighted=st.booleans(), repeats=st.sampled_from(REPEATS))
def test_every_row_is_there_once_in_order_with_its_vote(
    rows: list[tuple[int, int, int, float]], weighted: bool, repeats: Repeats
) -> None:
    task, worker, label, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    coded = Coded.of(Answers.of(task, worker, label, weights=weight if weighted else None), repeats=repeats)
    together: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        together[row[:2]] += 1
    expected = sorted(
        (t, w, c, (v if weighted else 1.0) / (together[t, w] if repeats == "share" else 1)) for t, w, c, v in rows
    )
    assert decoded(coded) == expected
    assert coded.tasks.tolist() == sorted(set(task))
    assert coded.n.tolist() == [sum(pair[0] == t for pair in together) for t in coded.tasks]


def test_a_known_class_is_named_by_its_index_and_unknown_tasks_are_left_out() -> None:
    coded = Coded.of(Answers.of([4, 9], [1, 1], [3, 7], gold={9: 8, 5: 3, 77: 7}), repeats="count")
    assert coded.classes.tolist() == [3, 7, 8]
    assert coded.gold.tolist() == [-1, 2]


def test_few_rows_of_very_many_classes_are_sorted_too() -> None:
    rows = [(5, 1, 4_000, 1.0), (5, 0, 90, 1.0), (2, 1, 7, 1.0), (5, 1, 3, 1.0)]
    task, worker, label, _ = zip(*rows, strict=True)
    assert decoded(Coded.of(Answers.of(task, worker, label, classes=range(5_000)), repeats="count")) == sorted(rows)


def test_plain_votes_take_no_memory() -> None:
    coded = Coded.of(Answers.of([1, 1, 2], [1, 2, 1], [0, 1, 1]), repeats="share")
    assert coded.uniform
    assert coded.vote.tolist() == [1.0, 1.0, 1.0]


def test_workers_can_be_given_so_that_parts_share_one_coding() -> None:
    workers = np.array([2, 5, 9])
    coded = Coded.of(Answers.of([1, 1], [9, 2], [0, 1]), repeats="count", workers=workers)
    assert coded.worker.tolist() == [0, 2]
    with pytest.raises(ValueError, match="not among"):
        Coded.of(Answers.of([1], [4], [0]), repeats="count", workers=workers)


def test_shares_are_votes_over_votes_and_equal_where_nothing_counts() -> None:
    answers = Answers.of([1, 1, 1, 2, 3], [1, 2, 3, 1, 1], [0, 0, 1, 1, 0], weights=[1, 1, 2, 0, 5], gold={3: 1})
    assert Coded.of(answers, repeats="count").shares().tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]


@pytest.mark.parametrize("repeats", REPEATS)
def test_class_probabilities_of_a_model_are_one_vote_split(repeats: Repeats) -> None:
    classes = np.array([3, 4, 8])
    task, worker, label, weight = soft_rows(
        np.array([1, 2]), np.array([6, 6]), np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]]), classes, repeats=repeats
    )
    coded = Coded.of(Answers.of(task, worker, label, weights=weight, classes=classes), repeats=repeats)
    assert coded.shares() == pytest.approx(np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]]))
    assert coded.vote.sum() == pytest.approx(2.0)
    assert coded.n.tolist() == [1, 1]
