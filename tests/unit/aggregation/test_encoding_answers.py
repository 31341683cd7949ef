"""Answers are encoded as dense columns in canonical order, and `repeats` defines how repeated answers count."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.encoding import EncodedAnswers, Repeats, soft_label_rows

#: Small ids, sparse ids (encoded by sorting) and negative ids.
IDS = st.sampled_from([-7, 0, 1, 2, 3, 10**6, 10**6 + 1, 2**62])
ROWS = st.lists(st.tuples(IDS, IDS, st.sampled_from([-1, 0, 5, 2**40]), st.sampled_from([0.0, 0.5, 1.0, 2.0])))
REPEATS: tuple[Repeats, Repeats] = ("count", "share")


def decoded(encoded: EncodedAnswers) -> list[tuple[int, int, int, float]]:
    columns = encoded.tasks[encoded.task], encoded.workers[encoded.worker], encoded.classes[encoded.label], encoded.vote
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(rows=ROWS, weighted=st.booleans(), repeats=st.sampled_from(REPEATS))
def test_every_row_is_encoded_once_in_order_with_its_vote(
    rows: list[tuple[int, int, int, float]], weighted: bool, repeats: Repeats
) -> None:
    task, worker, label, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    encoded = EncodedAnswers.of(Answers.of(task, worker, label, weights=weight if weighted else None), repeats=repeats)
    together: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        together[row[:2]] += 1
    expected = sorted(
        (t, w, c, (v if weighted else 1.0) / (together[t, w] if repeats == "share" else 1)) for t, w, c, v in rows
    )
    assert decoded(encoded) == expected
    assert encoded.tasks.tolist() == sorted(set(task))
    assert encoded.n.tolist() == [sum(pair[0] == t for pair in together) for t in encoded.tasks]


def test_gold_is_encoded_as_class_indices_and_omits_unanswered_tasks() -> None:
    encoded = EncodedAnswers.of(Answers.of([4, 9], [1, 1], [3, 7], gold={9: 8, 5: 3, 77: 7}), repeats="count")
    assert encoded.classes.tolist() == [3, 7, 8]
    assert encoded.gold.tolist() == [-1, 2]


def test_few_rows_with_very_many_classes_are_sorted() -> None:
    rows = [(5, 1, 4_000, 1.0), (5, 0, 90, 1.0), (2, 1, 7, 1.0), (5, 1, 3, 1.0)]
    task, worker, label, _ = zip(*rows, strict=True)
    assert decoded(EncodedAnswers.of(Answers.of(task, worker, label, classes=range(5_000)), repeats="count")) == sorted(
        rows
    )


def test_uniform_votes_take_no_memory() -> None:
    encoded = EncodedAnswers.of(Answers.of([1, 1, 2], [1, 2, 1], [0, 1, 1]), repeats="share")
    assert encoded.is_uniform
    assert encoded.vote.tolist() == [1.0, 1.0, 1.0]


def test_given_workers_let_shards_share_one_encoding() -> None:
    workers = np.array([2, 5, 9])
    encoded = EncodedAnswers.of(Answers.of([1, 1], [9, 2], [0, 1]), repeats="count", workers=workers)
    assert encoded.worker.tolist() == [0, 2]
    with pytest.raises(ValueError, match="not among"):
        EncodedAnswers.of(Answers.of([1], [4], [0]), repeats="count", workers=workers)


def test_vote_shares_are_uniform_without_votes() -> None:
    answers = Answers.of([1, 1, 1, 2, 3], [1, 2, 3, 1, 1], [0, 0, 1, 1, 0], weights=[1, 1, 2, 0, 5], gold={3: 1})
    assert EncodedAnswers.of(answers, repeats="count").vote_shares().tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]


@pytest.mark.parametrize("repeats", REPEATS)
def test_a_soft_label_is_one_vote_split_over_classes(repeats: Repeats) -> None:
    classes = np.array([3, 4, 8])
    task, worker, label, weight = soft_label_rows(
        np.array([1, 2]), np.array([6, 6]), np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]]), classes, repeats=repeats
    )
    encoded = EncodedAnswers.of(Answers.of(task, worker, label, weights=weight, classes=classes), repeats=repeats)
    assert encoded.vote_shares() == pytest.approx(np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]]))
    assert encoded.vote.sum() == pytest.approx(2.0)
    assert encoded.n.tolist() == [1, 1]
