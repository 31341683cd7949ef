"""Krippendorff's alpha reproduces published figures and the results of other packages."""

import itertools
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crowdkit.metrics.data import alpha_krippendorff
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from annotary_core.aggregation.agreement.alpha import Level, alpha, alpha_over_time, class_alphas, last_times
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.base import Answers
from tests.rating_rows import ROWS, Rows, fleiss, krippendorff, ratings


def reference_alpha(rows: Rows, level: Level) -> float:
    """Krippendorff's own steps: coincidences within units, then their marginals. One answer per worker and unit."""
    units: dict[int, dict[int, int]] = defaultdict(dict)
    for unit, worker, label in rows:
        units[unit][worker] = label
    coincidences: dict[tuple[int, int], float] = defaultdict(float)
    for labels in units.values():
        for a, b in itertools.permutations(labels.values(), 2):
            coincidences[a, b] += 1 / (len(labels) - 1)
    n: dict[int, float] = defaultdict(float)
    for (a, _), value in coincidences.items():
        n[a] += value

    def squared(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return float((a - b) ** 2)
        return (sum(n[g] for g in n if low <= g <= high) - (n[a] + n[b]) / 2) ** 2

    total = sum(n.values())
    observed = sum(value * squared(a, b) for (a, b), value in coincidences.items())
    expected = sum(n[a] * n[b] * squared(a, b) for a in n for b in n)
    return 1 - (total - 1) * observed / expected if expected else math.nan


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_example(level: Level, published: float) -> None:
    result = alpha(ratings(krippendorff()), level=level)
    assert round(result.value, 3) == published
    assert (result.units, result.values) == (11, 40)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_equals_the_coincidence_matrix_computation(rows: Rows, level: Level) -> None:
    assert alpha(ratings(rows), level=level).value == pytest.approx(reference_alpha(rows, level), nan_ok=True, abs=1e-9)


def test_alpha_equals_that_of_crowd_kit() -> None:
    rows = fleiss()
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    assert alpha(ratings(rows)).value == pytest.approx(alpha_krippendorff(frame), abs=1e-9)


def test_interval_does_not_depend_on_row_order_or_unit_ids() -> None:
    rng = np.random.default_rng(1)
    rows = [(u, w, int(rng.integers(3))) for u in range(60) for w in range(3)]
    one = alpha(ratings(rows), bootstrap=Bootstrap(replicates=50))
    other = alpha(ratings([(59 - u, w, c) for u, w, c in reversed(rows)]), bootstrap=Bootstrap(replicates=50))
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_repeated_answers_share_a_vote_and_are_not_compared_with_each_other() -> None:
    rows = [(0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 1, 2)]
    assert alpha(ratings([*rows, (0, 0, 1)])).value == 1
    alone = ratings([(0, 0, 1), (0, 0, 2)])
    assert math.isnan(alpha(alone).value)
    split = alpha(ratings([*rows, (0, 0, 2)]))
    assert split.observed == pytest.approx(2 * 0.5 / 4)


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="nominal, ordinal or interval"):
        alpha(ratings(krippendorff()), level="ratio")  # type: ignore[arg-type]


def test_labels_can_be_given_an_order_and_values() -> None:
    rows = krippendorff()
    renamed = [(u, w, {1: 30, 2: 10, 3: 50, 4: 20, 5: 40}[c]) for u, w, c in rows]
    positions = np.array([2.0, 4.0, 1.0, 5.0, 3.0])
    for level in ("ordinal", "interval"):
        assert alpha(ratings(renamed), level=level, values=positions).value == pytest.approx(
            reference_alpha(rows, level)
        )


def test_interval_has_its_nominal_coverage() -> None:
    rng = np.random.default_rng(3)

    def sampled_rows(units: int) -> Rows:
        truth = rng.integers(3, size=units)
        wrong = rng.random((units, 3)) < 0.3
        labels = np.where(wrong, rng.integers(3, size=(units, 3)), truth[:, None])
        return [(u, w, int(labels[u, w])) for u in range(units) for w in range(3)]

    # Two workers agree beyond chance only if neither of them guesses.
    truth, covered = 0.7**2, 0
    for _ in range(60):
        result = alpha(ratings(sampled_rows(150)), bootstrap=Bootstrap(replicates=200, confidence=0.9))
        covered += result.low <= truth <= result.high
    assert 45 <= covered <= 60


def test_grouping_units_gives_nearly_the_same_interval() -> None:
    rng = np.random.default_rng(5)
    rows = [(u, w, int(rng.random() < 0.2 + 0.6 * (u % 2))) for u in range(4000) for w in range(3)]
    result = ratings(rows)
    ungrouped = alpha(result, bootstrap=Bootstrap(groups=4000))
    grouped = alpha(result, bootstrap=Bootstrap(groups=500))
    assert grouped.high - grouped.low == pytest.approx(ungrouped.high - ungrouped.low, rel=0.15)


def test_alpha_of_each_class_against_the_others() -> None:
    rows = krippendorff()
    result = class_alphas(ratings(rows))
    for label, value in zip(result.label, result.value, strict=True):
        assert value == pytest.approx(reference_alpha([(u, w, int(c == label)) for u, w, c in rows], "nominal"))


def test_agreement_over_time_is_alpha_per_time_bin() -> None:
    rng = np.random.default_rng(7)
    rows = [
        (u, w, 0 if u < 50 and w == 0 else int(rng.integers(2)) if u < 50 else u % 2)
        for u in range(100)
        for w in (0, 1)
    ]
    result = ratings(rows)
    times = last_times(result, np.array([u for u, _, _ in rows]), np.array([10.0 * u + w for u, w, _ in rows]))
    bins = alpha_over_time(result, times, bins=2)
    assert [(start, end) for start, end, _ in bins] == [(1.0, 491.0), (501.0, 991.0)]
    assert bins[0][2].value == pytest.approx(reference_alpha(rows[:100], "nominal"))
    assert bins[1][2].value == 1


@pytest.mark.shared
@pytest.mark.parametrize("name", ["bluebirds", "dog", "cf"])
def test_alpha_of_real_answers_equals_that_of_nltk(name: str) -> None:
    file = Path(__file__).resolve().parents[4] / "shared" / "data" / "crowd" / name / "answers.csv"
    rows = [tuple(map(int, line.split(","))) for line in file.read_text().splitlines()[1:]]
    expected = AnnotationTask([(worker, task, label) for task, worker, label in rows]).alpha()
    assert alpha(Ratings.of(Answers.of(*zip(*rows, strict=True)))).value == pytest.approx(expected, abs=1e-9)
