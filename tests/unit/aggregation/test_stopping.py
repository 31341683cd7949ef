"""The stopping rule asks while more answers are worth their price, and says about which task and whom."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import fit_blend
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.stopping import (
    LOOK_AHEAD,
    StoppingRule,
    binary_gains,
    class_gains,
    design_effect,
    of_tasks,
    pair_accuracy,
    pair_gains,
    sparse_gains,
)
from annotary_core.aggregation.task_selection import answer_probabilities, asking_order, worker_gains


def brought(p: float, a: float, m: int) -> float:
    """Right decisions that m answers bring, by going through all of them."""
    right = 0.0
    for told in itertools.product((True, False), repeat=m):
        n = sum(told)
        right += max(p * a**n * (1 - a) ** (m - n), (1 - p) * (1 - a) ** n * a ** (m - n))
    return right - p


def state_of(confusion: list[list[list[float]]], *, accuracy: list[float], blend: float = 1.0) -> BlendState:
    rows = np.array(confusion)
    classes = rows.shape[1]
    return BlendState(
        classes=np.arange(classes),
        workers=np.arange(len(rows)),
        accuracy=np.array(accuracy),
        confusion=rows,
        one_coin_prior=np.log(np.full(classes, 1 / classes)),
        confusion_prior=np.log(np.full(classes, 1 / classes)),
        pooled_accuracy=0.7,
        pooled=rows.mean(axis=0),
        blend=blend,
        alike=0.0,
        answers=5_000,
        cold=False,
    )


@pytest.mark.parametrize("p", [0.5, 0.6, 0.83, 0.97, 0.999])
@pytest.mark.parametrize("a", [0.6, 0.75, 0.9])
def test_the_gain_is_the_best_share_an_answer_of_what_the_next_answers_bring(p: float, a: float) -> None:
    expected = max(brought(p, a, m) / m for m in range(1, 6))
    found = pair_gains(np.array([p]), np.array([1 - p]), a, remaining=5)
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_one_answer_that_can_turn_nothing_is_worth_nothing_but_several_are() -> None:
    p = np.array([0.9])
    assert binary_gains(p, 0.75, remaining=1)[0] == 0
    assert binary_gains(p, 0.75, remaining=3)[0] > 0
    assert binary_gains(p, 0.75, remaining=0)[0] == 0


@given(st.floats(0.5, 1.0), st.floats(0.5, 1.0), st.floats(0.55, 0.95))
def test_the_surer_a_decision_the_less_an_answer_brings(p: float, q: float, a: float) -> None:
    low, high = sorted((p, q))
    gains = binary_gains(np.array([low, high]), a)
    assert gains[0] >= gains[1] - 1e-12
    assert 0 <= gains[1] <= 0.5


def test_yes_and_no_are_alike_and_certainty_asks_for_nothing() -> None:
    gains = binary_gains(np.array([0.2, 0.8, 0.0, 1.0]), 0.7)
    assert gains[0] == pytest.approx(gains[1])
    assert gains[2:].tolist() == [0, 0]


def test_answers_that_err_together_turn_decisions_no_sooner_but_leave_more_doubt() -> None:
    tempered, effect = np.array([0.8]), design_effect(np.array([4]), 0.25)
    odds = np.log(tempered / (1 - tempered)) * effect
    independent = 1 / (1 + np.exp(-odds))
    heeded = pair_gains(tempered, 1 - tempered, 0.75, effect=effect)[0]
    assert effect.tolist() == [1.75]
    assert binary_gains(independent, 0.75)[0] < heeded < binary_gains(tempered, 0.75)[0]


def test_the_gain_of_a_class_is_that_of_the_top_two_times_their_probability() -> None:
    posterior = np.array([[0.1, 0.5, 0.4], [0.98, 0.01, 0.01], [0.0, 1.0, 0.0]])
    found = class_gains(posterior, 0.7)
    assert found[0] == pytest.approx(0.9 * binary_gains(np.array([5 / 9]), 0.7)[0])
    assert found[2] == 0
    assert class_gains(np.ones((2, 1)), 0.7).tolist() == [0, 0]


def test_classes_that_people_confuse_are_asked_about_at_their_own_accuracy() -> None:
    confusion = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    able = pair_accuracy(confusion)
    assert able[0, 1] == pytest.approx(0.6)
    assert able[0, 2] == able[1, 2] == pytest.approx(1.0)
    posterior = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]])
    gains = class_gains(posterior, able)
    assert gains[0] == pytest.approx(0.1)
    assert gains[1] == pytest.approx(0.48)


def test_sparse_posteriors_have_the_gains_of_dense_ones() -> None:
    rng = np.random.default_rng(3)
    answers = Answers.of(np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40), rng.integers(0, 4, 200))
    found = Majority().fit_predict(answers)
    able = pair_accuracy(np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    dense = class_gains(found.posteriors.dense(answers.classes), able)
    assert sparse_gains(found.posteriors, able, answers.classes) == pytest.approx(dense, abs=1e-12)


def test_a_task_sums_over_its_decisions() -> None:
    assert of_tasks(np.array([0, 2, 0]), np.array([0.1, 0.2, 0.3]), 4).tolist() == pytest.approx([0.4, 0.0, 0.2, 0.0])


def test_the_rule_keeps_to_its_limits_whatever_the_gain() -> None:
    rule = StoppingRule(0.01, answers_min=2, answers_max=4)
    gain, answers = np.array([0.0, 0.0, 0.02, 0.01, 0.5]), np.array([1, 2, 3, 3, 4])
    assert rule.should_ask(gain, answers).tolist() == [True, False, True, False, False]
    assert rule.remaining(answers).tolist() == [3, 2, 1, 1, 0]
    assert StoppingRule().remaining(np.array([50])).tolist() == [LOOK_AHEAD]


def test_the_threshold_is_the_price_over_the_value() -> None:
    assert StoppingRule.of_price(0.02, 10.0).threshold == pytest.approx(0.002)
    with pytest.raises(ValueError, match="worth more than nothing"):
        StoppingRule.of_price(0.02, 0.0)


@pytest.mark.parametrize("limits", [(-0.1, 1, None), (float("nan"), 1, None), (0.1, 0, None), (0.1, 3, 2)])
def test_limits_that_contradict_each_other_are_refused(limits: tuple[float, int, int | None]) -> None:
    with pytest.raises(ValueError):
        StoppingRule(*limits)


def test_tasks_are_asked_about_by_falling_gain_and_equal_ones_by_lot() -> None:
    gain = np.array([0.1, 0.3, 0.1, 0.2, 0.1])
    order = asking_order(np.array([5, 6, 7, 8, 9]), gain, seed=1).tolist()
    assert order[:2] == [1, 3]
    assert sorted(order) == [0, 1, 2, 3, 4]
    orders = {tuple(asking_order(np.array([5, 6, 7, 8, 9]), gain, seed=seed).tolist()) for seed in range(20)}
    assert len(orders) > 1


def test_who_tells_the_two_classes_apart_is_worth_most() -> None:
    tells = [[0.95, 0.05, 0.0], [0.05, 0.95, 0.0], [0.5, 0.5, 0.0]]
    other = [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    state = state_of([tells, other], accuracy=[0.7, 0.7])
    gains = worker_gains(state, np.array([0.5, 0.4, 0.1]), np.array([0, 1, 77]))
    assert gains[0] > gains[2] > gains[1]
    assert gains[1] == pytest.approx(0.0, abs=1e-12)
    half = worker_gains(state, np.array([0.5, 0.4, 0.1]), np.array([0]), prices=np.array([2.0]))
    assert half[0] == pytest.approx(gains[0] / 2)


def test_a_perfect_worker_tells_all_that_there_is_to_tell() -> None:
    state = state_of([[[1.0, 0.0], [0.0, 1.0]]], accuracy=[1.0])
    p = np.array([0.3, 0.7])
    assert worker_gains(state, p, np.array([0]))[0] == pytest.approx(-(p * np.log(p)).sum())
    assert worker_gains(state, np.array([0.0, 1.0]), np.array([0]))[0] == 0


def test_answers_are_predicted_by_the_blend() -> None:
    state = state_of([[[0.9, 0.1], [0.3, 0.7]]], accuracy=[0.6], blend=0.5)
    assert answer_probabilities(state, np.array([0]))[0].tolist() == [
        pytest.approx([0.75, 0.25]),
        pytest.approx([0.35, 0.65]),
    ]
    assert answer_probabilities(state, np.array([0, 9])).sum(axis=2) == pytest.approx(np.ones((2, 2)))


def test_what_does_not_fit_the_state_is_refused() -> None:
    state = fit_blend(Answers.of([0, 0], [0, 1], [0, 1]))
    with pytest.raises(ValueError, match="one probability a class"):
        worker_gains(state, np.ones(3) / 3, np.array([0]))
    with pytest.raises(ValueError, match="price above 0"):
        worker_gains(state, np.ones(2) / 2, np.array([0]), prices=np.array([0.0]))
