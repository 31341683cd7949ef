"""The default method: close to the better of its two models, majority vote at a cold start, and its fitted model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import COLD_START_ANSWERS, Blend, fit_blend, fit_coded, fit_passes
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fit_passes import Sharded, split_shards
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.classification.one_coin import OneCoin
from annotary_core.aggregation.classification.predict import FittedBlend, predict_proba
from annotary_core.labels.arrays import IntArray
from tests.label_rows import crowd_columns

SEEDS = st.integers(0, 2**31)


def crowd(seed: int, *, tasks: int = 400, workers: int = 12, classes: int = 3) -> tuple[Answers, IntArray]:
    task, worker, label, truth = crowd_columns(
        np.random.default_rng(seed), tasks=tasks, workers=workers, classes=classes
    )
    return Answers.of(task, worker, label), truth


def dense(result: Consensus, answers: Answers) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return result.posteriors.dense(answers.classes)


def swapping_crowd(seed: int) -> tuple[Answers, IntArray]:
    """Almost half of the workers nearly always swap classes 0 and 1, which only confusion matrices can model."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 500)
    labels = np.repeat(truth[:, None], 9, axis=1)
    swapped = np.array([1, 0, 2])[labels[:, :4]]
    labels[:, :4] = np.where(rng.random((500, 4)) < 0.9, swapped, labels[:, :4])
    noise = rng.random(labels.shape) < 0.15
    labels[noise] = rng.integers(0, 3, int(noise.sum()))
    return Answers.of(np.repeat(np.arange(500), 9), np.tile(np.arange(9), 500), labels.ravel()), truth


@given(SEEDS)
@settings(max_examples=8, deadline=None)
def test_result_does_not_depend_on_row_order_or_task_and_worker_ids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers, _ = crowd(seed)
    first = dense(Blend().fit_predict(answers), answers)
    order = rng.permutation(len(answers.task))
    shuffled = Answers.of(answers.task[order], answers.worker[order], answers.label[order])
    assert np.array_equal(first, dense(Blend().fit_predict(shuffled), answers))
    tasks, workers = rng.permutation(5_000)[:400], rng.permutation(5_000)[:12]
    renamed = Answers.of(tasks[answers.task], workers[answers.worker], answers.label)
    result = Blend().fit_predict(renamed)
    assert dense(result, answers)[np.searchsorted(result.task, tasks)] == pytest.approx(first, abs=1e-7)


@given(SEEDS)
@settings(max_examples=8, deadline=None)
def test_result_does_not_depend_on_class_ids(seed: int) -> None:
    answers, _ = crowd(seed)
    names = np.array([7, 2, 5])
    renamed = Answers.of(answers.task, answers.worker, names[answers.label])
    first = dense(Blend().fit_predict(answers), answers)
    again = Blend().fit_predict(renamed).posteriors.dense(renamed.classes)
    assert again[:, np.searchsorted(renamed.classes, names)] == pytest.approx(first, abs=1e-7)


@given(SEEDS, st.integers(150, 900))
@settings(max_examples=8, deadline=None)
def test_sharded_fit_equals_in_memory_fit(seed: int, rows: int) -> None:
    answers, _ = crowd(seed, workers=6)
    encoded = EncodedAnswers.of(answers, repeats="share")
    parts = split_shards(encoded, rows=rows)
    in_memory = fit_coded(encoded, answers)
    sharded = fit_passes(Sharded(lambda: parts), answers, workers=encoded.workers, rows=len(encoded.cell))
    assert sharded.gain == pytest.approx(in_memory.gain, abs=1e-9)
    assert sharded.model.accuracy == pytest.approx(in_memory.model.accuracy, abs=1e-9)
    assert sharded.model.confusion == pytest.approx(in_memory.model.confusion, abs=1e-9)
    assert predict_proba(sharded.model, encoded) == pytest.approx(predict_proba(in_memory.model, encoded), abs=1e-9)


@given(SEEDS)
@settings(max_examples=8, deadline=None)
def test_probabilities_sum_to_one_and_the_elbo_never_falls(seed: int) -> None:
    answers, _ = crowd(seed)
    fitted = fit_coded(EncodedAnswers.of(answers, repeats="share"), answers)
    for elbo in (fitted.one_coin_elbo, fitted.confusion_elbo):
        assert len(elbo) > 1
        assert np.diff(elbo).min() >= -1e-9 * abs(elbo[-1])
    sums = dense(Blend().fit_predict(answers), answers).sum(axis=1)
    assert sums == pytest.approx(np.ones(len(sums)))
    assert 0 <= fitted.model.blend <= 1
    assert fitted.model.confusion.sum(axis=2) == pytest.approx(np.ones((12, 3)))


def test_confusion_model_dominates_when_workers_confuse_classes() -> None:
    answers, truth = swapping_crowd(3)
    fitted = fit_coded(EncodedAnswers.of(answers, repeats="share"), answers)
    assert fitted.gain > 1
    assert fitted.model.blend > 0.5
    accuracy = (Blend().fit_predict(answers).label == truth).mean()
    assert accuracy > 0.95
    assert accuracy > (OneCoin().fit_predict(answers).label == truth).mean()


def test_one_coin_model_dominates_when_it_is_sufficient() -> None:
    answers, truth = crowd(4, workers=30)
    assert fit_blend(answers).blend < 0.5
    result = Blend().fit_predict(answers)
    assert (result.label == truth).mean() >= (Majority().fit_predict(answers).label == truth).mean()


def test_a_perfect_worker_dominates_and_guessers_do_no_harm() -> None:
    rng = np.random.default_rng(9)
    truth = rng.integers(0, 3, 400)
    honest = np.where(rng.random((400, 3)) < 0.75, truth[:, None], rng.integers(0, 3, (400, 3)))
    guesses = rng.integers(0, 3, (400, 3))

    def accuracy_of(labels: IntArray) -> tuple[float, Consensus]:
        size = labels.shape[1]
        answers = Answers.of(np.repeat(np.arange(400), size), np.tile(np.arange(size), 400), labels.ravel())
        result = Blend().fit_predict(answers)
        return float((result.label == truth).mean()), result

    alone, _ = accuracy_of(honest)
    with_guessers, guessed = accuracy_of(np.hstack([honest, guesses]))
    assert with_guessers >= alone - 0.01
    assert guessed.skill[:3].min() > 0.65 > 0.5 > guessed.skill[3:].max()
    with_perfect, perfect = accuracy_of(np.hstack([honest, guesses, truth[:, None]]))
    assert with_perfect > 0.98
    assert perfect.skill[-1] == perfect.skill.max()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_cold_start_equals_majority(rows: list[tuple[int, int, int]]) -> None:
    answers = Answers.of(*zip(*sorted({row[:2]: row for row in rows}.values()), strict=True))
    blend, majority = Blend(seed=3).fit_predict(answers), Majority(seed=3).fit_predict(answers)
    assert blend.label.tolist() == majority.label.tolist()
    assert blend.tied.tolist() == majority.tied.tolist()


def test_gold_identifies_good_workers_during_a_cold_start() -> None:
    # Two workers outvote one, but that one was correct on all gold tasks.
    rows = [(task, worker, label) for task in range(20) for worker, label in ((1, 0), (2, 1), (3, 1))]
    rows += [(99, 1, 0), (99, 2, 1), (99, 3, 1)]
    columns = list(zip(*rows, strict=True))
    assert len(rows) < COLD_START_ANSWERS
    assert Blend().fit_predict(Answers.of(*columns)).label[-1] == 1
    with_gold = Blend().fit_predict(Answers.of(*columns, gold=dict.fromkeys(range(20), 0)))
    assert with_gold.label.tolist() == [0] * 21
    assert with_gold.confidence[:20].tolist() == [1.0] * 20
    assert with_gold.skill[0] > 0.9 > 0.3 > with_gold.skill[1]


def test_a_fitted_model_predicts_the_same_after_a_json_round_trip() -> None:
    answers, _ = crowd(11)
    model = fit_blend(answers)
    again = FittedModel.from_json(json.loads(json.dumps(model.to_json())))
    first, second = FittedBlend(model).fit_predict(answers), FittedBlend(again).fit_predict(answers)
    assert dense(second, answers) == pytest.approx(dense(first, answers), abs=1e-7)
    assert second.label.tolist() == first.label.tolist()


def test_a_subset_of_workers_suffices_for_tasks_that_only_they_answered() -> None:
    answers, _ = crowd(12)
    model = fit_blend(answers)
    mine = np.isin(answers.worker, [2, 5])
    part = Answers.of(answers.task[mine], answers.worker[mine], answers.label[mine], classes=answers.classes)
    subset = FittedModel.from_parts(model.header_json(), {worker: model.worker_json(worker) for worker in (2, 5)})
    assert dense(FittedBlend(subset).fit_predict(part), part) == pytest.approx(
        dense(FittedBlend(model).fit_predict(part), part), abs=1e-7
    )


def test_unknown_workers_get_pooled_parameters_and_new_classes_can_win() -> None:
    answers, _ = crowd(13)
    model = fit_blend(answers)
    unknown = FittedBlend(model).fit_predict(Answers.of([1, 1], [901, 902], [2, 2], classes=[0, 1, 2]))
    assert unknown.label.tolist() == [2]
    assert 1 / 3 < unknown.confidence[0] < 1
    new = FittedBlend(model).fit_predict(Answers.of([1, 1, 1], [0, 1, 2], [8, 8, 8], classes=[0, 1, 2, 8]))
    assert new.label.tolist() == [8]


def test_no_answers_one_task_one_worker_and_one_class() -> None:
    assert len(Blend().fit_predict(Answers.of([], [], [])).task) == 0
    assert Blend().fit_predict(Answers.of([4], [1], [6])).label.tolist() == [6]
    unanimous = Blend().fit_predict(Answers.of([1] * 2_000, range(2_000), [3] * 2_000))
    assert (unanimous.label.tolist(), unanimous.confidence.tolist()) == ([3], [1.0])
    single_worker = Blend().fit_predict(Answers.of(range(1_200), [1] * 1_200, np.arange(1_200) % 4))
    assert single_worker.label.tolist() == [task % 4 for task in range(1_200)]
