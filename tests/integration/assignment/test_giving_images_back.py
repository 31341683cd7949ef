"""A worker skips an image, releases the whole hand, or lets it expire; what was shown comes back first."""

from collections.abc import Callable

import pytest

from kernel.errors import NotFound
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import AnsweredAlready, claim_hand, release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.flow.expiry import expire_leases
from tasks.flow.gold_images import retire_gold_image
from tasks.gold.models import Gold
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_set_of(size: int) -> Hand:
    wren = factories.wren()
    project = factories.a_project(workers=[wren], hand_size=size, gold_rate=0)
    factories.some_tasks(project, size, wanted=1)
    return worker_actions.take(wren, project)


def test_a_skipped_image_becomes_open_to_another_worker() -> None:
    hand = a_set_of(1)
    lease = worker_actions.leases_of(hand)[0]
    before = Batch.objects.get().generation
    assert skip_assignment(worker=hand.worker, assignment_id=lease.public_id).state == Assignment.State.SKIPPED
    assert Batch.objects.get().generation == before + 1
    finch = factories.finch()
    factories.admitted(hand.project, finch)
    assert [row.task_id for row in worker_actions.leases_of(worker_actions.take(finch, hand.project))] == [
        lease.task_id
    ]
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_skipping_twice_frees_one_slot() -> None:
    hand = a_set_of(2)
    lease = worker_actions.leases_of(hand)[0]
    for _ in range(2):
        skip_assignment(worker=hand.worker, assignment_id=lease.public_id)
    assert Batch.objects.get().taken == 1
    worker_actions.assert_stream_matches_tables(hand.project)


def test_an_answered_image_cannot_be_skipped() -> None:
    hand = a_set_of(1)
    lease = worker_actions.leases_of(hand)[0]
    worker_actions.answer(lease)
    with pytest.raises(AnsweredAlready):
        skip_assignment(worker=hand.worker, assignment_id=lease.public_id)


def test_a_worker_cannot_skip_or_release_for_another() -> None:
    hand = a_set_of(1)
    finch = factories.finch()
    with pytest.raises(NotFound):
        skip_assignment(worker=finch, assignment_id=worker_actions.leases_of(hand)[0].public_id)
    with pytest.raises(NotFound):
        release_hand(worker=finch, hand_id=hand.public_id)


def test_a_released_hand_without_answers_is_settled() -> None:
    hand = a_set_of(3)
    assert release_hand(worker=hand.worker, hand_id=hand.public_id).state == Hand.State.SETTLED
    assert {lease.state for lease in worker_actions.leases_of(hand)} == {Assignment.State.RELEASED}
    assert Batch.objects.get().taken == 0
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_a_released_hand_with_answers_stays_live_until_settled() -> None:
    hand = a_set_of(3)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    assert release_hand(worker=hand.worker, hand_id=hand.public_id).state == Hand.State.LIVE
    assert worker_actions.settle(hand).answers == 1
    worker_actions.assert_invariants(hand.project)


def release(hand: Hand) -> None:
    release_hand(worker=hand.worker, hand_id=hand.public_id)


def let_expire(hand: Hand) -> None:
    worker_actions.expire_hand(hand)
    expire_leases()


def settle(hand: Hand) -> None:
    worker_actions.settle(hand)


def a_mixed_project() -> Project:
    """Gold makes up half of a set of four; there is work and gold for several sets."""
    workers = [factories.wren(), factories.finch()]
    project = factories.a_project(workers=workers, hand_size=4, gold_rate=0.5, answers_min=1)
    factories.some_tasks(project, 12)
    for _ in range(12):
        factories.a_gold(project)
    return project


def ids_of(hand: Hand) -> set[int]:
    return {lease.pk for lease in worker_actions.leases_of(hand)}


@pytest.mark.parametrize("give_back", [release, let_expire, settle])
def test_what_was_returned_comes_back_before_anything_new(give_back: Callable[[Hand], None]) -> None:
    project = a_mixed_project()
    hand = worker_actions.take(factories.wren(), project)
    shown = ids_of(hand)
    for _ in range(3):
        give_back(hand)
        hand = worker_actions.take(factories.wren(), project)
        assert ids_of(hand) == shown
        assert [lease.position for lease in worker_actions.leases_of(hand)] == [1, 2, 3, 4]
        worker_actions.assert_invariants(project)
        worker_actions.assert_stream_matches_tables(project)
    worker_actions.answer_all(hand)
    assert worker_actions.settle(hand).answers == 4
    assert not ids_of(worker_actions.take(factories.wren(), project)) & shown
    assert Gold.objects.filter(exposure__gt=1).count() == 0
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)


def test_the_rest_of_a_set_comes_back_and_new_images_fill_it_up() -> None:
    project = a_mixed_project()
    hand = worker_actions.take(factories.wren(), project)
    answered, *rest = worker_actions.leases_of(hand)
    worker_actions.answer(answered)
    worker_actions.settle(hand)
    following = worker_actions.take(factories.wren(), project)
    assert following.size == 4
    assert ids_of(following) > {lease.pk for lease in rest}
    assert worker_actions.settle(hand).answers == 1, "the earlier set keeps its figures"


def test_a_skipped_image_never_comes_back_whether_gold_or_work() -> None:
    project = a_mixed_project()
    hand = worker_actions.take(factories.wren(), project)
    shown = ids_of(hand)
    for lease in worker_actions.leases_of(hand):
        skip_assignment(worker=factories.wren(), assignment_id=lease.public_id)
    worker_actions.settle(hand)
    while (hand := claim_hand(worker=factories.wren(), project=project)) is not None:  # type: ignore[assignment]
        assert not ids_of(hand) & shown
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
    worker_actions.assert_invariants(project)


def test_work_that_others_have_filled_comes_back_as_surplus_because_gold_would_come_back() -> None:
    project = a_mixed_project()
    hand = worker_actions.take(factories.wren(), project)
    tasks = [lease.task_id for lease in worker_actions.leases_of(hand) if lease.task_id]
    release(hand)
    for task in Task.objects.filter(pk__in=tasks):
        factories.an_answer(task, factories.finch(), factories.class_answer(1))
    again = worker_actions.take(factories.wren(), project)
    work = [lease for lease in worker_actions.leases_of(again) if lease.task_id]
    assert {lease.task_id: lease.counts for lease in work} == dict.fromkeys(tasks, False)
    assert again.size == 4
    submissions = worker_actions.answer_all(again)
    assert {each.message for each in submissions} == {"Saved."}
    assert worker_actions.settle(again).answers == 4
    assert set(Task.objects.filter(pk__in=tasks).values_list("taken", "wanted")) == {(1, 1)}


@pytest.mark.parametrize("give_back", [release, let_expire])
def test_a_surplus_lease_that_is_returned_frees_no_slot(give_back: Callable[[Hand], None]) -> None:
    hand = a_set_of(1)
    factories.admitted(hand.project, factories.finch())
    give_back(hand)
    worker_actions.answer_all(worker_actions.take(factories.finch(), hand.project))
    again = worker_actions.take(factories.wren(), hand.project)
    assert [lease.counts for lease in worker_actions.leases_of(again)] == [False]
    give_back(again)
    assert Task.objects.get().taken == 1
    worker_actions.assert_invariants(hand.project)
    worker_actions.assert_stream_matches_tables(hand.project)


def test_an_image_comes_back_in_the_current_round_of_its_task() -> None:
    hand = a_set_of(1)
    release(hand)
    Task.objects.update(round=2)
    (lease,) = worker_actions.leases_of(worker_actions.take(factories.wren(), hand.project))
    assert (lease.round, lease.counts) == (2, True)
    worker_actions.answer(lease)
    worker_actions.assert_invariants(hand.project)


def test_an_image_of_a_paused_batch_comes_back_like_gold_would() -> None:
    hand = a_set_of(2)
    release(hand)
    Batch.objects.update(state=Batch.State.PAUSED)
    assert worker_actions.take(factories.wren(), hand.project).size == 2


def test_retired_gold_does_not_come_back() -> None:
    project = a_mixed_project()
    hand = worker_actions.take(factories.wren(), project)
    retired = Gold.objects.get(pk=next(lease.gold_id for lease in worker_actions.leases_of(hand) if lease.gold_id))
    release(hand)
    retire_gold_image(gold=retired)
    again = worker_actions.take(factories.wren(), project)
    assert again.size == 4
    assert retired.pk not in [lease.gold_id for lease in worker_actions.leases_of(again)]


def test_an_offline_answer_to_the_earlier_lease_is_the_answer_to_the_new_one() -> None:
    hand = a_set_of(2)
    offline = worker_actions.leases_of(hand)[0]
    let_expire(hand)
    again = worker_actions.take(factories.wren(), hand.project)
    submission = worker_actions.answer(offline)
    assert (submission.late, submission.counts, submission.message) == (False, True, "Saved.")
    assert worker_actions.settle(again).answers == 1
    worker_actions.assert_invariants(hand.project)
