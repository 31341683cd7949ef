"""Trust changes when a whole hand is settled; a worker who is clearly bad is paused."""

import pytest

from kernel.models import Event
from projects.services import ClassSpec, change_classes
from tasks.analytics.worker_figures import WorkerFigures
from tasks.assignment.models import Hand
from tasks.assignment.services import WorkerPaused, claim_hand
from tasks.gold.models import GoldResult
from tasks.gold.services import retire_gold
from tasks.standing.models import Standing
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_hand_with_gold(gold: int) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=2 * gold, gold_rate=0.5)
    factories.some_tasks(project, 3 * gold)
    for _ in range(gold):
        factories.a_gold(project)
    return worker_actions.take(wren, project)


def wrens_standing() -> Standing:
    return Standing.objects.get(worker=factories.wren())


def seen() -> tuple[int, int]:
    return factories.gold_seen(factories.wren())


def test_trust_does_not_change_before_the_hand_is_settled() -> None:
    hand = a_hand_with_gold(2)
    worker_actions.answer_all(hand, 2)
    assert (seen(), GoldResult.objects.count()) == ((0, 0), 0)
    worker_actions.settle(hand)
    assert (seen()[0], GoldResult.objects.count()) == (2, 2)


def test_correct_answers_raise_trust_and_wrong_ones_lower_it() -> None:
    hand = a_hand_with_gold(3)
    for number, lease in enumerate(row for row in worker_actions.leases_of(hand) if row.gold_id):
        worker_actions.answer(lease, 1 if number else 2)
    worker_actions.settle(hand)
    assert seen() == (3, 2)
    [figures] = WorkerFigures(project=hand.project)
    assert figures["trust"] == round(4 / 6, 4)
    assert sorted(GoldResult.objects.values_list("correct", "score")) == [(False, 0), (True, 1), (True, 1)]
    worker_actions.assert_stream_matches_tables(hand.project)


def test_unanswered_gold_does_not_affect_trust() -> None:
    hand = a_hand_with_gold(2)
    worker_actions.settle(hand)
    assert (seen(), GoldResult.objects.count()) == ((0, 0), 0)


def test_gold_retired_meanwhile_does_not_affect_trust() -> None:
    hand = a_hand_with_gold(2)
    worker_actions.answer_all(hand, 2)
    contested = next(row.gold for row in worker_actions.leases_of(hand) if row.gold is not None)
    retire_gold(gold=contested)
    worker_actions.settle(hand)
    assert seen()[0] == 1
    assert not GoldResult.objects.filter(gold=contested).exists()


def test_gold_whose_answer_was_not_among_the_classes_does_not_affect_trust() -> None:
    """A class was retired, or added after the claim; a second accepted answer that is still possible counts."""
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=4, gold_rate=0.5)
    factories.some_tasks(project, 2)
    unanswerable = factories.a_gold(project, accepted=[factories.class_answer(2)])
    answerable = factories.a_gold(project, accepted=[factories.class_answer(2), factories.class_answer(1)])
    change_classes(project=project, by=factories.ada(), classes=[ClassSpec("cat")])
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand, 1)
    worker_actions.settle(hand)
    assert seen() == (1, 1)
    assert not GoldResult.objects.filter(gold=unanswerable).exists()
    assert GoldResult.objects.get(gold=answerable).correct


def test_a_worker_with_four_wrong_of_four_is_paused_with_a_reason_and_paid() -> None:
    hand = a_hand_with_gold(4)
    worker_actions.answer_all(hand, 2)
    assert worker_actions.settle(hand).answers == 8
    standing = wrens_standing()
    assert standing.state == Standing.State.PAUSED
    assert standing.reason
    assert Event.objects.get(kind="worker.paused").data["worker"] == str(hand.worker.public_id)
    with pytest.raises(WorkerPaused):
        claim_hand(worker=hand.worker, project=hand.project)


def test_three_wrong_answers_are_too_few_to_judge() -> None:
    hand = a_hand_with_gold(3)
    worker_actions.answer_all(hand, 2)
    worker_actions.settle(hand)
    assert wrens_standing().state == Standing.State.ACTIVE
