"""Images that a reviewer sends back to the worker: kept for them, corrected once, unpaid, and gold alike."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from projects.errors import PolicyRefused
from projects.models import Project
from projects.policies import read_policy
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.selectors import shown_hand, stuck_tasks
from tasks.assignment.services import claim_hand, release_hand
from tasks.batching.models import Task
from tasks.flow.corrections import end_corrections
from tasks.flow.expiry import expire_leases
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.flow.requeue import requeue_stuck
from tasks.pay.models import LedgerEntry
from tasks.review.appeal_lists import kept_until
from tasks.review.corrections import shown_corrections
from tasks.review.errors import NobodyToCorrect, SendingBackOff
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal
from tasks.review.services import approve_label
from tasks.standing.models import Standing
from tests import factories
from tests.factories import a_project, finch, wren
from tests.rejected import WHY, a_reviewer, an_answered_task, hash_of, show_now
from tests.repairs import void_answers
from tests.worker_actions import answer, assert_invariants, assert_stream_matches_tables, leases_of, settle, take

pytestmark = pytest.mark.django_db
REGION = {"x": 10, "y": 10, "w": 60, "h": 40}


@pytest.fixture
def project() -> Project:
    policy: dict[str, Any] = {"appeal_days": 7, "send_back_days": 2, "price": Decimal("0.05")}
    return a_project(answers_min=1, answers_max=1, workers=[wren(), finch()], **policy)


def send_back(project: Project, *workers: Actor, shown: bool = True, task: Task | None = None) -> Task:
    task = task or an_answered_task(project, *workers)
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY, region=REGION, send_back=True)
    if shown:
        show_now()
    return Task.objects.get(pk=task.pk)


def correction_of(worker: Actor) -> Assignment:
    return Assignment.objects.get(worker=worker, is_correction=True)


def time_is_over() -> None:
    past = ClockTimestamp() - timedelta(seconds=1)
    RejectedAnswer.objects.filter(is_kept=True).update(kept_until=past)
    Assignment.objects.filter(is_correction=True, position=0, state="leased").update(expires_at=past)


def slots(task: Task) -> tuple[int, int, int]:
    task = Task.objects.get(pk=task.pk)
    return task.round, task.wanted, task.taken


def test_the_image_is_kept_for_its_worker_and_corrected_in_a_later_set(project: Project) -> None:
    task = send_back(project, wren())
    assert slots(task) == (2, 1, 1), "nobody else is asked meanwhile"
    assert claim_hand(worker=finch(), project=project) is None
    hand = take(wren(), project)
    (lease,) = leases_of(hand)
    assert (lease.task_id, lease.round, lease.is_correction, lease.position, lease.counts) == (
        task.pk,
        2,
        True,
        1,
        True,
    )
    (shown,) = shown_hand(hand).assignments
    assert (shown.is_correction, shown.answer) == (True, None)
    correction = shown_corrections(hand=hand)[lease.public_id]
    assert (correction.reason, correction.region) == (WHY, REGION)
    assert correction.answer is not None
    assert correction.answer["image"]["class"] == 1
    answer(lease, 2)
    settle(hand)
    relabel(task_ids=[task.pk])
    task.refresh_from_db()
    assert task.state == Task.State.ANSWERED
    approve_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task))
    assert_invariants(project)


def test_the_image_is_paid_once(project: Project) -> None:
    send_back(project, wren())
    hand = take(wren(), project)
    for lease in leases_of(hand):
        answer(lease, 2)
    assert settle(hand).earned == 0
    credits = LedgerEntry.objects.filter(worker=wren(), kind="credit").values_list("amount", flat=True)
    assert sorted(credits) == [0, Decimal("0.05")]


@pytest.mark.parametrize("pay_by", ["hour", "object"])
def test_it_is_not_paid_by_its_time_or_objects_either(project: Project, pay_by: str) -> None:
    Project.objects.filter(pk=project.pk).update(pay_by=pay_by)
    send_back(project, wren())
    factories.a_task(project)
    hand = take(wren(), project)
    for lease in leases_of(hand):
        answer(lease, 2)
    settle(hand)
    credits = LedgerEntry.objects.filter(hand=hand, kind="credit")
    amounts = dict(credits.values_list("assignment__is_correction", "amount"))
    assert amounts[True] == 0
    assert set(amounts) == {True, False}
    assert_invariants(project)


def test_nothing_is_seen_before_the_day_on_which_rejections_are_shown(project: Project) -> None:
    send_back(project, wren(), shown=False)
    old = Hand.objects.get(worker=wren())
    assert [row.position for row in shown_hand(old).assignments] == [1]
    assert claim_hand(worker=wren(), project=project) is None
    show_now()
    assert [row.position for row in shown_hand(old).assignments] == [1]
    row = RejectedAnswer.objects.select_related("correction").get()
    assert kept_until(row) == row.kept_until
    take(wren(), project)
    row.refresh_from_db()
    assert kept_until(RejectedAnswer.objects.select_related("correction").get()) is None


def test_after_its_time_it_goes_to_another_and_not_back(project: Project) -> None:
    task = send_back(project, wren())
    assert end_corrections() == 0
    time_is_over()
    expire_leases()
    assert slots(task) == (2, 1, 0)
    assert (correction_of(wren()).state, correction_of(wren()).returned) == ("released", False)
    assert Standing.objects.get(worker=wren()).returns == 0
    assert claim_hand(worker=wren(), project=project) is None
    assert leases_of(take(finch(), project))[0].task_id == task.pk
    assert_invariants(project)


@pytest.mark.parametrize("state", ["paused", "removed"])
def test_of_a_worker_who_may_not_work_it_goes_to_another(project: Project, state: str) -> None:
    task = send_back(project, wren())
    Standing.objects.filter(worker=wren()).update(state=state)
    assert end_corrections() == 1
    assert end_corrections() == 0
    assert slots(task) == (2, 1, 0)
    assert leases_of(take(finch(), project))[0].task_id == task.pk


def test_an_appeal_ends_the_wait(project: Project) -> None:
    task = send_back(project, wren())
    appeal(worker=wren(), public_id=RejectedAnswer.objects.get().public_id, statement="It is a cat.")
    assert end_corrections() == 1
    assert slots(task) == (2, 1, 0)


def test_voiding_the_rejected_answer_ends_the_wait(project: Project) -> None:
    task = send_back(project, wren())
    void_answers(project, wren())
    assert end_corrections() == 1
    assert slots(task) == (2, 1, 0)
    assert_invariants(project)


def test_what_was_given_back_comes_back_without_its_slot(project: Project) -> None:
    task = send_back(project, wren())
    hand = take(wren(), project)
    release_hand(worker=wren(), hand_id=hand.public_id)
    assert slots(task) == (2, 1, 0)
    assert end_corrections() == 0
    assert not RejectedAnswer.objects.get().is_kept
    assert leases_of(take(finch(), project))[0].task_id == task.pk
    hand = take(wren(), project)
    (lease,) = leases_of(hand)
    assert (lease.is_correction, lease.counts, lease.price) == (True, False, Decimal(0))
    answer(lease, 2)
    settle(hand)
    assert_invariants(project)


def test_all_who_gave_the_answer_correct_it_in_a_round_that_has_room(project: Project) -> None:
    task = send_back(project, wren(), finch())
    assert slots(task) == (2, 2, 2)
    for worker in (wren(), finch()):
        (lease,) = leases_of(take(worker, project))
        assert lease.is_correction
    assert_invariants(project)


def test_other_slots_of_the_round_go_to_others() -> None:
    project = a_project(answers_min=2, answers_max=2, workers=[wren(), finch()], appeal_days=7, send_back_days=2)
    task = send_back(project, wren(), task=an_answered_task(project, wren()))
    assert slots(task) == (2, 2, 1)
    assert leases_of(take(finch(), project))[0].task_id == task.pk


def test_it_uses_no_cap(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(images_per_day=1)
    Standing.objects.filter(worker=wren()).update(images_today=1, images_day=ClockTimestamp())
    send_back(project, wren())
    before = Standing.objects.get(worker=wren()).images
    assert leases_of(take(wren(), project))[0].is_correction
    assert Standing.objects.get(worker=wren()).images == before


def test_a_rejected_correction_is_sent_back_again(project: Project) -> None:
    task = send_back(project, wren())
    hand = take(wren(), project)
    answer(leases_of(hand)[0], 2)
    settle(hand)
    relabel(task_ids=[task.pk])
    task = send_back(project, task=Task.objects.get(pk=task.pk))
    assert slots(task) == (3, 1, 1)
    (lease,) = leases_of(take(wren(), project))
    assert (lease.round, lease.is_correction) == (3, True)


def test_nobody_can_correct_what_nobody_answered(project: Project) -> None:
    task = an_answered_task(project, wren())
    Standing.objects.filter(worker=wren()).update(state="paused")
    with pytest.raises(NobodyToCorrect):
        send_back(project, task=task)
    assert slots(task) == (1, 1, 1)
    assert not RejectedAnswer.objects.exists()


def test_a_project_sends_nothing_back_by_default(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(send_back_days=0)
    task = an_answered_task(Project.objects.get(pk=project.pk), wren())
    with pytest.raises(SendingBackOff):
        send_back(project, task=task)


def test_correcting_needs_appeals() -> None:
    now: dict[str, Any] = {"appeal_days": 0, "send_back_days": 0, "answers_min": 1, "answers_max": 1}
    rest = {"set_minutes": 0, "lease_seconds": 600, "split_train": 0.8, "split_val": 0.1}

    def current(name: str) -> Any:
        return (now | rest)[name]

    with pytest.raises(PolicyRefused):
        read_policy({"send_back_days": 2}, current=current)
    assert read_policy({"send_back_days": 2, "appeal_days": 7}, current=current)["send_back_days"] == 2


def test_stuck_images_are_not_those_that_are_kept(project: Project) -> None:
    task = send_back(project, wren())
    assert stuck_tasks(project=project).without_answer == 0
    requeue_stuck(project=project)
    assert slots(task) == (2, 1, 1)


def test_the_counts_of_the_console_are_those_of_the_tables(project: Project) -> None:
    factories.a_task(project)
    hand = take(wren(), project)
    answer(leases_of(hand)[0], 1)
    settle(hand)
    relabel(task_ids=[leases_of(hand)[0].task_id or 0])
    send_back(project, task=Task.objects.get())
    assert_stream_matches_tables(project)
    hand = take(wren(), project)
    assert_stream_matches_tables(project)
    release_hand(worker=wren(), hand_id=hand.public_id)
    send_again = take(wren(), project)
    answer(leases_of(send_again)[0], 2)
    settle(send_again)
    assert_stream_matches_tables(project)


def test_former_answers_with_classes_that_are_not_offered_are_no_beginning(project: Project) -> None:
    send_back(project, wren())
    hand = take(wren(), project)
    (lease,) = leases_of(hand)
    schema = lease.schema
    schema.body = {**schema.body, "classes": [row for row in schema.body["classes"] if row["number"] != 1]}
    type(schema).objects.filter(pk=schema.pk).update(body=schema.body)
    assert shown_corrections(hand=hand)[lease.public_id].answer is None
