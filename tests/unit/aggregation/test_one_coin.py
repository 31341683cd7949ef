"""One-coin: accuracies with a prior, for any number of classes. Also weighted majority."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.em import e_step
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.classification.one_coin import OneCoin, TemperedClassPrior, accuracy_prior, fit_one_coin
from annotary_core.aggregation.classification.one_coin_em import OneCoinEStep
from annotary_core.aggregation.classification.wawa import WeightedMajority

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40)
GOLD = st.dictionaries(st.integers(0, 6), st.integers(0, 3), max_size=3)


def columns(rows: list[tuple[int, int, int]], gold: dict[int, int] | None = None) -> Answers:
    return Answers.of(*zip(*rows, strict=True), gold=gold, classes=[0, 1, 2, 3])


@given(ROWS, GOLD)
@settings(max_examples=60, deadline=None)
def test_e_step_equals_that_of_equivalent_confusion_matrices(
    rows: list[tuple[int, int, int]], gold: dict[int, int]
) -> None:
    encoded = EncodedAnswers.of(columns(rows, gold), repeats="share")
    accuracy = np.linspace(0.4, 0.9, len(encoded.workers))
    prior = np.log(np.array([0.4, 0.3, 0.2, 0.1])) / 2
    theta = np.repeat(((1 - accuracy) / 3)[:, None, None], 4, axis=1).repeat(4, axis=2)
    theta[:, np.arange(4), np.arange(4)] = accuracy[:, None]
    dense_posterior, dense_statistics = e_step(encoded, np.log(theta), prior)
    one_coin = OneCoinEStep(encoded)
    posterior, statistics = one_coin.e_step(np.log(np.stack([accuracy, 1 - accuracy], axis=1)), prior)
    assert one_coin.dense(posterior, prior) == pytest.approx(dense_posterior, abs=1e-12)
    assert statistics.log_likelihood == pytest.approx(dense_statistics.log_likelihood)
    assert statistics.class_counts == pytest.approx(dense_statistics.class_counts)
    correct = np.einsum("wkk->w", dense_statistics.counts)
    assert statistics.counts == pytest.approx(
        np.stack([correct, dense_statistics.counts.sum(axis=(1, 2)) - correct], axis=1), abs=1e-12
    )


@given(ROWS, GOLD)
@settings(max_examples=60, deadline=None)
def test_em_never_lowers_the_elbo(rows: list[tuple[int, int, int]], gold: dict[int, int]) -> None:
    answers = columns(rows, gold)
    encoded = EncodedAnswers.of(answers, repeats="share")
    trace = fit_one_coin(
        OneCoinEStep(encoded),
        accuracy_prior(answers, encoded.workers),
        TemperedClassPrior(),
        max_iterations=40,
        tolerance=0,
    )
    steps = np.diff(trace.elbo)
    assert len(steps) == 39
    assert steps.min() >= -1e-9 * abs(trace.elbo[-1])


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_leave_one_out_predicts_each_answer_without_its_own_row(rows: list[tuple[int, int, int]]) -> None:
    encoded = EncodedAnswers.of(columns(sorted(set(rows))), repeats="share")
    one_coin = OneCoinEStep(encoded)
    accuracy = np.linspace(0.4, 0.9, len(encoded.workers))
    log_accuracy, prior = np.log(np.stack([accuracy, 1 - accuracy], axis=1)), np.zeros(4)
    posterior, statistics = one_coin.e_step(log_accuracy, prior)
    seen = statistics.counts + np.array([8.0, 2.0])
    expected = 0.0
    for row, (task, worker, label) in enumerate(zip(encoded.task, encoded.worker, encoded.label, strict=True)):
        score = np.zeros(4)
        for other in np.flatnonzero(encoded.task == task):
            w, voted, vote = encoded.worker[other], encoded.label[other], encoded.vote[other] * (other != row)
            score += vote * np.where(np.arange(4) == voted, log_accuracy[w, 0], log_accuracy[w, 1] - np.log(3))
        without = (np.exp(score) / np.exp(score).sum())[label]
        vote = encoded.vote[row]
        leave_one_out_accuracy = (seen[worker, 0] - vote * one_coin.dense(posterior, prior)[task, label]) / (
            seen[worker].sum() - vote
        )
        expected += vote * np.log(without * leave_one_out_accuracy + (1 - without) * (1 - leave_one_out_accuracy) / 3)
    assert one_coin.leave_one_out(log_accuracy, prior, seen[:, 0], seen.sum(axis=1)) == pytest.approx(expected)


def test_a_good_worker_outvotes_two_guessers() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 400)
    labels = np.stack([truth, np.where(rng.random(400) < 0.9, truth, 1 - truth), *rng.integers(0, 2, (2, 400))], axis=1)
    answers = Answers.of(np.repeat(np.arange(400), 4), np.tile(np.arange(4), 400), labels.ravel())
    result = OneCoin().fit_predict(answers)
    assert (result.label == truth).mean() > 0.95
    assert result.skill[0] > result.skill[1] > 0.8 > 0.65 > result.skill[2:].max()


def test_history_distinguishes_workers_without_other_evidence() -> None:
    rows = ([1, 1], [7, 8], [0, 1])
    assert OneCoin().fit_predict(Answers.of(*rows, history={7: (50, 0), 8: (10, 40)})).label.tolist() == [0]
    assert OneCoin().fit_predict(Answers.of(*rows, history={8: (50, 0), 7: (10, 40)})).label.tolist() == [1]
    assert OneCoin().fit_predict(Answers.of(*rows)).tied.tolist() == [True]


def test_an_invalid_history_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1e15"):
        Answers.of([1], [1], [1], history={1: (-1, 2)})
    with pytest.raises(ValueError, match="from 0 to 1e15"):
        Answers.of([1], [1], [1], history={1: (1e308, 1e308)})


def test_cost_depends_on_answers_and_not_on_classes() -> None:
    rng = np.random.default_rng(2)
    truth, task = rng.integers(0, 1_000, 20_000), np.repeat(np.arange(20_000), 3)
    worker = rng.integers(0, 30, len(task))
    correct = rng.random(len(task)) < np.linspace(0.3, 0.95, 30)[worker]
    answers = Answers.of(
        task, worker, np.where(correct, truth[task], rng.integers(0, 1_000, len(task))), classes=np.arange(1_000)
    )
    result = OneCoin().fit_predict(answers)
    majority = Majority().fit_predict(answers)
    assert (result.label == truth).mean() > (majority.label == truth).mean() > 0.7
    sums = np.add.reduceat(result.posteriors.p, result.posteriors.start[:-1])
    assert sums == pytest.approx(np.ones(len(result.task)))
    assert len(result.posteriors.p) <= len(task)


def test_weighted_majority_follows_workers_who_usually_agree() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 3, 300)
    labels = np.stack([truth, truth, truth, *rng.integers(0, 3, (3, 300))], axis=1)
    answers = Answers.of(np.repeat(np.arange(300), 6), np.tile(np.arange(6), 300), labels.ravel())
    result = WeightedMajority().fit_predict(answers)
    assert (result.label == truth).all()
    assert result.skill[:3].min() > result.skill[3:].max()
