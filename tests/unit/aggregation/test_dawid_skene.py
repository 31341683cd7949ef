"""Dawid-Skene equals crowd-kit's where the models are the same, and its result depends only on the answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.dawid_skene import MAX_CONFUSION_SIZE, DawidSkene, check_size
from annotary_core.aggregation.classification.kernels import KernelChoice
from annotary_core.labels.arrays import FloatArray
from tests.benchmarks.consensus_boxes import CROWD, read_columns
from tests.label_rows import crowd_columns

METHODS = (DawidSkene(), DawidSkene(form="map"))
CROWDS = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 6), st.integers(1, 4))
Crowd = tuple[int, int, int, int]


def columns_of(crowd: Crowd) -> tuple[Any, ...]:
    seed, tasks, workers, classes = crowd
    return crowd_columns(np.random.default_rng(seed), tasks=tasks, workers=workers, classes=classes)


def dense(result: Consensus, classes: int) -> FloatArray:
    return result.posteriors.dense(np.arange(classes))


def crowd_kit(columns: tuple[Any, ...], gold: dict[int, int], *, iterations: int) -> tuple[FloatArray, int]:
    """crowd-kit's posteriors, tasks and classes ascending, and the number of iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from crowdkit.aggregation import DawidSkene as Oracle

        frame = pd.DataFrame(dict(zip(("task", "worker", "label"), columns, strict=False)))
        oracle = Oracle(n_iter=iterations)
        posteriors = oracle.fit_predict_proba(frame, pd.Series(gold, dtype="int64") if gold else None)
    return posteriors.sort_index().sort_index(axis=1).to_numpy(), len(oracle.loss_history_)


@pytest.mark.parametrize("kernel", ["numpy", "compiled"])
@pytest.mark.parametrize(("seed", "tasks", "workers", "classes"), [(1, 300, 8, 2), (2, 200, 12, 5), (3, 900, 5, 3)])
def test_maximum_likelihood_equals_crowd_kit(
    kernel: KernelChoice, seed: int, tasks: int, workers: int, classes: int
) -> None:
    columns = columns_of((seed, tasks, workers, classes))
    expected, iterations = crowd_kit(columns, {}, iterations=50)
    method = DawidSkene(max_iterations=iterations, tolerance=0, kernel=kernel)
    result = method.fit_predict(Answers.of(*columns[:3]))
    assert np.abs(dense(result, classes) - expected).max() < 1e-9


@pytest.mark.shared
@pytest.mark.parametrize("name", ["bluebirds", "dog", "cf", "zencrowd_us"])
def test_maximum_likelihood_equals_crowd_kit_on_real_labels(name: str) -> None:
    rows = read_columns(CROWD / name / "answers.csv").astype(np.int64).T
    expected, iterations = crowd_kit(tuple(rows), {}, iterations=100)
    result = DawidSkene(max_iterations=iterations, tolerance=0).fit_predict(Answers.of(*rows))
    assert np.abs(result.posteriors.dense(np.unique(rows[2])) - expected).max() < 1e-9


def test_gold_is_clamped_as_in_crowd_kit() -> None:
    columns = columns_of((4, 250, 7, 3))
    gold = {task: int(columns[3][task]) for task in range(0, 250, 9)}
    expected, iterations = crowd_kit(columns, gold, iterations=50)
    result = DawidSkene(max_iterations=iterations, tolerance=0).fit_predict(Answers.of(*columns[:3], gold=gold))
    assert np.abs(dense(result, 3) - expected).max() < 1e-9


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=30, deadline=None)
@given(crowd=CROWDS, rng=st.randoms(use_true_random=False))
def test_result_depends_only_on_the_answers(method: DawidSkene, crowd: Crowd, rng: Any) -> None:
    """A different row order gives the same bits; other ids of tasks, workers and classes give the same posteriors."""
    task, worker, label, _ = columns_of(crowd)
    classes = crowd[3]
    result = method.fit_predict(Answers.of(task, worker, label, classes=range(classes)))
    total = np.add.reduceat(result.posteriors.p, result.posteriors.start[:-1])
    assert total == pytest.approx(np.ones(len(total)), abs=1e-9)

    order = np.array(rng.sample(range(len(task)), len(task)))
    again = method.fit_predict(Answers.of(task[order], worker[order], label[order], classes=range(classes)))
    assert again.posteriors.p.tobytes() == result.posteriors.p.tobytes()
    assert again.label.tolist() == result.label.tolist()

    to_task, to_worker, to_label = (np.array(rng.sample(range(size), size)) for size in (crowd[1], crowd[2], classes))
    renamed = method.fit_predict(Answers.of(to_task[task], to_worker[worker], to_label[label], classes=range(classes)))
    assert dense(renamed, classes)[to_task][:, to_label] == pytest.approx(dense(result, classes), abs=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_skill_separates_good_workers_from_bad_ones(method: DawidSkene) -> None:
    task, worker, label, truth = columns_of((6, 1_500, 8, 4))
    result = method.fit_predict(Answers.of(task, worker, label))
    assert (result.label == truth).mean() > 0.87
    assert result.workers.tolist() == list(range(8))
    assert result.skill == pytest.approx(np.linspace(0.95, 0.25, 8), abs=0.08)
    assert result.confidence.min() > 0.25


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_perfect_workers_outvote_guessers(method: DawidSkene) -> None:
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 2, 400)
    worker = np.repeat(np.arange(6), 400)
    label = np.concatenate([truth, truth, truth, *rng.integers(0, 2, (3, 400))])
    result = method.fit_predict(Answers.of(np.tile(np.arange(400), 6), worker, label))
    assert (result.label == truth).all()
    assert (result.skill[:3] > 0.97).all()
    assert (result.skill[3:] < 0.6).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_small_inputs_work(method: DawidSkene) -> None:
    empty = method.fit_predict(Answers.of([], [], []))
    assert (len(empty.task), empty.posteriors.start.tolist()) == (0, [0])
    assert len(method.fit_predict(Answers.of([], [], [], classes=[1, 2], gold={1: 2})).task) == 0
    one = method.fit_predict(Answers.of([7], [3], [9]))
    assert (one.task.tolist(), one.label.tolist(), one.confidence.tolist()) == ([7], [9], [1.0])
    assert (one.n.tolist(), one.tied.tolist(), one.skill.tolist()) == ([1], [False], [1.0])
    no_votes = method.fit_predict(Answers.of([7, 8], [3, 4], [9, 5], weights=[0, 0]))
    assert no_votes.confidence.tolist() == [0.5, 0.5]
    assert no_votes.tied.tolist() == [True, True]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_gold_class_has_confidence_one(method: DawidSkene) -> None:
    result = method.fit_predict(Answers.of([1, 1, 2, 2], [1, 2, 1, 2], [0, 1, 0, 1], gold={1: 1}))
    assert (result.label[0], result.confidence[0], result.tied[0]) == (1, 1.0, False)
    # The worker who was correct on the gold task outweighs the other.
    assert result.label[1] == 1


def test_tie_breaking_is_unbiased_and_deterministic() -> None:
    answers = Answers.of(np.repeat(np.arange(600), 2), np.tile([1, 2], 600), np.tile([0, 1], 600))
    results = [DawidSkene(form="map", seed=seed).fit_predict(answers) for seed in (0, 0, 1)]
    assert results[0].tied.all()
    assert 220 < results[0].label.sum() < 380
    assert results[0].label.tolist() == results[1].label.tolist() != results[2].label.tolist()


def test_only_the_highest_classes_take_part_in_a_tie_break() -> None:
    priors = [0.2, 0.4, 0.4]
    answers = Answers.of(range(90), [1] * 90, [0] * 90, classes=[0, 1, 2], priors=priors, weights=[0] * 90)
    result = DawidSkene().fit_predict(answers)
    assert set(result.label.tolist()) == {1, 2}
    assert result.confidence == pytest.approx(np.full(90, 0.4))


def test_known_priors_stay_fixed() -> None:
    answers = Answers.of([1, 2], [1, 2], [0, 1], weights=[0, 0], priors=[0.3, 0.7])
    assert dense(DawidSkene(form="map").fit_predict(answers), 2)[0] == pytest.approx([0.3, 0.7])


def test_repeated_answers_count_each_in_ml_and_once_in_map() -> None:
    task, worker, label, _ = columns_of((12, 80, 4, 2))
    rows, times = np.unique(np.stack([task, worker, label]), axis=1, return_counts=True)
    counted = DawidSkene().fit_predict(Answers.of(task, worker, label))
    weighted = DawidSkene().fit_predict(Answers.of(*rows, weights=times))
    assert dense(counted, 2) == pytest.approx(dense(weighted, 2), abs=1e-9)

    again = np.concatenate([np.arange(len(task)), np.arange(len(task))])
    once = DawidSkene(form="map").fit_predict(Answers.of(task, worker, label))
    twice = DawidSkene(form="map").fit_predict(Answers.of(task[again], worker[again], label[again]))
    assert dense(twice, 2) == pytest.approx(dense(once, 2), abs=1e-9)


def test_too_many_classes_are_refused_with_an_alternative() -> None:
    check_size(MAX_CONFUSION_SIZE // 2**20, 1_024)
    with pytest.raises(ValueError, match="one-coin"):
        check_size(MAX_CONFUSION_SIZE // 1_000_000 + 1, 1_000)
