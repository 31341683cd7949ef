"""The agreement measures reproduce published figures and the results of other packages."""

import itertools
import math
import time
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
from annotary_core.aggregation.agreement.fleiss import fleiss_kappa
from annotary_core.aggregation.agreement.objects import ObjectSets, object_agreement, set_distance, set_distances
from annotary_core.aggregation.agreement.pairs import against_gold, cohen_kappa, pairwise
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.objects.similarity import BoxSimilarity, KeypointSimilarity

#: Reliability data of Krippendorff 2011, section E: observers A to D, units 1 to 12.
KRIPPENDORFF = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
#: Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses.
FLEISS = (
    *("00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006"),
    *("10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203"),
    *("00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006"),
)
#: (unit, worker, label)
Rows = list[tuple[int, int, int]]


def krippendorff() -> Rows:
    return [(u, w, int(c)) for w, row in enumerate(KRIPPENDORFF) for u, c in enumerate(row) if c != "."]


def fleiss() -> Rows:
    out: Rows = []
    for unit, counts in enumerate(FLEISS):
        labels = [label for label, n in enumerate(counts) for _ in range(int(n))]
        out += [(unit, worker, label) for worker, label in enumerate(labels)]
    return out


def ratings(rows: Rows) -> Ratings:
    task, worker, label = zip(*rows, strict=True) if rows else ((), (), ())
    return Ratings.of(Answers.of(task, worker, label))


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


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), max_size=40, unique_by=lambda row: row[:2]
)


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


@pytest.mark.parametrize("rows", [[], [(0, 0, 1)], [(0, 0, 1), (0, 1, 1)], [(0, 0, 1), (1, 1, 2)]])
def test_undefined_measures_are_nan(rows: Rows) -> None:
    result = ratings(rows)
    assert math.isnan(alpha(result, bootstrap=Bootstrap(replicates=10)).value)
    assert math.isnan(alpha(result, level="ordinal").value)
    assert math.isnan(fleiss_kappa(result).kappa)
    assert math.isnan(pairwise(result).mean_kappa())
    assert not np.isfinite(class_alphas(result).value).any()


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


def sets_of(objects: dict[tuple[int, int], list[list[float]]]) -> tuple[ObjectSets, BoxSimilarity]:
    """(unit, worker) -> boxes."""
    rows = [(unit, worker, box) for (unit, worker), boxes in objects.items() for box in boxes]
    sets = ObjectSets.of(
        np.array([unit for unit, _, _ in rows], np.int64),
        np.array([worker for _, worker, _ in rows], np.int64),
        np.array([unit for unit, _ in objects], np.int64),
        np.array([worker for _, worker in objects], np.int64),
    )
    return sets, BoxSimilarity(np.array([box for _, _, box in rows], np.float64).reshape(-1, 4))


def test_the_distance_of_two_sets_of_objects() -> None:
    assert set_distance(np.zeros((0, 0))) == 0
    assert set_distance(np.zeros((0, 3))) == 1
    assert set_distance(np.zeros((2, 2))) == 1
    assert set_distance(np.eye(3)) == 0
    # One match of .5, one unmatched object on each side: costs .5, 1 and 1.
    assert set_distance(np.array([[0.5, 0.0], [0.0, 0.0]])) == pytest.approx(2.5 / 3)
    # Greedy matching would choose .6 and leave the others unmatched.
    assert set_distance(np.array([[0.6, 0.5], [0.5, 0.0]])) == pytest.approx(0.5)


def test_equal_boxes_have_alpha_one_and_pairs_show_who_differs() -> None:
    same = {(u, w): [[10.0 * u, 0, 10 * u + 8, 8]] for u in range(5) for w in (1, 2)}
    sets, similarity = sets_of(same)
    assert object_agreement(sets, similarity).alpha.value == 1
    with_third_worker = {**same, **{(u, 3): [[10.0 * u + 4, 0, 10 * u + 12, 8]] for u in range(5)}}
    result = object_agreement(*sets_of(with_third_worker), bootstrap=Bootstrap(replicates=50))
    # Half of 8 x 8 is shared: IoU 32 / 96.
    assert result.alpha.observed == pytest.approx((0 + 2 / 3 + 2 / 3) / 3)
    assert (result.alpha.low, result.alpha.high) == pytest.approx((result.alpha.value, result.alpha.value))
    pairs = zip(result.first.tolist(), result.second.tolist(), result.distance, strict=True)
    assert {(a, b): d for a, b, d in pairs} == {(1, 2): 0, (1, 3): pytest.approx(2 / 3), (2, 3): pytest.approx(2 / 3)}


def test_alpha_of_boxes_is_one_minus_observed_over_expected() -> None:
    rng = np.random.default_rng(2)
    objects = {}
    for unit in range(6):
        for worker in range(3):
            corner = rng.integers(0, 20, size=(int(rng.integers(0, 4)), 2)).astype(float)
            objects[unit, worker] = np.hstack([corner, corner + 10]).tolist()
    sets, similarity = sets_of(objects)
    n = len(sets.unit)
    i, j = np.triu_indices(n, k=1)
    distance = set_distances(sets, similarity, i, j)
    within = sets.unit[i] == sets.unit[j]
    result = object_agreement(sets, similarity)
    assert result.alpha.observed == pytest.approx(distance[within].mean())
    assert result.alpha.expected == pytest.approx(distance.mean())
    assert result.alpha.value == pytest.approx(1 - distance[within].mean() / distance.mean())
    sampled = object_agreement(sets, similarity, chance_pairs=100)
    assert sampled.alpha.expected == pytest.approx(distance.mean(), abs=0.15)


def test_drawing_nothing_disagrees_with_drawing_an_object() -> None:
    sets, similarity = sets_of({(0, 1): [[0, 0, 5, 5]], (0, 2): [], (1, 1): [], (1, 2): []})
    result = object_agreement(sets, similarity)
    assert result.alpha.observed == pytest.approx(0.5)
    alone, nothing = sets_of({(0, 1): [[0, 0, 5, 5]]})
    assert math.isnan(object_agreement(alone, nothing).alpha.value)


def test_keypoints_are_compared_by_oks() -> None:
    xy = np.array([[[0.0, 0], [10, 10]], [[1, 0], [10, 10]], [[30, 30], [40, 40]], [[30, 30], [40, 40]]])
    points = KeypointSimilarity.from_joints(xy, np.ones((4, 2), np.bool_), sigmas=np.array([0.05, 0.05]))
    task, worker = np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2])
    sets = ObjectSets.of(task, worker, task, worker)
    near = points.of(np.array([0]), np.array([1]))[0]
    assert object_agreement(sets, points).alpha.observed == pytest.approx((1 - near) / 2)


def test_objects_of_one_class_can_be_compared_separately() -> None:
    task, worker = np.array([0, 0, 0]), np.array([1, 1, 2])
    sets = ObjectSets.of(task, worker, np.array([0, 0]), np.array([1, 3]), kept=np.array([True, False, True]))
    assert sets.worker.tolist() == [1, 2, 3]
    assert sets.sizes().tolist() == [1, 1, 0]
    assert sets.rows.tolist() == [0, 2]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["bluebirds", "dog", "cf"])
def test_alpha_of_real_answers_equals_that_of_nltk(name: str) -> None:
    file = Path(__file__).resolve().parents[4] / "shared" / "data" / "crowd" / name / "answers.csv"
    rows = [tuple(map(int, line.split(","))) for line in file.read_text().splitlines()[1:]]
    expected = AnnotationTask([(worker, task, label) for task, worker, label in rows]).alpha()
    assert alpha(Ratings.of(Answers.of(*zip(*rows, strict=True)))).value == pytest.approx(expected, abs=1e-9)
