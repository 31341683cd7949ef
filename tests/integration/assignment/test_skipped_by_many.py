"""Workers say why they skip; an image that many skip is set aside, and only a manager decides what becomes of it."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Actor
from kernel.models import Event
from projects.errors import ProjectClosed
from projects.models import Project
from tasks.analytics.dashboard import project_figures
from tasks.analytics.project_progress import Need, project_progress
from tasks.analytics.worker_figures import WorkerFigures
from tasks.assignment.models import Assignment, SetAside
from tasks.assignment.selectors import stuck_tasks
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.assignment.set_aside import clean_note, left_out_set_aside, skips_of, waiting_set_aside
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import batches_of, count_check_tasks, count_left_out, count_tasks
from tasks.flow.errors import NothingSelected
from tasks.flow.relabel import relabel
from tasks.flow.requeue import requeue_stuck
from tasks.flow.set_aside import Decided, leave_out, restore_offers
from tasks.review.errors import BatchUnanswered, ImageLeftOut
from tasks.review.services import approve_batch, approve_label
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db

NAMES = ("wren", "finch", "robin", "heron", "egret")


def crowd(count: int = len(NAMES)) -> list[Actor]:
    return [factories.a_worker(name) for name in NAMES[:count]]


def a_project(*, tasks: int = 1, **policy: Any) -> Project:
    project = factories.a_project(workers=crowd(), **({"hand_size": 1, "gold_rate": 0, "answers_min": 2} | policy))
    factories.some_tasks(project, tasks)
    return project


def skip(project: Project, worker: Actor, reason: str = "", note: str = "") -> Assignment:
    """Take a set of one image and skip it."""
    (lease,) = worker_actions.leases_of(worker_actions.take(worker, project))
    skip_assignment(worker=worker, assignment_id=lease.public_id, reason=reason, note=note)
    worker_actions.settle(lease.hand)
    lease.refresh_from_db()
    return lease


def skip_all(project: Project, count: int = 3) -> None:
    for worker in crowd(count):
        skip(project, worker)


def the_task() -> Task:
    return Task.objects.select_related("batch", "image").get()


def ids(project: Project) -> list[Any]:
    return list(SetAside.objects.filter(project=project).values_list("public_id", flat=True))


def assert_consistent(project: Project) -> None:
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
    totals = worker_actions.stream_totals(project)
    assert totals["set_aside"] == Task.objects.filter(is_set_aside=True).count()
    assert totals["left_out"] == Task.objects.filter(state="left_out").count()


def test_the_reason_and_the_note_are_kept_without_what_could_do_harm() -> None:
    project = a_project()
    hostile = "  \x00broken\r\n<script>alert(1)</script>\x1b[31m " + "x" * 600
    lease = skip(project, factories.wren(), "unclear_image", hostile)
    assert lease.skip_reason == "unclear_image"
    assert lease.skip_note.startswith("broken <script>alert(1)</script> [31m xxx")
    assert len(lease.skip_note) == 500
    assert clean_note("\n \t") == ""


def test_a_manager_sees_how_often_a_worker_skipped_for_which_reason() -> None:
    project = a_project(tasks=4)
    for reason in ("unclear_task", "other", "unclear_task", ""):
        skip(project, factories.wren(), reason)
    row = next(row for row in WorkerFigures(project=project)[:] if row["worker"] == str(factories.wren().public_id))
    assert (row["skipped"], row["skip_reasons"]) == (4, {"unclear_task": 2, "other": 1})


def test_the_third_worker_who_skips_an_image_sets_it_aside_and_nobody_else_gets_it() -> None:
    project = a_project()
    skip_all(project, 2)
    assert not the_task().is_set_aside
    skip(project, crowd(3)[2], "other", "Not a photo")
    assert the_task().is_set_aside
    assert (the_task().state, the_task().wanted, the_task().taken) == ("open", 2, 0)
    assert claim_hand(worker=crowd()[3], project=project) is None
    (row,) = waiting_set_aside(project=project)
    assert row.workers == 3
    assert [each.note for each in skips_of(rows=[row])[row.pk]] == ["", "", "Not a photo"]
    events = Event.objects.filter(project_id=project.pk, kind="task.set_aside")
    assert [event.data for event in events] == [{"task": str(the_task().public_id), "workers": 3}]
    assert project_progress(project=project).need is Need.DECIDE_SET_ASIDE
    assert_consistent(project)


@pytest.mark.parametrize(
    ("most", "workers", "is_set_aside"), [(0, 5, False), (1, 1, True), (5, 4, False), (5, 5, True)]
)
def test_the_policy_says_after_how_many(most: int, workers: int, is_set_aside: bool) -> None:
    project = a_project(skips_to_manager=most)
    skip_all(project, workers)
    assert the_task().is_set_aside is is_set_aside


def test_projects_that_exist_already_set_nothing_aside() -> None:
    """Their rows get the default of the column, which is none of the model's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_default FROM information_schema.columns"
            " WHERE table_name = 'projects_project' AND column_name = 'skips_to_manager'"
        )
        assert cursor.fetchone() == ("0",)
    assert Project().skips_to_manager == 3


def test_one_worker_is_counted_once_however_many_rounds_they_skip() -> None:
    project = factories.a_project(workers=crowd(1), hand_size=1, gold_rate=0, skips_to_manager=2)
    factories.some_tasks(project, 1)
    for _ in range(3):
        skip(project, factories.wren())
        assert requeue_stuck(project=project) == (1, 0)
    assert not the_task().is_set_aside


def test_whoever_has_the_image_answers_it_and_it_counts() -> None:
    project = a_project()
    *three, heron, egret = crowd()
    hand = worker_actions.take(heron, project)
    for worker in three:
        skip(project, worker)
    assert the_task().is_set_aside
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    assert (the_task().taken, the_task().state) == (1, "open")
    assert claim_hand(worker=egret, project=project) is None
    assert_consistent(project)


def test_an_image_that_got_all_its_answers_meanwhile_needs_no_decision() -> None:
    project = a_project(answers_min=1, answers_max=2)
    hand = worker_actions.take(crowd()[3], project)
    Task.objects.update(wanted=2)
    Batch.objects.update(wanted=2)
    skip_all(project)
    Task.objects.update(wanted=1)
    Batch.objects.update(wanted=1)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    relabel(task_ids=[the_task().pk])
    assert the_task().state == "answered"
    assert not waiting_set_aside(project=project).exists()
    assert leave_out(project=project, by=factories.ada(), ids=ids(project)) == Decided(0, 1)


def test_an_image_that_is_set_aside_is_not_stuck_and_is_not_closed_with_the_stuck_ones() -> None:
    project = a_project(skips_to_manager=5, answers_min=1, answers_max=1)
    skip_all(project, 5)
    stuck = stuck_tasks(project=project)
    assert (stuck.without_answer, stuck.with_answers) == (0, 0)
    assert requeue_stuck(project=project) == (0, 0)
    assert the_task().round == 1


def test_offering_it_again_reopens_it_for_those_who_have_not_had_it() -> None:
    project = a_project()
    skip_all(project)
    *three, heron, egret = crowd()
    assert claim_hand(worker=heron, project=project) is None
    assert restore_offers(project=project, by=factories.ada(), ids=ids(project)) == Decided(1, 0)
    assert not the_task().is_set_aside
    row = SetAside.objects.get()
    assert (row.decision, row.decided_by, row.decided_at is None) == ("offered", factories.ada(), False)
    for worker in three:
        assert claim_hand(worker=worker, project=project) is None, "whoever skipped is not asked again"
    for worker in (heron, egret):
        hand = worker_actions.take(worker, project)
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
    assert the_task().taken == 2
    assert_consistent(project)


def test_skips_before_the_decision_count_no_longer() -> None:
    project = a_project(skips_to_manager=2)
    skip_all(project, 2)
    restore_offers(project=project, by=factories.ada(), ids=ids(project))
    *_, robin, heron, _egret = crowd()
    skip(project, robin, "not_for_me")
    assert not the_task().is_set_aside
    skip(project, heron)
    assert the_task().is_set_aside
    (row,) = waiting_set_aside(project=project)
    assert [each.worker for each in skips_of(rows=[row])[row.pk]] == [str(robin.public_id), str(heron.public_id)]
    assert_consistent(project)


def test_an_image_that_is_left_out_is_closed_and_counted_apart() -> None:
    project = a_project(tasks=2, answers_min=1, answers_max=1, skips_to_manager=1)
    lease = skip(project, factories.wren())
    assert leave_out(project=project, by=factories.ada(), ids=ids(project)) == Decided(1, 0)
    assert lease.task is not None
    task = Task.objects.get(pk=lease.task.pk)
    assert (task.state, task.wanted, task.taken, task.is_set_aside) == ("left_out", 0, 0, False)
    assert count_tasks(projects=[project])[project.pk] == {"open": 1}
    assert (count_left_out(project=project), count_check_tasks(project=project)) == (1, 0)
    assert project_figures(project=project)["progress"]["images"] == 1
    counted: Any = batches_of(project=project).get()
    assert counted.tasks_count == 1
    hand = worker_actions.take(factories.finch(), project)
    assert [row.task_id for row in worker_actions.leases_of(hand)] != [task.pk]
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    assert claim_hand(worker=crowd()[2], project=project) is None
    assert [row.task_id for row in left_out_set_aside(project=project)] == [task.pk]
    assert_consistent(project)


def test_a_batch_waits_for_the_decision_and_not_for_what_is_left_out() -> None:
    project = a_project(tasks=2, answers_min=1, answers_max=1, skips_to_manager=1)
    skip(project, factories.wren())
    hand = worker_actions.take(factories.finch(), project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    relabel(task_ids=list(Task.objects.filter(taken=1).values_list("pk", flat=True)))
    batch = Batch.objects.get()
    with pytest.raises(BatchUnanswered, match="Decide on the one that many workers skipped"):
        approve_batch(reviewer=factories.ada(), batch=batch)
    leave_out(project=project, by=factories.ada(), ids=ids(project))
    assert approve_batch(reviewer=factories.ada(), batch=batch) == 1
    assert project_progress(project=project).need is Need.CREATE_RELEASE
    batch.refresh_from_db()
    assert (batch.state, batch.wanted, batch.taken) == ("approved", 1, 1)
    assert restore_offers(project=project, by=factories.ada(), ids=ids(project)) == Decided(1, 0)
    batch.refresh_from_db()
    assert (batch.state, batch.wanted, batch.taken) == ("open", 2, 1), "it waits for answers again"
    assert claim_hand(worker=crowd()[3], project=project) is not None
    assert_consistent(project)


def test_an_image_with_answers_can_be_left_out_and_its_answers_stay_paid() -> None:
    project = a_project(answers_min=3, answers_max=3, skips_to_manager=1)
    heron = crowd()[3]
    hand = worker_actions.take(heron, project)
    worker_actions.answer_all(hand)
    assert worker_actions.settle(hand).answers == 1
    relabel(task_ids=[the_task().pk])
    skip(project, factories.wren())
    leave_out(project=project, by=factories.ada(), ids=ids(project))
    relabel(task_ids=[the_task().pk])
    assert (the_task().state, the_task().wanted, the_task().taken) == ("left_out", 1, 1)
    label = the_task().labels.filter(is_current=True).first()
    if label is not None:
        with pytest.raises(ImageLeftOut):
            approve_label(reviewer=factories.ada(), task=the_task(), label_hash=label.content_hash)
    restore_offers(project=project, by=factories.ada(), ids=ids(project))
    assert (the_task().state, the_task().wanted, the_task().taken) == ("open", 3, 1)
    assert_consistent(project)


def test_several_are_decided_at_once_and_those_decided_already_are_left_alone() -> None:
    project = a_project(tasks=3, skips_to_manager=1)
    for worker in crowd(3):
        skip(project, worker)
    first, *others = ids(project)
    assert restore_offers(project=project, by=factories.ada(), ids=[first]) == Decided(1, 0)
    assert leave_out(project=project, by=factories.ada(), ids=[first, *others]) == Decided(2, 1)
    assert leave_out(project=project, by=factories.ada(), ids=[first, *others]) == Decided(0, 3)
    with pytest.raises(NothingSelected):
        leave_out(project=project, by=factories.ada(), ids=[])
    assert_consistent(project)


def test_nothing_is_offered_again_in_a_closed_project_or_another_one() -> None:
    project = a_project(skips_to_manager=1)
    skip(project, factories.wren())
    other = factories.a_project("Other")
    with pytest.raises(NothingSelected):
        leave_out(project=other, by=factories.ada(), ids=ids(project))
    Project.objects.filter(pk=project.pk).update(state="closed")
    with pytest.raises(ProjectClosed):
        restore_offers(project=project, by=factories.ada(), ids=ids(project))


def test_what_a_worker_returned_before_comes_back_to_them_gold_and_work_alike() -> None:
    project = a_project(answers_min=5, answers_max=5)
    heron = crowd()[3]
    hand = worker_actions.take(heron, project)
    release_hand(worker=heron, hand_id=hand.public_id)
    skip_all(project)
    assert [row.task_id for row in worker_actions.leases_of(worker_actions.take(heron, project))] == [the_task().pk]
