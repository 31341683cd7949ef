"""One-coin: accuracies with a prior, at any number of classes; weighted majority beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.em import expect
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.classification.one_coin import OneCoin, TemperedClasses, coin_prior, fit_coins
from annotary_core.aggregation.classification.one_coin_em import Coins
from annotary_core.aggregation.classification.wawa import WeightedMajority

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40)
GOLD = st.dictionaries(st.integers(0, 6), st.integers(0, 3), max_size=3)


def columns(rows: list[tuple[int, int, int]], gold: dict[int, int] | None = None) -> Answers:
    return Answers.of(*zip(*rows, strict=True), gold=gold, classes=[0, 1, 2, 3])


@given(ROWS, GOLD)
@settings(max_examples=60, deadline=None)
def test_the_short_way_equals_full_confusion_matrices_of_the_same_accuracies(
    rows: list[tuple[int, int, int]], gold: dict[int, int]
) -> None:
    coded = Coded.of(columns(rows, gold), repeats="share")
    accuracy = np.linspace(0.4, 0.9, len(coded.workers))
    prior = np.log(np.array([0.4, 0.3, 0.2, 0.1])) / 2
    theta = np.repeat(((1 - accuracy) / 3)[:, None, None], 4, axis=1).repeat(4, axis=2)
    theta[:, np.arange(4), np.arange(4)] = accuracy[:, None]
    full, all_of_it = expect(coded, np.log(theta), prior)
    coins = Coins(coded)
    short, statistics = coins.expect(np.log(np.stack([accuracy, 1 - accuracy], axis=1)), prior)
    assert coins.dense(short, prior) == pytest.approx(full, abs=1e-12)
    assert statistics.log_likelihood == pytest.approx(all_of_it.log_likelihood)
    assert statistics.class_counts == pytest.approx(all_of_it.class_counts)
    right = np.einsum("wkk->w", all_of_it.counts)
    assert statistics.counts == pytest.approx(
        np.stack([right, all_of_it.counts.sum(axis=(1, 2)) - right], axis=1), abs=1e-12
    )


@given(ROWS, GOLD)
@settings(max_examples=60, deadline=None)
def test_the_bound_never_falls(rows: list[tuple[int, int, int]], gold: dict[int, int]) -> None:
    answers = columns(rows, gold)
    coded = Coded.of(answers, repeats="share")
    way = fit_coins(Coins(coded), coin_prior(answers, coded.workers), TemperedClasses(), max_iterations=40, tolerance=0)
    steps = np.diff(way.bounds)
    assert len(steps) == 39
    assert steps.min() >= -1e-9 * abs(way.bounds[-1])


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_left_out_answers_are_predicted_as_if_the_row_had_not_been_there(rows: list[tuple[int, int, int]]) -> None:
    coded = Coded.of(columns(sorted(set(rows))), repeats="share")
    coins = Coins(coded)
    accuracy = np.linspace(0.4, 0.9, len(coded.workers))
    log_coin, prior = np.log(np.stack([accuracy, 1 - accuracy], axis=1)), np.zeros(4)
    posterior, statistics = coins.expect(log_coin, prior)
    seen = statistics.counts + np.array([8.0, 2.0])
    by_hand = 0.0
    for row, (task, worker, label) in enumerate(zip(coded.task, coded.worker, coded.label, strict=True)):
        score = np.zeros(4)
        for other in np.flatnonzero(coded.task == task):
            w, said, vote = coded.worker[other], coded.label[other], coded.vote[other] * (other != row)
            score += vote * np.where(np.arange(4) == said, log_coin[w, 0], log_coin[w, 1] - np.log(3))
        without = (np.exp(score) / np.exp(score).sum())[label]
        vote = coded.vote[row]
        able = (seen[worker, 0] - vote * coins.dense(posterior, prior)[task, label]) / (seen[worker].sum() - vote)
        by_hand += vote * np.log(without * able + (1 - without) * (1 - able) / 3)
    assert coins.left_out(log_coin, prior, seen[:, 0], seen.sum(axis=1)) == pytest.approx(by_hand)


def test_a_good_worker_outvotes_two_who_guess() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 400)
    said = np.stack([truth, np.where(rng.random(400) < 0.9, truth, 1 - truth), *rng.integers(0, 2, (2, 400))], axis=1)
    answers = Answers.of(np.repeat(np.arange(400), 4), np.tile(np.arange(4), 400), said.ravel())
    result = OneCoin().fit_predict(answers)
    assert (result.label == truth).mean() > 0.95
    assert result.skill[0] > result.skill[1] > 0.8 > 0.65 > result.skill[2:].max()


def test_history_tells_workers_apart_who_have_shown_nothing_yet() -> None:
    rows = ([1, 1], [7, 8], [0, 1])
    assert OneCoin().fit_predict(Answers.of(*rows, history={7: (50, 0), 8: (10, 40)})).label.tolist() == [0]
    assert OneCoin().fit_predict(Answers.of(*rows, history={8: (50, 0), 7: (10, 40)})).label.tolist() == [1]
    assert OneCoin().fit_predict(Answers.of(*rows)).tied.tolist() == [True]


def test_a_history_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1e15"):
        Answers.of([1], [1], [1], history={1: (-1, 2)})
    with pytest.raises(ValueError, match="from 0 to 1e15"):
        Answers.of([1], [1], [1], history={1: (1e308, 1e308)})


def test_a_thousand_classes_cost_no_more_than_the_answers() -> None:
    rng = np.random.default_rng(2)
    truth, task = rng.integers(0, 1_000, 20_000), np.repeat(np.arange(20_000), 3)
    worker = rng.integers(0, 30, len(task))
    right = rng.random(len(task)) < np.linspace(0.3, 0.95, 30)[worker]
    answers = Answers.of(
        task, worker, np.where(right, truth[task], rng.integers(0, 1_000, len(task))), classes=np.arange(1_000)
    )
    result = OneCoin().fit_predict(answers)
    majority = Majority().fit_predict(answers)
    assert (result.label == truth).mean() > (majority.label == truth).mean() > 0.7
    sums = np.add.reduceat(result.posteriors.p, result.posteriors.start[:-1])
    assert sums == pytest.approx(np.ones(len(result.task)))
    assert len(result.posteriors.p) <= len(task)


def test_weighted_majority_follows_those_who_usually_agree() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 3, 300)
    said = np.stack([truth, truth, truth, *rng.integers(0, 3, (3, 300))], axis=1)
    answers = Answers.of(np.repeat(np.arange(300), 6), np.tile(np.arange(6), 300), said.ravel())
    result = WeightedMajority().fit_predict(answers)
    assert (result.label == truth).all()
    assert result.skill[:3].min() > result.skill[3:].max()
