"""Properties that all agreement measures share, and the kappas against published figures and other packages."""

import itertools
import math
import time
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from annotary_core.aggregation.agreement.alpha import alpha, class_alphas
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.fleiss import fleiss_kappa
from annotary_core.aggregation.agreement.pairs import against_gold, cohen_kappa, pairwise
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.base import Answers
from tests.rating_rows import ROWS, Rows, fleiss, ratings


@settings(max_examples=30, deadline=None)
@given(ROWS.filter(lambda rows: len(rows) > 2), st.permutations(range(7)), st.permutations(range(4)))
def test_measures_do_not_depend_on_ids_or_row_order(rows: Rows, units: list[int], labels: list[int]) -> None:
    other = [(units[u], 40 - w, labels[c]) for u, w, c in reversed(rows)]
    before, after = alpha(ratings(rows)), alpha(ratings(other))
    assert after.value == pytest.approx(before.value, nan_ok=True)
    assert fleiss_kappa(ratings(other)).kappa == pytest.approx(fleiss_kappa(ratings(rows)).kappa, nan_ok=True)
    values = [
        sorted(part.value[np.isfinite(part.value)]) for part in map(class_alphas, (ratings(rows), ratings(other)))
    ]
    assert values[0] == pytest.approx(values[1])


@pytest.mark.parametrize("rows", [[], [(0, 0, 1)], [(0, 0, 1), (0, 1, 1)], [(0, 0, 1), (1, 1, 2)]])
def test_undefined_measures_are_nan(rows: Rows) -> None:
    result = ratings(rows)
    assert math.isnan(alpha(result, bootstrap=Bootstrap(replicates=10)).value)
    assert math.isnan(alpha(result, level="ordinal").value)
    assert math.isnan(fleiss_kappa(result).kappa)
    assert math.isnan(pairwise(result).mean_kappa())
    assert not np.isfinite(class_alphas(result).value).any()


def test_fleiss_kappa_of_the_published_example() -> None:
    result = fleiss_kappa(ratings(fleiss()))
    assert round(result.kappa, 3) == 0.430
    assert round(result.agreement, 4) == 0.5556
    assert round(result.chance, 4) == 0.2199
    assert result.same_number


def test_fleiss_kappa_allows_different_numbers_of_workers_per_unit() -> None:
    result = fleiss_kappa(ratings([(0, 0, 1), (0, 1, 1), (0, 2, 2), (1, 0, 2), (1, 1, 2), (2, 0, 1)]))
    chance = (2 / 5) ** 2 + (3 / 5) ** 2
    assert result.agreement == pytest.approx((1 / 3 + 1) / 2)
    assert result.kappa == pytest.approx((2 / 3 - chance) / (1 - chance))
    assert (result.units, result.same_number) == (2, False)


def test_cohens_kappa_of_a_known_table() -> None:
    assert cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.4)


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_pairwise_kappa_equals_that_of_nltk(rows: Rows) -> None:
    table = pairwise(ratings(rows))
    labels: dict[int, dict[int, int]] = defaultdict(dict)
    for unit, worker, label in rows:
        labels[worker][unit] = label
    common = {(a, b): sorted(labels[a].keys() & labels[b].keys()) for a, b in itertools.combinations(sorted(labels), 2)}
    expected = {
        (a, b): [(worker, unit, labels[worker][unit]) for worker in (a, b) for unit in units]
        for (a, b), units in common.items()
        if units
    }
    assert set(zip(table.first.tolist(), table.second.tolist(), strict=True)) == set(expected)
    assert table.complete
    assert (np.diff(table.n) <= 0).all()
    for first, second, n, agreement, kappa in zip(
        table.first.tolist(), table.second.tolist(), table.n, table.agreement, table.kappa, strict=True
    ):
        theirs = AnnotationTask(expected[first, second])
        assert n == len(expected[first, second]) / 2
        assert agreement == pytest.approx(theirs.avg_Ao())
        if len({label for _, _, label in expected[first, second]}) > 1:
            assert kappa == pytest.approx(theirs.kappa_pairwise(first, second))
        else:
            assert math.isnan(kappa)


def test_pairs_with_the_most_common_units_are_kept() -> None:
    rows = [(u, w, 0) for w in range(30) for u in range(30 - w)]
    table = pairwise(ratings(rows), pairs=3)
    assert list(zip(table.first.tolist(), table.second.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert table.n.tolist() == [29, 28, 28]
    assert not table.complete
    fewer = pairwise(ratings(rows), workers=2)
    assert (len(fewer.n), fewer.complete) == (1, False)


def test_workers_against_gold() -> None:
    rows = [(0, 7, 1), (1, 7, 2), (2, 7, 1), (0, 8, 2), (5, 9, 1)]
    table = against_gold(ratings(rows), {0: 1, 1: 1, 2: 1, 3: 4, 99: 1})
    assert table.worker.tolist() == [7, 8]
    assert table.n.tolist() == [3, 1]
    assert table.right.tolist() == pytest.approx([2 / 3, 0])
    assert table.kappa[0] == pytest.approx(0)


def test_a_million_answers_take_a_few_seconds() -> None:
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(200_000), 5)
    answers = Answers.of(task, (rng.integers(400, size=len(task)) * 5 + np.arange(len(task)) % 5), task % 10)
    start = time.process_time()
    result = Ratings.of(answers)
    alpha(result, bootstrap=Bootstrap())
    fleiss_kappa(result)
    class_alphas(result)
    pairwise(result)
    assert time.process_time() - start < 8
