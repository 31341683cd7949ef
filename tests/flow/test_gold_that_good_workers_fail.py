"""Gold that good workers fail is suspended, and what was counted of them is corrected.

So it is when gold is retired, or when another answer is accepted.
"""

import pytest

from kernel.errors import TransitionRefused
from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.assignment.services import release_hand
from tasks.flow.gold_images import retire_gold_image
from tasks.flow.gold_judgement import accept_answer, change_gold, reactivate_gold, suspend_contested_gold
from tasks.gold.errors import GoldRefused
from tasks.gold.models import Gold, GoldResult
from tasks.standing.services import pause, resume
from tasks.workers.models import WorkerEvidence
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

NAMES = ("wren", "finch", "robin")
LATER = ("dunnock", "siskin")


@pytest.fixture
def project() -> Project:
    """Three workers who answered 20 of 21 check images right."""
    return with_workers(NAMES)


def with_workers(names: tuple[str, ...]) -> Project:
    project = factories.a_project(hand_size=2, gold_rate=0.5, answers_min=len(names), answers_max=len(names))
    factories.some_tasks(project, 6)
    for name in names:
        factories.admitted(project, factories.a_worker(name), gold=(20, 1))
    return project


def answered(
    project: Project, gold: Gold, *, names: tuple[str, ...] = NAMES, wrong: tuple[str, ...] | None = None
) -> None:
    """Have each worker answer a set with the gold in it; all are wrong, or some."""
    for name in names:
        worker = factories.a_worker(name)
        while not Assignment.objects.filter(gold=gold, worker=worker).exists():
            hand = worker_actions.take(worker, project)
            worker_actions.answer_all(hand, 2 if wrong is None or name in wrong else 1)
            worker_actions.settle(hand)


def evidence() -> dict[str, tuple[int, int]]:
    return {name: factories.gold_seen(factories.a_worker(name)) for name in NAMES}


def test_it_is_suspended_and_its_failures_do_not_count(project: Project) -> None:
    gold = factories.a_gold(project)
    answered(project, gold)
    assert evidence() == dict.fromkeys(NAMES, (22, 20))
    assert suspend_contested_gold() == 1
    gold.refresh_from_db()
    assert (gold.state, gold.suspended_at is None) == ("suspended", False)
    assert evidence() == dict.fromkeys(NAMES, (21, 20))
    assert suspend_contested_gold() == 0, "once is enough"
    (event,) = Event.objects.filter(kind="gold.suspended")
    assert event.data == {"gold": str(gold.public_id), "answers": 3, "failed": 3}
    totals = Event.objects.filter(kind="worker.measured").values_list("delta", flat=True)
    assert sum(delta.get("gold_seen", 0) for delta in totals) == -3


def test_gold_that_one_good_worker_fails_stays(project: Project) -> None:
    gold = factories.a_gold(project)
    answered(project, gold, wrong=("wren",))
    assert suspend_contested_gold() == 0
    gold.refresh_from_db()
    assert gold.state == "active"
    assert not GoldResult.objects.filter(is_checked=False, correct=False).exists()


def test_a_manager_who_says_that_the_answer_is_right_brings_it_back_and_its_failures_count(project: Project) -> None:
    gold = factories.a_gold(project)
    answered(project, gold)
    suspend_contested_gold()
    assert reactivate_gold(gold=gold, by=factories.ada()).state == "active"
    assert evidence() == dict.fromkeys(NAMES, (22, 20))
    assert suspend_contested_gold() == 0
    with pytest.raises(TransitionRefused):
        reactivate_gold(gold=gold, by=factories.ada())


def test_only_failures_after_that_suspend_it_again() -> None:
    project = with_workers((*NAMES, *LATER))
    gold = factories.a_gold(project)
    answered(project, gold)
    suspend_contested_gold()
    reactivate_gold(gold=gold, by=factories.ada())
    for name, suspended in zip(LATER, (0, 1), strict=True):
        answered(project, gold, names=(name,))
        assert suspend_contested_gold() == suspended


def test_accepting_an_answer_too_judges_all_answers_anew(project: Project) -> None:
    gold = factories.a_gold(project)
    answered(project, gold)
    suspend_contested_gold()
    given = Assignment.objects.filter(gold=gold).first()
    assert given is not None
    changed = accept_answer(gold=gold, by=factories.ada(), assignment_id=given.pk)
    assert len(changed.accepted) == 2
    assert len(accept_answer(gold=gold, by=factories.ada(), assignment_id=given.pk).accepted) == 2, "once is enough"
    assert evidence() == dict.fromkeys(NAMES, (21, 20)), "suspended gold counts for nobody"
    reactivate_gold(gold=gold, by=factories.ada())
    assert evidence() == dict.fromkeys(NAMES, (22, 21))
    assert {row.correct for row in GoldResult.objects.filter(gold=gold)} == {True}


def test_retiring_gold_takes_back_what_was_counted(project: Project) -> None:
    gold = factories.a_gold(project)
    answered(project, gold, wrong=("wren",))
    retire_gold_image(gold=gold)
    assert evidence() == dict.fromkeys(NAMES, (21, 20))
    retire_gold_image(gold=gold)
    assert evidence() == dict.fromkeys(NAMES, (21, 20))
    with pytest.raises(TransitionRefused):
        change_gold(gold=gold, by=factories.ada(), tolerance={"misses": 1})


def test_what_was_counted_before_a_reset_is_taken_back_there(project: Project) -> None:
    wren = factories.a_worker("wren")
    gold = factories.a_gold(project)
    answered(project, gold)
    pause(project=project, worker=wren, reason="x")
    resume(project=project, worker=wren)
    suspend_contested_gold()
    assert factories.gold_seen(wren) == (21, 20)
    rows = dict(wren_rows(project))
    assert rows == {True: (0, 0), False: (20, 1)}


def wren_rows(project: Project) -> list[tuple[bool, tuple[int, int]]]:
    rows = WorkerEvidence.objects.filter(project=project, worker=factories.a_worker("wren"))
    return [(row.is_current, (row.correct, row.incorrect)) for row in rows]


def test_a_tolerance_can_be_changed_for_one_check_image() -> None:
    wren, box = factories.wren(), (1, 10, 10, 100, 100)
    project = factories.a_project(workers=[wren], hand_size=2, gold_rate=0.5, tools=["box"])
    factories.some_tasks(project, 2)
    two = factories.box_answer(box, (1, 300, 10, 50, 50))
    gold = factories.a_gold(project, accepted=[two])
    while not Assignment.objects.filter(gold=gold).exists():
        hand = worker_actions.take(wren, project)
        for lease in worker_actions.leases_of(hand):
            worker_actions.answer(lease, body=factories.box_answer(box))
        worker_actions.settle(hand)
    assert factories.gold_seen(wren) == (1, 0)
    changed = change_gold(gold=gold, by=factories.ada(), tolerance={"misses": 1})
    assert changed.tolerance == {"iou": 0.5, "misses": 1, "extras": 0}
    assert factories.gold_seen(wren) == (1, 1)
    with pytest.raises(GoldRefused):
        change_gold(gold=gold, by=factories.ada(), tolerance={"iou": 2})
    with pytest.raises(GoldRefused):
        change_gold(gold=gold, by=factories.ada(), accepted=[])


def test_suspended_gold_is_given_to_nobody_and_does_not_come_back(project: Project) -> None:
    gold = factories.a_gold(project)
    wren = factories.a_worker("wren")
    while not Assignment.objects.filter(gold=gold).exists():
        hand = worker_actions.take(wren, project)
        if not Assignment.objects.filter(gold=gold).exists():
            worker_actions.answer_all(hand)
            worker_actions.settle(hand)
    release_hand(worker=wren, hand_id=hand.public_id)
    Gold.objects.update(state="suspended")
    hand = worker_actions.take(wren, project)
    assert not Assignment.objects.filter(hand=hand, gold=gold).exists()
    hand = worker_actions.take(factories.a_worker("finch"), project)
    assert not Assignment.objects.filter(hand=hand, gold__isnull=False).exists()
