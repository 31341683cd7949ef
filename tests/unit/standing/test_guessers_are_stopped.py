"""The sequential test stops workers who do not look at the images, in time, and hardly any honest one.

Crowds of 80 honest and 20 bad workers are simulated in memory. Thresholds were chosen on seeds 0 to 39; the tests use
others. `python3 -m tests.benchmarks.bad_workers` simulates hundreds.
"""

import math

import pytest

from tasks.standing.chance_test import (
    MOST_OF_TIMES,
    STOP,
    ClassAnswer,
    Evidence,
    ScoreAnswer,
    class_probabilities,
    run_chance_test,
)
from tests.mixed_crowd import a_crowd
from tests.mixed_crowd_model import CrowdModel, Outcome


def crowd(seed: int, *, classes: int = 4, boxes: bool = False, rounds: int = 6) -> Outcome:
    people = a_crowd(honest=80, bad=20, seed=seed)
    model = CrowdModel(people, images=2000, classes=classes, boxes=boxes, overlap=5, seed=seed)
    return model.run(rounds=rounds)


def gold(right: int, wrong: int) -> list[ClassAnswer]:
    accepted = frozenset({1})
    wrongs = [ClassAnswer(2 + number % 3, accepted) for number in range(wrong)]
    return [ClassAnswer(1, accepted)] * right + wrongs


@pytest.mark.parametrize("seed", [201, 202, 203])
def test_with_four_classes_they_are_stopped_by_the_twentieth_answer(seed: int) -> None:
    result = crowd(seed)
    assert result.stopped(bad=True, by=20) >= 18
    assert result.stopped(bad=False) <= 1


@pytest.mark.parametrize("seed", [201, 202])
def test_with_boxes_they_are_stopped_by_the_twentieth_answer(seed: int) -> None:
    result = crowd(seed, boxes=True)
    assert result.stopped(bad=True, by=20) >= 18
    assert result.stopped(bad=False) <= 1


@pytest.mark.parametrize("seed", [201, 202])
def test_with_two_classes_most_are_stopped_by_the_45th_answer(seed: int) -> None:
    result = crowd(seed, classes=2, rounds=9)
    assert result.stopped(bad=True, by=45) >= 16
    assert result.stopped(bad=False) <= 3


def test_without_evidence_nobody_is_stopped() -> None:
    alone = [ClassAnswer(1)] * 100
    assert run_chance_test(Evidence(classes=4, class_answers=alone)).log_ratio == 0
    assert not run_chance_test(Evidence()).is_at_chance


def test_few_wrong_answers_stop_nobody() -> None:
    assert not run_chance_test(Evidence(classes=4, class_answers=gold(0, 3))).is_at_chance
    assert run_chance_test(Evidence(classes=4, class_answers=gold(0, 10))).is_at_chance
    assert run_chance_test(Evidence(classes=4, class_answers=gold(5, 15))).is_at_chance
    assert not run_chance_test(Evidence(classes=4, class_answers=gold(13, 7))).is_at_chance


def test_speed_alone_stops_nobody() -> None:
    result = run_chance_test(Evidence(classes=4, class_answers=gold(18, 2), fast=200, timed=200))
    assert result.times == MOST_OF_TIMES
    assert not result.is_at_chance


def test_slowness_excuses_no_wrong_answers() -> None:
    assert run_chance_test(Evidence(classes=4, class_answers=gold(5, 15), fast=0, timed=500)).is_at_chance


def test_an_honest_worker_who_sees_one_class_alone_is_not_a_constant_answerer() -> None:
    votes = ((1, 0.8), (1, 0.8))
    same = [ClassAnswer(1, votes=votes)] * 60
    assert run_chance_test(Evidence(classes=4, class_answers=same)).log_ratio < 0


def test_the_mixture_notices_a_constant_answerer_long_before_the_uniform_one() -> None:
    accepted = [frozenset({1 + number % 4}) for number in range(16)]
    constant = [ClassAnswer(1, each) for each in accepted]
    varied = [ClassAnswer(1 + (number * 7 // 4) % 4, each) for number, each in enumerate(accepted)]
    right = sum(each.answer in (each.accepted or ()) for each in varied)
    assert right == 4
    both = [run_chance_test(Evidence(classes=4, class_answers=each)).log_ratio for each in (constant, varied)]
    assert both[0] > both[1] + 3


def test_what_trusted_others_say_weighs_more() -> None:
    trusted, doubted = [ClassAnswer(1, votes=((2, trust),)) for trust in (0.9, 0.4)]
    first, second = class_probabilities([trusted, doubted], classes=4)
    assert first < second < 0.5


def test_random_boxes_are_stopped_and_sloppy_ones_are_not() -> None:
    random = [ScoreAnswer(0.0, is_gold=number < 4) for number in range(16)]
    sloppy = [ScoreAnswer(0.5, is_gold=number < 4) for number in range(60)]
    assert run_chance_test(Evidence(score_answers=random)).is_at_chance
    assert run_chance_test(Evidence(score_answers=sloppy)).log_ratio < 0


def test_where_nobody_agrees_disagreement_says_little() -> None:
    answers = [ScoreAnswer(0.1, is_gold=False)] * 20
    low, high = (run_chance_test(Evidence(score_answers=answers, usual=usual)).log_ratio for usual in (0.12, 0.8))
    assert low < STOP < high


def test_a_bet_never_gains_from_honest_scores_on_average() -> None:
    """Whatever their distribution: half all and half nothing, or all in the middle."""
    for values in ((0.0, 1.0), (0.5, 0.5)):
        factors = [math.exp(run_chance_test(Evidence(score_answers=[ScoreAnswer(v, True)])).answers) for v in values]
        assert sum(factors) / 2 < 1
