"""The stopping rule adds answers while they are worth their price; selection picks the next task and worker."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import fit_blend
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.error_correlation import design_effect
from annotary_core.aggregation.stopping import (
    LOOK_AHEAD,
    StoppingRule,
    binary_gains,
    class_gains,
    pair_accuracy,
    pair_gains,
    sparse_gains,
    sum_by_task,
)
from annotary_core.aggregation.task_selection import answer_probabilities, order_by_gain, worker_gains


def enumerated_value(p: float, a: float, m: int) -> float:
    """Return the expected right decisions of m answers, by enumerating all of them."""
    right = 0.0
    for outcome in itertools.product((True, False), repeat=m):
        n = sum(outcome)
        right += max(p * a**n * (1 - a) ** (m - n), (1 - p) * (1 - a) ** n * a ** (m - n))
    return right - p


def state_of(confusion: list[list[list[float]]], *, accuracy: list[float], blend: float = 1.0) -> FittedModel:
    rows = np.array(confusion)
    classes = rows.shape[1]
    return FittedModel(
        classes=np.arange(classes),
        workers=np.arange(len(rows)),
        accuracy=np.array(accuracy),
        confusion=rows,
        one_coin_prior=np.log(np.full(classes, 1 / classes)),
        confusion_prior=np.log(np.full(classes, 1 / classes)),
        pooled_accuracy=0.7,
        pooled_confusion=rows.mean(axis=0),
        blend=blend,
        error_correlation=0.0,
        answers=5_000,
        is_cold_start=False,
    )


@pytest.mark.parametrize("p", [0.5, 0.6, 0.83, 0.97, 0.999])
@pytest.mark.parametrize("a", [0.6, 0.75, 0.9])
def test_the_gain_is_the_best_value_per_answer_over_the_next_answers(p: float, a: float) -> None:
    expected = max(enumerated_value(p, a, m) / m for m in range(1, 6))
    gains = pair_gains(np.array([p]), np.array([1 - p]), a, remaining=5)
    assert gains[0] == pytest.approx(expected, abs=1e-12)


def test_one_answer_that_cannot_flip_a_decision_has_no_gain_but_several_do() -> None:
    p = np.array([0.9])
    assert binary_gains(p, 0.75, remaining=1)[0] == 0
    assert binary_gains(p, 0.75, remaining=3)[0] > 0
    assert binary_gains(p, 0.75, remaining=0)[0] == 0


@given(st.floats(0.5, 1.0), st.floats(0.5, 1.0), st.floats(0.55, 0.95))
def test_the_gain_decreases_with_confidence(p: float, q: float, a: float) -> None:
    low, high = sorted((p, q))
    gains = binary_gains(np.array([low, high]), a)
    assert gains[0] >= gains[1] - 1e-12
    assert 0 <= gains[1] <= 0.5


def test_binary_gains_are_symmetric_and_zero_at_certainty() -> None:
    gains = binary_gains(np.array([0.2, 0.8, 0.0, 1.0]), 0.7)
    assert gains[0] == pytest.approx(gains[1])
    assert gains[2:].tolist() == [0, 0]


def test_correlated_errors_keep_the_flip_point_but_raise_uncertainty() -> None:
    tempered, effect = np.array([0.8]), design_effect(np.array([4]), 0.25)
    odds = np.log(tempered / (1 - tempered)) * effect
    independent = 1 / (1 + np.exp(-odds))
    correlated = pair_gains(tempered, 1 - tempered, 0.75, effect=effect)[0]
    assert effect.tolist() == [1.75]
    assert binary_gains(independent, 0.75)[0] < correlated < binary_gains(tempered, 0.75)[0]


def test_a_class_gain_is_that_of_the_top_two_times_their_probability() -> None:
    posterior = np.array([[0.1, 0.5, 0.4], [0.98, 0.01, 0.01], [0.0, 1.0, 0.0]])
    gains = class_gains(posterior, 0.7)
    assert gains[0] == pytest.approx(0.9 * binary_gains(np.array([5 / 9]), 0.7)[0])
    assert gains[2] == 0
    assert class_gains(np.ones((2, 1)), 0.7).tolist() == [0, 0]


def test_confusable_classes_use_their_pairwise_accuracy() -> None:
    confusion = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    accuracy = pair_accuracy(confusion)
    assert accuracy[0, 1] == pytest.approx(0.6)
    assert accuracy[0, 2] == accuracy[1, 2] == pytest.approx(1.0)
    posterior = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]])
    gains = class_gains(posterior, accuracy)
    assert gains[0] == pytest.approx(0.1)
    assert gains[1] == pytest.approx(0.48)


def test_sparse_posteriors_have_the_gains_of_dense_ones() -> None:
    rng = np.random.default_rng(3)
    answers = Answers.of(np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40), rng.integers(0, 4, 200))
    result = Majority().fit_predict(answers)
    accuracy = pair_accuracy(np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    dense = class_gains(result.posteriors.dense(answers.classes), accuracy)
    assert sparse_gains(result.posteriors, accuracy, answers.classes) == pytest.approx(dense, abs=1e-12)


def test_a_task_gain_sums_over_its_decisions() -> None:
    assert sum_by_task(np.array([0, 2, 0]), np.array([0.1, 0.2, 0.3]), 4).tolist() == pytest.approx(
        [0.4, 0.0, 0.2, 0.0]
    )


def test_limits_apply_for_any_gain() -> None:
    rule = StoppingRule(0.01, answers_min=2, answers_max=4)
    gain, answers = np.array([0.0, 0.0, 0.02, 0.01, 0.5]), np.array([1, 2, 3, 3, 4])
    assert rule.should_ask(gain, answers).tolist() == [True, False, True, False, False]
    assert rule.remaining(answers).tolist() == [3, 2, 1, 1, 0]
    assert StoppingRule().remaining(np.array([50])).tolist() == [LOOK_AHEAD]


def test_the_threshold_is_price_over_value() -> None:
    assert StoppingRule.of_price(0.02, 10.0).threshold == pytest.approx(0.002)
    with pytest.raises(ValueError, match="worth more than nothing"):
        StoppingRule.of_price(0.02, 0.0)


@pytest.mark.parametrize("limits", [(-0.1, 1, None), (float("nan"), 1, None), (0.1, 0, None), (0.1, 3, 2)])
def test_contradictory_limits_are_rejected(limits: tuple[float, int, int | None]) -> None:
    with pytest.raises(ValueError):
        StoppingRule(*limits)


def test_tasks_are_ordered_by_gain_with_hashed_tie_breaking() -> None:
    gain = np.array([0.1, 0.3, 0.1, 0.2, 0.1])
    order = order_by_gain(np.array([5, 6, 7, 8, 9]), gain, seed=1).tolist()
    assert order[:2] == [1, 3]
    assert sorted(order) == [0, 1, 2, 3, 4]
    orders = {tuple(order_by_gain(np.array([5, 6, 7, 8, 9]), gain, seed=seed).tolist()) for seed in range(20)}
    assert len(orders) > 1


def test_workers_who_distinguish_the_top_two_classes_have_the_highest_gain() -> None:
    informed = [[0.95, 0.05, 0.0], [0.05, 0.95, 0.0], [0.5, 0.5, 0.0]]
    uninformed = [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    state = state_of([informed, uninformed], accuracy=[0.7, 0.7])
    gains = worker_gains(state, np.array([0.5, 0.4, 0.1]), np.array([0, 1, 77]))
    assert gains[0] > gains[2] > gains[1]
    assert gains[1] == pytest.approx(0.0, abs=1e-12)
    at_double_price = worker_gains(state, np.array([0.5, 0.4, 0.1]), np.array([0]), prices=np.array([2.0]))
    assert at_double_price[0] == pytest.approx(gains[0] / 2)


def test_a_perfect_worker_provides_the_full_entropy() -> None:
    state = state_of([[[1.0, 0.0], [0.0, 1.0]]], accuracy=[1.0])
    p = np.array([0.3, 0.7])
    assert worker_gains(state, p, np.array([0]))[0] == pytest.approx(-(p * np.log(p)).sum())
    assert worker_gains(state, np.array([0.0, 1.0]), np.array([0]))[0] == 0


def test_answer_probabilities_follow_the_blend() -> None:
    state = state_of([[[0.9, 0.1], [0.3, 0.7]]], accuracy=[0.6], blend=0.5)
    assert answer_probabilities(state, np.array([0]))[0].tolist() == [
        pytest.approx([0.75, 0.25]),
        pytest.approx([0.35, 0.65]),
    ]
    assert answer_probabilities(state, np.array([0, 9])).sum(axis=2) == pytest.approx(np.ones((2, 2)))


def test_arguments_that_do_not_match_the_state_are_rejected() -> None:
    state = fit_blend(Answers.of([0, 0], [0, 1], [0, 1]))
    with pytest.raises(ValueError, match="one probability per class"):
        worker_gains(state, np.ones(3) / 3, np.array([0]))
    with pytest.raises(ValueError, match="price above 0"):
        worker_gains(state, np.ones(2) / 2, np.array([0]), prices=np.array([0.0]))
