"""Classes are changed while workers claim and answer, reviewers decide, and jobs are killed and run twice."""

import random
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from kernel.errors import AnnotaryError
from kernel.models import Job
from projects.class_edits import ClassEdit
from projects.models import Project
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow import class_change_steps
from tasks.flow.class_change import run_class_change, undo_class_change
from tasks.flow.repair import run_repair, start_repair
from tasks.repair.change_models import ClassChange
from tasks.repair.errors import ClassChangeInProgress, ClassesOutdated
from tasks.repair.models import Repair
from tasks.review.services import approve_label
from tasks.snapshots.errors import RepairUnfinished
from tasks.snapshots.services import build_snapshot, create_snapshot
from tests import factories, repairs, worker_actions
from tests.class_changes import CAT, DOG, FOX, MERGE, SPLIT, a_project, finish, label, labeled, start
from tests.concurrency_helpers import BackgroundCall, together
from tests.labeled import a_crowd

pytestmark = pytest.mark.django_db(transaction=True)


def named(project: Project, number: int) -> list[int]:
    labels = ConsensusLabel.objects.filter(project=project, is_current=True, body__image__class=number)
    return list(labels.values_list("task", flat=True))


def test_two_managers_at_once_make_one_change() -> None:
    for turn in range(4):
        project = a_project(f"Project {turn}", answers=2)
        labeled(project, FOX, FOX)
        results = together(partial(start, project, MERGE), partial(start, project, SPLIT))
        assert sum(isinstance(result, ClassChange) for result in results) == 1, results
        refused = [result for result in results if not isinstance(result, ClassChange)]
        assert all(isinstance(each, ClassChangeInProgress | ClassesOutdated) for each in refused), results


@pytest.mark.parametrize("edit", [MERGE, SPLIT], ids=["merge", "split"])
def test_a_job_that_is_killed_between_steps_and_two_at_once_do_no_harm(edit: ClassEdit, monkeypatch: Any) -> None:
    project = a_project(answers=2)
    for bodies in ([FOX, FOX], [DOG, DOG], [FOX, DOG], [CAT, DOG], [CAT, CAT]):
        labeled(project, *bodies)
    before = repairs.state_of(project)
    row = start(project, edit)

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # After the step has committed, before labels are computed anew.
        patch.setattr(class_change_steps, "relabel", killed)
        with suppress(KeyboardInterrupt):
            run_class_change(change_id=row.pk)
    assert together(*[partial(run_class_change, change_id=row.pk)] * 3) == [True] * 3
    row = ClassChange.objects.get(pk=row.pk)
    assert row.state == "applied"
    assert set(row.tasks.values_list("state", flat=True)) == {"updated"}
    assert not any(named(project, int(number)) for number in row.mapping)
    repairs.assert_rules(project)
    undone = undo_class_change(change=row, by=factories.ada(), reason="A mistake.")
    assert together(*[partial(run_class_change, change_id=undone.pk)] * 3) == [True] * 3
    assert repairs.state_of(project) == before
    repairs.assert_rules(project)


def test_an_answer_that_is_being_submitted_is_dealt_with_when_it_is_settled() -> None:
    project = a_project(answers=2)
    task = factories.a_task(project, wanted=2)
    hands = [worker_actions.take(worker, project) for worker in a_crowd(project, 2)]
    with transaction.atomic():
        worker_actions.answer_all(hands[0], 2)
        change = BackgroundCall(partial(_change, project, SPLIT)).wait_for_result()
    worker_actions.answer_all(hands[1], 2)
    for hand in hands:
        worker_actions.settle(hand)
    assert Job.objects.filter(kind="flow.change_classes", state=Job.State.QUEUED).exists()
    repairs.relabel_all(project)
    finish(change)
    task.refresh_from_db()
    assert (task.state, task.taken) == ("open", 0)
    repairs.assert_rules(project)


def _change(project: Project, edit: ClassEdit) -> ClassChange:
    return finish(start(project, edit))


def test_no_release_sees_a_half_of_a_change() -> None:
    for turn in range(4):
        project = a_project(f"Project {turn}", answers=2)
        for bodies in ([FOX, FOX], [DOG, DOG], [CAT, CAT]):
            labeled(project, *bodies)
        snapshot = create_snapshot(project=project, by=factories.ada())
        build = partial(build_snapshot, snapshot_id=snapshot.pk)
        built, changed = together(build, partial(_change, project, MERGE))
        assert isinstance(changed, ClassChange), changed
        assert built is True or isinstance(built, RepairUnfinished)
        snapshot.refresh_from_db()
        if built is True:
            assert snapshot.counts["images_by_class"] in ({"1": 1, "2": 1, "3": 1}, {"1": 1, "2": 2})
            assert ("class_mapping" in snapshot.counts) == (snapshot.schema_id == changed.after_id)
            assert ("3" in snapshot.counts["images_by_class"]) == (snapshot.schema_id == changed.before_id)


def test_work_reviews_and_repairs_go_on_meanwhile() -> None:
    rng = random.Random(13)
    for turn, edit in enumerate((MERGE, SPLIT, MERGE, SPLIT)):
        project = a_project(f"Project {turn}", answers=2)
        crowd = a_crowd(project, 5)
        for _ in range(3):
            labeled(project, rng.choice([FOX, DOG]), rng.choice([FOX, DOG, CAT]))
        factories.some_tasks(project, 6, wanted=4)
        hands = [worker_actions.take(worker, project) for worker in crowd[:3]]
        results = together(
            partial(_change, project, edit),
            *[partial(_work, hand, rng.choice([1, 2, 3])) for hand in hands],
            partial(claim_hand, worker=crowd[3], project=project),
            partial(_approve_all, project),
            partial(_repair, project, crowd[0]),
        )
        faults = [each for each in results if isinstance(each, Exception) and not isinstance(each, AnnotaryError)]
        assert not faults, faults
        repairs.relabel_all(project)
        change = finish(ClassChange.objects.get(project=project))
        for repair in Repair.objects.filter(project=project):
            run_repair(repair_id=repair.pk)
        assert change.state == "applied"
        assert not any(named(project, int(number)) for number in change.mapping)
        worker_actions.assert_invariants(project)
        undo_class_change(change=change, by=factories.ada(), reason="A mistake.")
        finish(change)
        worker_actions.assert_invariants(project)


def _work(hand: Any, number: int) -> None:
    worker_actions.answer_all(hand, number)
    worker_actions.settle(hand)


def _approve_all(project: Project) -> None:
    for task in Task.objects.filter(project=project, state="answered").order_by("pk"):
        with suppress(AnnotaryError, ConsensusLabel.DoesNotExist):
            approve_label(reviewer=factories.ada(), task=task, label_hash=label(task).content_hash)


def _repair(project: Project, worker: Any) -> None:
    repair = start_repair(project=project, worker=worker, by=factories.ada(), reason="Random answers.")
    run_repair(repair_id=repair.pk)
