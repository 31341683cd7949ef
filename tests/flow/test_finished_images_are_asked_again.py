"""More answers of finished images: answered ones open again, approved ones stay approved until new answers differ."""

from typing import Any

import pytest

from accounts.models import Actor
from kernel.models import Event, Job
from projects.lifecycle import close_project
from projects.models import Project
from tasks.assignment.models import Assignment, SetAside
from tasks.assignment.services import claim_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel, LabelProposal
from tasks.flow.finished_images import FinishedImages, ask_finished_images
from tasks.flow.overlap import close_with_current_answers
from tasks.flow.policy_change import change_project_policy
from tasks.flow.policy_preview import GROUPS, preview_policy
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.flow.set_aside import leave_out
from tasks.review.models import Review
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.snapshots.models import SnapshotItem
from tasks.snapshots.selectors import count_releasable
from tasks.snapshots.services import build_snapshot, create_snapshot
from tests import factories, worker_actions
from tests.labeled import a_crowd, a_paid_task

pytestmark = pytest.mark.django_db

CAT, DOG = 1, 2


def a_project(**policy: Any) -> Project:
    values = {"answers_min": 2, "answers_max": 2, "gold_rate": 0, "hand_size": 10, **policy}
    project = factories.a_project(**values)
    a_crowd(project, 5)
    return project


def answered(project: Project, *classes: int) -> Task:
    task = a_paid_task(project, [factories.class_answer(number) for number in classes])
    assert task.state == Task.State.ANSWERED
    return task


def approved(project: Project, *classes: int) -> Task:
    task = answered(project, *classes)
    approve_label(reviewer=factories.ada(), task=task, label_hash=label_of(task).content_hash)
    task.refresh_from_db()
    return task


def label_of(task: Task) -> ConsensusLabel:
    return ConsensusLabel.objects.get(task=task, is_current=True)


def change(project: Project, *, apply_to: Any = "finished", **changes: Any) -> None:
    """Change the policy, and run the jobs that this queues."""
    change_project_policy(project=project, changes=changes, apply_to=apply_to)
    run_jobs(project)


def run_jobs(project: Project) -> None:
    for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
        if job.kind == "flow.ask_finished":
            ask_finished_images(project_id=project.pk, args=FinishedImages(**job.args))
        elif job.kind == "consensus.update":
            relabel(**job.args)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)


def give(project: Project, worker: Actor, number: int) -> list[int | None]:
    """Have the worker answer a set with this class; return its tasks, after their labels were updated."""
    hand = worker_actions.take(worker, project)
    tasks = [lease.task_id for lease in worker_actions.leases_of(hand)]
    worker_actions.answer_all(hand, number)
    worker_actions.settle(hand)
    run_jobs(project)
    return tasks


def state_of(task: Task) -> tuple[str, bool, int, int]:
    task.refresh_from_db()
    return task.state, task.asked_again, task.taken, task.wanted


def test_an_answered_image_opens_again_and_gets_its_answers() -> None:
    project = a_project()
    task = answered(project, CAT, CAT)
    change(project, answers_min=3)
    assert state_of(task) == ("open", False, 2, 3)
    robin = a_crowd(project, 5)[2]
    assert give(project, robin, DOG) == [task.pk]
    assert state_of(task) == ("answered", False, 3, 3)
    totals = worker_actions.stream_totals(project)
    assert totals["answered"] == 1
    worker_actions.assert_invariants(project)


@pytest.mark.parametrize("apply_to", ["new", "open", "all"])
def test_only_finished_reaches_them(apply_to: str) -> None:
    project = a_project()
    task = answered(project, CAT, CAT)
    change(project, answers_min=3, apply_to=apply_to)
    assert state_of(task) == ("answered", False, 2, 2)
    change(project)  # later, without another change
    assert state_of(task) == ("open", False, 2, 3)


def test_an_image_that_a_manager_left_out_is_not_asked_again() -> None:
    """It may have answers, of those who got it before it was set aside."""
    project = a_project(skips_to_manager=1, answers_max=3)
    robin, wren = a_crowd(project, 5)[:2]
    task = factories.a_task(project)
    factories.a_credit(factories.an_answer(task, robin, factories.class_answer(CAT)))
    (lease,) = worker_actions.leases_of(worker_actions.take(wren, project))
    skip_assignment(worker=wren, assignment_id=lease.public_id)
    aside = SetAside.objects.get(task=task)
    leave_out(project=project, by=factories.ada(), ids=[aside.public_id])
    assert state_of(task) == ("left_out", False, 1, 1)
    preview = preview_policy(project=project, changes={"answers_min": 3})
    assert (preview.effect("finished").images, set(preview.groups)) == (0, set(GROUPS))
    change(project, answers_min=3)
    change(project)  # nor is it decided about once more
    assert state_of(task) == ("left_out", False, 1, 1)
    worker_actions.assert_invariants(project)


def test_an_approved_image_stays_approved_and_in_releases_while_it_is_asked_again() -> None:
    project = a_project()
    task = approved(project, CAT, CAT)
    approve_batch(reviewer=factories.ada(), batch=task.batch)
    earlier = create_snapshot(project=project, by=factories.ada())
    build_snapshot(snapshot_id=earlier.pk)
    change(project, answers_min=3)

    assert state_of(task) == ("approved", True, 2, 3)
    assert Batch.objects.values_list("state", "approved_at").get() == ("open", None)
    assert count_releasable(project=project) == 1
    release = create_snapshot(project=project, by=factories.ada())
    build_snapshot(snapshot_id=release.pk)
    assert SnapshotItem.objects.filter(snapshot=release).count() == 1
    release.refresh_from_db()
    earlier.refresh_from_db()
    assert release.content_hash == earlier.content_hash
    worker_actions.assert_invariants(project)


def test_answers_that_agree_leave_the_approval_and_answers_that_differ_send_it_to_review() -> None:
    project = a_project()
    same, other = approved(project, CAT, CAT), approved(project, CAT, DOG)
    before = label_of(other).body["image"]["class"]
    verdicts = list(Review.objects.filter(is_current=True).values_list("pk", flat=True))
    change(project, answers_min=3)
    robin = a_crowd(project, 5)[2]
    assert set(give(project, robin, CAT if before == DOG else DOG)) == {same.pk, other.pk}
    assert state_of(same) == ("approved", False, 3, 3)
    assert state_of(other) == ("answered", False, 3, 3)
    assert label_of(same).version == 1
    assert label_of(other).body["image"]["class"] != before
    assert list(Review.objects.filter(is_current=True).values_list("pk", flat=True)) == verdicts[:1]
    assert not LabelProposal.objects.exists()
    worker_actions.assert_invariants(project)


def test_labels_that_a_person_set_are_left_alone() -> None:
    project = a_project()
    task = approved(project, CAT, CAT)
    raw = factories.class_answer(DOG)
    fix_label(reviewer=factories.ada(), task=task, label_hash=label_of(task).content_hash, raw=raw, again=True)
    change(project, answers_min=3)
    assert state_of(task) == ("approved", False, 2, 2)


def test_lowering_throws_no_answers_away() -> None:
    project = a_project(answers_min=3, answers_max=3)
    done, sure = answered(project, CAT, CAT, DOG), approved(project, CAT, CAT, CAT)
    label = label_of(sure).pk
    change(project, answers_min=1)
    assert state_of(done) == ("answered", False, 3, 3)
    assert state_of(sure) == ("approved", False, 3, 3)
    assert label_of(sure).pk == label
    assert Assignment.objects.filter(counts=True).count() == 6


def test_a_higher_maximum_decides_again_about_finished_images() -> None:
    project = a_project(answers_min=2, answers_max=2, confidence_target=0.9)
    agreed, split = answered(project, CAT, CAT), answered(project, CAT, DOG)
    certain, contradicted = approved(project, CAT, CAT), approved(project, DOG, CAT)
    change(project, answers_max=5)
    assert state_of(agreed) == ("answered", False, 2, 2)
    assert state_of(certain) == ("approved", False, 2, 2)
    assert state_of(split) == ("open", False, 2, 3)
    assert state_of(contradicted) == ("approved", True, 2, 3)
    assert Task.objects.get(pk=split.pk).priority > 0
    worker_actions.assert_invariants(project)


def test_a_reviewer_may_reject_an_image_that_is_asked_again() -> None:
    project = a_project()
    task = approved(project, CAT, CAT)
    change(project, answers_min=3)
    reject_label(reviewer=factories.ada(), task=task, label_hash=label_of(task).content_hash, reason="No.", again=True)
    assert state_of(task) == ("open", False, 0, 3)
    worker_actions.assert_invariants(project)


def test_approving_the_batch_again_ends_the_question() -> None:
    project = a_project()
    task = approved(project, CAT, CAT)
    change(project, answers_min=3)
    approve_batch(reviewer=factories.ada(), batch=task.batch)
    assert state_of(task) == ("approved", False, 2, 2)
    assert claim_hand(worker=a_crowd(project, 5)[2], project=project) is None
    worker_actions.assert_invariants(project)


def test_it_can_be_closed_with_the_answers_it_has() -> None:
    project = a_project()
    task = approved(project, CAT, CAT)
    change(project, answers_min=3)
    assert close_with_current_answers(batch=task.batch) == 1
    assert state_of(task) == ("approved", False, 2, 2)
    worker_actions.assert_invariants(project)


def test_an_image_is_never_offered_to_those_who_have_answered_it() -> None:
    project = a_project()
    approved(project, CAT, CAT)
    change(project, answers_min=3)
    wren, finch, *_ = a_crowd(project, 5)
    assert claim_hand(worker=wren, project=project) is None
    assert claim_hand(worker=finch, project=project) is None


def test_the_job_asks_for_no_more_than_the_present_policy_and_can_run_twice() -> None:
    project = a_project()
    task = answered(project, CAT, CAT)
    change_project_policy(project=project, changes={"answers_min": 4}, apply_to="finished")
    change_project_policy(project=project, changes={"answers_min": 3}, apply_to="new")
    args = FinishedImages(**Job.objects.get(kind="flow.ask_finished").args)
    for _ in range(2):
        assert ask_finished_images(project_id=project.pk, args=args)
        assert state_of(task) == ("open", False, 2, 3)
    assert Event.objects.filter(kind="task.asked_again").count() == 1


def test_the_job_makes_room_for_others_and_goes_on() -> None:
    project = a_project()
    tasks = [a_paid_task(project, [factories.class_answer(CAT)] * 2) for _ in range(2)]
    batch = factories.a_batch(project)
    Task.objects.filter(pk=tasks[1].pk).update(batch=batch)
    Batch.objects.update(wanted=2, taken=2)
    assert not ask_finished_images(
        project_id=project.pk, args=FinishedImages(2, decide_again=False), others_wait=lambda: True
    )
    Project.objects.update(answers_min=3, answers_max=3)
    (rest,) = Job.objects.filter(kind="flow.ask_finished")
    ask_finished_images(project_id=project.pk, args=FinishedImages(3, decide_again=False, after=rest.args["after"]))
    assert [state_of(task)[0] for task in tasks] == ["answered", "open"]


def test_a_closed_project_asks_nobody() -> None:
    project = a_project()
    task = answered(project, CAT, CAT)
    change_project_policy(project=project, changes={"answers_min": 3}, apply_to="finished")
    close_project(project=project)
    run_jobs(project)
    assert state_of(task) == ("answered", False, 2, 2)


def test_boxes_are_asked_again_like_classes() -> None:
    project = a_project(tools=("box",))
    one, two = factories.box_answer((1, 10, 10, 80, 60)), factories.box_answer((1, 300, 200, 60, 60))
    task = a_paid_task(project, [one, two])
    approve_label(reviewer=factories.ada(), task=task, label_hash=label_of(task).content_hash)
    change(project, answers_max=4, confidence_target=0.95)
    assert state_of(task) == ("approved", True, 2, 3)
