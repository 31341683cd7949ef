"""Label quality: entropy, calibration, likely label errors, and confused classes."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crowdkit.metrics.data import uncertainty
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers, Consensus, Posteriors
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.io.tables import ClassTable, read_answers
from annotary_core.aggregation.label_quality.calibration import MIN_PROBABILITY, calibrate
from annotary_core.aggregation.label_quality.class_confusions import ConfusedPairs, confusions
from annotary_core.aggregation.label_quality.label_errors import label_uncertainty, rank_label_issues, set_uncertainty


def consensus(posteriors: dict[int, dict[int, float]]) -> Consensus:
    """Return tasks with these posteriors, each labeled with its likeliest class, with two answers each."""
    tasks = sorted(posteriors)
    best = [max(posteriors[task], key=posteriors[task].__getitem__) for task in tasks]
    cells = [(label, p) for task in tasks for label, p in sorted(posteriors[task].items())]
    start = np.cumsum([0, *(len(posteriors[task]) for task in tasks)])
    return Consensus(
        task=np.array(tasks, np.int64),
        label=np.array(best, np.int64),
        confidence=np.array([posteriors[task][label] for task, label in zip(tasks, best, strict=True)]),
        n=np.full(len(tasks), 2, np.int64),
        tied=np.zeros(len(tasks), np.bool_),
        posteriors=Posteriors(
            start.astype(np.int64),
            np.array([c for c, _ in cells], np.int64),
            np.array([p for _, p in cells], np.float64),
        ),
    )


THREE = {4: {1: 0.5, 2: 0.25, 3: 0.25}, 5: {1: 0.0, 2: 1.0}, 9: {1: 0.1, 3: 0.9}}


def test_entropy_is_in_bits_and_expected_error_is_one_minus_the_posterior() -> None:
    doubt = label_uncertainty(consensus(THREE))
    assert doubt.task.tolist() == [4, 5, 9]
    assert doubt.entropy == pytest.approx([1.5, 0, -0.1 * math.log2(0.1) - 0.9 * math.log2(0.9)])
    assert doubt.expected_error == pytest.approx([0.5, 0, 0.1])


def test_set_uncertainty_sums_over_labels() -> None:
    total = set_uncertainty(label_uncertainty(consensus(THREE)))
    assert total.labels == 3
    assert total.expected_wrong == pytest.approx(0.6)
    assert total.expected_error == pytest.approx(0.2)
    assert total.deviation == pytest.approx(math.sqrt(0.25 + 0.09))


def test_an_empty_set_has_no_uncertainty() -> None:
    empty = consensus({})
    total = set_uncertainty(label_uncertainty(empty))
    assert (total.labels, total.expected_wrong) == (0, 0)
    assert math.isnan(total.expected_error)
    assert math.isnan(total.mean_entropy)
    assert len(rank_label_issues(empty).task) == 0
    assert calibrate(empty, {1: 1}).n == 0
    assert len(confusions(Answers.of([], [], []), empty).a) == 0


# crowd-kit calls a deprecated pandas API.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_mean_entropy_of_a_majority_vote_is_crowd_kits_uncertainty() -> None:
    rng = np.random.default_rng(0)
    task, worker = np.divmod(np.arange(120), 6)
    label = rng.integers(4, size=120)
    ours = set_uncertainty(label_uncertainty(Majority().fit_predict(Answers.of(task, worker, label)))).mean_entropy
    theirs = uncertainty(pd.DataFrame({"task": task, "worker": worker, "label": label}))
    assert ours * math.log(2) == pytest.approx(theirs, abs=1e-5)


def test_likely_errors_come_first_with_the_likeliest_other_class() -> None:
    result = rank_label_issues(consensus(THREE))
    assert result.task.tolist() == [4, 9, 5]
    assert result.wrong == pytest.approx([0.5, 0.1, 0])
    assert result.other.tolist() == [2, 1, 2]
    assert result.other_p == pytest.approx([0.25, 0.1, 0])
    assert rank_label_issues(consensus(THREE), limit=1).task.tolist() == [4]


def test_released_labels_are_evaluated_with_the_current_posterior() -> None:
    result = rank_label_issues(consensus(THREE), released={9: 1, 4: 1, 77: 1, 5: 6})
    assert result.task.tolist() == [5, 9, 4]
    assert result.label.tolist() == [6, 1, 1]
    assert result.wrong == pytest.approx([1, 0.9, 0.5])
    assert result.other.tolist() == [2, 3, 2]


def test_calibration_measures_match_a_manual_calculation() -> None:
    result = consensus({1: {0: 0.6, 1: 0.4}, 2: {0: 0.6, 1: 0.4}, 3: {0: 0.05, 1: 0.95}, 4: {1: 1.0}, 7: {1: 1.0}})
    calibration = calibrate(result, {1: 0, 2: 1, 3: 1, 4: 0, 99: 1})
    assert calibration.n == 4
    assert calibration.accuracy == pytest.approx(0.5)
    assert calibration.confidence == pytest.approx((0.6 + 0.6 + 0.95 + 1) / 4)
    assert calibration.curve.low == pytest.approx([0.5, 0.9])
    assert calibration.curve.n.tolist() == [2, 2]
    assert calibration.curve.confidence == pytest.approx([0.6, 0.975])
    assert calibration.curve.right == pytest.approx([0.5, 0.5])
    assert calibration.error == pytest.approx((0.1 + 0.475) / 2)
    assert calibration.brier == pytest.approx((0.32 + 0.72 + 0.005 + 2) / 4)
    assert calibration.log_loss == pytest.approx(-np.mean(np.log([0.6, 0.4, 0.95, MIN_PROBABILITY])))


def test_a_calibrated_posterior_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(0.5, 1, size=20_000)
    result = consensus({task: {0: value, 1: 1 - value} for task, value in enumerate(p.tolist())})
    truth = {task: int(right) for task, right in enumerate(rng.random(20_000) >= p)}
    calibrated = calibrate(result, truth)
    assert calibrated.error < 0.02
    overconfident = calibrate(replace(result, confidence=np.minimum(result.confidence + 0.2, 1)), truth)
    assert overconfident.error > 0.1
    assert overconfident.confidence > overconfident.accuracy


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7, 1.0, 1 / 3]), min_size=1, max_size=8), st.integers(1, 20))
def test_every_task_has_a_bin(p: list[float], bins: int) -> None:
    result = consensus({task: {0: value} for task, value in enumerate(p)})
    calibration = calibrate(result, dict.fromkeys(range(len(p)), 0), bins=bins)
    assert calibration.curve.n.sum() == len(p)
    assert (
        (calibration.curve.confidence <= calibration.curve.high + 1e-9)
        & (calibration.curve.confidence >= calibration.curve.low - 1e-9)
    ).all()


def crowd(unclear: bool, *, bad_worker: bool = False, seed: int = 0) -> tuple[Answers, Consensus]:
    """Simulate 600 tasks, 5 classes, 20 workers, 5 answers per task, 15% careless errors; the posterior is the truth.

    unclear: three workers in four swap classes 1 and 2 half of the time. bad_worker: worker 0 always swaps them.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(5, size=600)
    task = np.repeat(np.arange(600), 5)
    worker = np.concatenate([rng.choice(20, 5, replace=False) for _ in range(600)])
    label = np.where(rng.random(len(task)) < 0.15, (truth[task] + rng.integers(1, 5, len(task))) % 5, truth[task])
    pair = np.isin(truth[task], [1, 2])
    swapped = 3 - truth[task]
    if unclear:
        label = np.where(pair & (worker % 4 > 0) & (rng.random(len(task)) < 0.5), swapped, label)
    if bad_worker:
        label = np.where(pair & (worker == 0), swapped, label)
    return Answers.of(task, worker, label), consensus({t: {int(c): 1.0} for t, c in enumerate(truth)})


def first(pairs: ConfusedPairs) -> tuple[int, int]:
    return int(pairs.a[0]), int(pairs.b[0])


def test_a_pair_that_many_workers_confuse_is_found_with_its_rates() -> None:
    answers, result = crowd(unclear=True)
    pairs = confusions(answers, result)
    assert first(pairs) == (1, 2)
    assert pairs.unclear.tolist() == [True] + [False] * (len(pairs.a) - 1)
    assert pairs.a_as_b[0] == pytest.approx(0.75 * 0.5, abs=0.08)
    assert pairs.b_as_a[0] == pytest.approx(0.75 * 0.5, abs=0.08)
    assert pairs.workers[0] == 20
    assert pairs.affected[0] == pytest.approx(0.75, abs=0.16)
    assert pairs.seen[0] > 2 * pairs.expected[0]


def test_one_bad_worker_does_not_make_a_pair_unclear() -> None:
    pairs = confusions(*crowd(unclear=False, bad_worker=True))
    index = list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)).index((1, 2))
    assert pairs.score[index] > 3
    assert pairs.worst[index] == 0
    assert not pairs.unclear.any()


@pytest.mark.parametrize("seed", range(5))
def test_carelessness_alone_makes_no_pair_unclear(seed: int) -> None:
    assert not confusions(*crowd(unclear=False, seed=seed)).unclear.any()


def test_renumbering_classes_workers_and_tasks_only_changes_the_numbers() -> None:
    answers, result = crowd(unclear=True)
    before = confusions(answers, result)
    renamed = Answers.of(answers.task[::-1] + 7, 50 - answers.worker[::-1], 9 - answers.label[::-1])
    after = confusions(renamed, consensus({t + 7: {9 - int(c): 1.0} for t, c in enumerate(result.label)}))
    assert (after.a[0], after.b[0]) == (9 - before.b[0], 9 - before.a[0])
    assert after.score == pytest.approx(before.score)
    assert after.score_without_worst == pytest.approx(before.score_without_worst)
    assert (50 - after.worst).tolist()[:1] == before.worst.tolist()[:1]


def test_two_classes_have_no_significant_pair() -> None:
    rng = np.random.default_rng(0)
    task, worker = np.divmod(np.arange(500), 5)
    label = (task % 2 + (rng.random(500) < 0.3)) % 2
    pairs = confusions(Answers.of(task, worker, label), consensus({t: {t % 2: 1.0} for t in range(100)}))
    assert not pairs.unclear.any()


@pytest.mark.shared
def test_similar_dog_breeds_are_found_in_real_answers() -> None:
    file = Path(__file__).resolve().parents[4] / "shared" / "data" / "crowd" / "dog" / "answers.csv"
    table = read_answers(file)
    assert isinstance(table, ClassTable)
    pairs = confusions(table.answers, Majority().fit_predict(table.answers))
    unclear = {(int(a), int(b)) for a, b in zip(pairs.a[pairs.unclear], pairs.b[pairs.unclear], strict=True)}
    assert unclear == {(0, 1), (2, 3)}
