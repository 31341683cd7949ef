"""Replayed policies: they use the right answers, save those without gain, and do not depend on row order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.objects.clustering import ObjectAnswers
from annotary_core.aggregation.replay.answer_order import AnswerOrder
from annotary_core.aggregation.replay.classification import accuracy
from annotary_core.aggregation.replay.objects import f1
from annotary_core.aggregation.replay.policies import Policy, policies
from annotary_core.aggregation.replay.replay import replay, replay_object_policies, replay_policies
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD
from annotary_core.labels.shapes.box import Boxes
from tests.benchmarks.consensus_overlap import CROWD, classes_of, online_gaps, saving


def crowd(tasks: int = 400, each: int = 8, *, seed: int = 0) -> tuple[Answers, dict[int, int]]:
    """Simulate ten workers with accuracies from 55% to 91% on three classes."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, tasks)
    task = np.repeat(np.arange(tasks), each)
    worker = np.concatenate([rng.permutation(10)[:each] for _ in range(tasks)])
    right = rng.random(len(task)) < 0.55 + 0.04 * worker
    label = np.where(right, true[task], (true[task] + rng.integers(1, 3, len(task))) % 3)
    return Answers.of(task, worker, label), dict(enumerate(true.tolist()))


def boxes(images: int = 12) -> tuple[ObjectAnswers[Boxes], dict[int, Boxes]]:
    """Simulate four workers; all draw the first of two objects of each image, two of them the other."""
    rows = []
    for image in range(images):
        for worker in range(4):
            rows.append((image, worker, 0, 0, 20, 20 + worker))
            if (worker + image) % 2:
                rows.append((image, worker, 50, 50, 80, 80 + worker))
    table = np.array(rows)
    answers = ObjectAnswers.of(table[:, 0], table[:, 1], np.zeros(len(table)), Boxes.of(table[:, 2:]))
    tasks = np.arange(images)
    truth = np.array([[0, 0, 20, 21], [50, 50, 80, 81]], float)
    return answers, {task: Boxes(truth) for task in tasks.tolist()}


def test_a_policy_without_limits_uses_all_answers() -> None:
    answers, gold = crowd()
    result = replay(answers, gold, Policy(method="majority"))
    assert (result.labels, result.tasks, result.labels_per_task, result.share_of_all) == (3_200, 400, 8.0, 1.0)
    assert result.agreement == 1.0
    assert result.accuracy == result.majority_accuracy == accuracy(Majority().fit_predict(answers), gold)
    assert result.cost is None


def test_a_fixed_number_is_capped_by_the_available_answers() -> None:
    answers, gold = crowd()
    short = np.flatnonzero((answers.task >= 10) | (np.arange(3_200) % 8 < 2))
    fewer = replace(answers, task=answers.task[short], worker=answers.worker[short], label=answers.label[short])
    result = replay(fewer, gold, Policy(fixed=3), price=0.5)
    assert result.labels == 390 * 3 + 10 * 2
    assert result.cost == pytest.approx(result.labels / 2)


def test_the_stopping_rule_saves_answers_at_little_cost_in_accuracy() -> None:
    answers, gold = crowd()
    full, rule = replay_policies(answers, gold, [Policy(), Policy(threshold=0.002)])
    assert rule.share_of_all < 0.75
    assert full.accuracy is not None and rule.accuracy is not None and rule.majority_accuracy is not None
    assert rule.accuracy > full.accuracy - 0.01
    assert rule.accuracy > rule.majority_accuracy
    fixed = replay(answers, gold, Policy(fixed=round(rule.labels_per_task)))
    assert fixed.accuracy is not None and rule.accuracy > fixed.accuracy


@pytest.mark.parametrize("method", ["blend", "majority", "one-coin", "dawid-skene-map"])
def test_a_higher_threshold_uses_fewer_answers(method: str) -> None:
    """Up to chance in the estimated worker rates, which are based on different answers."""
    answers, gold = crowd(tasks=200)
    thresholds = (0.0, 0.001, 0.01, 0.1, 1.0)
    result = replay_policies(answers, gold, [Policy(method=method, threshold=threshold) for threshold in thresholds])
    used = [row.labels for row in result]
    assert used[-1] == 2 * 200
    assert all(more >= less * 0.95 for more, less in pairwise(used))


def test_limits_hold_for_any_threshold() -> None:
    answers, gold = crowd(tasks=150)
    result = replay_policies(
        answers,
        gold,
        [Policy(threshold=threshold, answers_min=3, answers_max=5) for threshold in (0.0, 0.01, 1.0)],
    )
    assert all(3 <= row.labels_per_task <= 5 for row in result)
    assert result[-1].labels_per_task == 3


def test_row_order_has_no_effect_but_the_seed_has() -> None:
    answers, gold = crowd(tasks=150)
    order = np.random.default_rng(5).permutation(len(answers.task))
    reordered = replace(answers, task=answers.task[order], worker=answers.worker[order], label=answers.label[order])
    policy = Policy(threshold=0.005)
    assert replay(answers, gold, policy) == replay(reordered, gold, policy)
    assert replay(answers, gold, policy) != replay(answers, gold, replace(policy, seed=1))


def test_gold_is_used_only_for_evaluation() -> None:
    answers, gold = crowd(tasks=150)
    clamped = replace(answers, gold=gold)
    assert replay(clamped, gold, Policy(fixed=2)) == replay(answers, gold, Policy(fixed=2))
    blind = replay(answers, None, Policy(fixed=2))
    assert (blind.accuracy, blind.majority_accuracy) == (None, None)
    assert 0.5 < blind.agreement < 1


def test_ties_count_as_fractions() -> None:
    tied = Majority().fit_predict(Answers.of([1, 1, 2, 2, 3], [1, 2, 1, 2, 1], [0, 1, 0, 0, 1]))
    assert accuracy(tied, {1: 0, 2: 0, 3: 0, 99: 1}) == pytest.approx(0.5)
    assert accuracy(tied, {99: 1}) is None
    assert accuracy(tied, {}) is None


def test_all_rows_of_a_worker_and_task_arrive_together() -> None:
    task, worker = np.array([7, 7, 7, 7, 3]), np.array([1, 2, 1, 3, 1])
    arrivals = AnswerOrder.of(task, worker, seed=0)
    assert (arrivals.tasks.tolist(), arrivals.available.tolist()) == ([3, 7], [1, 3])
    assert arrivals.rank[0] == arrivals.rank[2]
    assert sorted({int(rank) for rank in arrivals.rank[:4]}) == [0, 1, 2]
    assert arrivals.arrived(np.array([0, 3])).tolist() == [True, True, True, True, False]
    assert len({tuple(AnswerOrder.of(task, worker, seed=seed).rank.tolist()) for seed in range(60)}) == 6


def test_policies_cover_fixed_numbers_up_to_the_maximum_and_thresholds() -> None:
    ladder = policies(12, thresholds=(0.1,))
    assert [policy.fixed for policy in ladder] == [1, 2, 3, 4, 5, 6, 8, 10, 12, None]
    assert [policy.fixed for policy in policies(1, thresholds=())] == [1]


def test_invalid_policies_are_rejected() -> None:
    with pytest.raises(ValueError, match="not both"):
        Policy(fixed=2, threshold=0.1)
    with pytest.raises(ValueError, match="at least one"):
        Policy(fixed=0)
    with pytest.raises(ValueError, match="no consensus method"):
        replay(crowd(tasks=3)[0], None, Policy(method="guessing"))
    with pytest.raises(ValueError, match="no answers"):
        replay(Answers.of([], [], []), None, Policy())


def test_boxes_are_replayed_by_worker_and_image() -> None:
    answers, gold = boxes()
    full, one, rule = replay_object_policies(
        answers, gold, [Policy(), Policy(fixed=1), Policy(threshold=0.01)], price=2.0
    )
    assert (full.labels, full.accuracy, full.agreement) == (48, 1.0, 1.0)
    assert (one.labels, one.cost) == (12, 24.0)
    assert one.accuracy is not None and one.accuracy < 1
    assert one.labels < rule.labels <= 48
    never = replay_object_policies(answers, None, [Policy(threshold=1e9)])[0]
    assert (never.labels_per_task, never.accuracy) == (2.0, None)


def test_f1_matches_boxes_one_to_one() -> None:
    box = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], float)
    true = np.array([[0, 0, 10, 10], [80, 80, 90, 90]], float)
    assert f1(np.full(3, 4), Boxes(box), {4: Boxes(true)}) == pytest.approx(2 / 5)
    assert f1(np.full(3, 4), Boxes(box), {5: Boxes(true[:0])}) is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["dog", "rte", "d_possent"])
def test_the_default_threshold_saves_a_third_of_the_answers_for_at_most_a_point(name: str) -> None:
    """The benchmark covers all data sets."""
    result = saving(classes_of(CROWD, name), DEFAULT_THRESHOLD, range(3))
    assert result.used <= 0.65
    assert result.accuracy >= result.whole - 0.01
    assert result.lead >= -0.005


@pytest.mark.shared
@pytest.mark.parametrize("threshold", [1e-5, 0.005, 0.05, 1.0])
@pytest.mark.parametrize("name", ["dog", "rte", "bluebirds", "cf"])
def test_no_threshold_makes_labels_worse_than_the_majority(name: str, threshold: float) -> None:
    assert saving(classes_of(CROWD, name), threshold, range(2)).lead >= -0.005


@pytest.mark.shared
def test_online_follows_the_batch_fit_on_real_labels() -> None:
    _, last, after = online_gaps(classes_of(CROWD, "rte"), range(1))
    assert last <= 0.005
    assert after <= 1e-9
