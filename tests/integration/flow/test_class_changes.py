"""Classes are renamed, merged, split and retired: what becomes of answers, labels, verdicts, gold and releases."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Actor
from projects.class_edits import ClassEdit
from projects.classes import ClassSpec
from projects.errors import ClassesRefused
from projects.models import Project
from projects.services import change_classes
from tasks.batching.models import Task
from tasks.flow.class_change import start_class_change, undo_class_change
from tasks.repair.change_models import ClassChange
from tasks.repair.errors import ClassChangeInProgress, ClassesOutdated, LaterClassChange, ReasonNeeded
from tasks.review.models import Review
from tasks.review.services import approve_label
from tasks.snapshots.errors import RepairUnfinished
from tasks.snapshots.services import build_snapshot, create_snapshot
from tasks.workers.models import WorkerEvidence
from tests import factories, repairs, worker_actions
from tests.class_changes import (
    CAT,
    DOG,
    FOX,
    MERGE,
    SPLIT,
    a_project,
    change,
    class_of,
    finish,
    label,
    labeled,
    names,
    start,
    undo,
)
from tests.labeled import a_crowd

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project()


def test_a_merge_carries_labels_and_verdicts_and_makes_answers_agree(project: Project) -> None:
    fox, cat = labeled(project, FOX, FOX, FOX), labeled(project, CAT, CAT, DOG)
    # A fox or a cat, however the tie is broken, and then a dog.
    mixed = labeled(project, FOX, FOX, CAT, CAT, DOG, approved=False)
    evidence = list(WorkerEvidence.objects.order_by("pk").values())
    row = change(project, MERGE)
    assert names(project) == {1: "cat", 2: "dog"}
    assert [class_of(task) for task in (fox, cat, mixed)] == [2, 1, 2]
    fox.refresh_from_db()
    assert fox.state == Task.State.APPROVED
    verdict = Review.objects.get(task=fox, is_current=True)
    assert (verdict.verdict, verdict.label_hash, verdict.label) == ("approve", label(fox).content_hash, label(fox))
    assert label(fox).evidence["mapped"] == {"change": str(row.public_id), "version": 1, "classes": {"3": 2}}
    assert label(mixed).evidence["class"]["votes"] == {"1": 2, "2": 3}
    assert (row.state, row.images) == ("applied", 2)
    # A verdict that is carried is not counted once more.
    assert list(WorkerEvidence.objects.order_by("pk").values()) == evidence
    repairs.assert_rules(project)


def test_undo_restores_labels_verdicts_and_the_bytes_of_releases(project: Project, tmp_path: Any) -> None:
    for bodies in ([FOX, FOX, FOX], [CAT, CAT, DOG], [FOX, DOG, CAT], [DOG, DOG, FOX]):
        labeled(project, *bodies)
    labeled(project, FOX, FOX, DOG, approved=False)
    before, first = repairs.state_of(project), repairs.a_release(project)
    row = change(project, MERGE)
    assert repairs.state_of(project) != before
    middle = repairs.a_release(project)
    assert middle.content_hash != first.content_hash
    undo(row)
    assert repairs.state_of(project) == before
    assert names(project) == {1: "cat", 2: "dog", 3: "fox"}
    last = repairs.a_release(project)
    assert last.content_hash == first.content_hash
    for name in ("coco", "imagenet"):
        assert repairs.release_bytes(last, name, tmp_path) == repairs.release_bytes(first, name, tmp_path)
    repairs.assert_rules(project)


def test_releases_say_how_classes_are_read(project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    first = repairs.a_release(project)
    row = change(project, MERGE)
    release = repairs.a_release(project)
    assert release.counts["class_mapping"] == [{"number": 3, "name": "fox", "read_as": 2}]
    assert release.counts["images_by_class"] == {"2": 1}
    assert "class_mapping" not in first.counts
    assert list(row.releases.values_list("snapshot", "labels")) == [(first.pk, 1)]


def test_no_release_is_built_while_classes_are_changed(project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    snapshot = create_snapshot(project=project, by=factories.ada())
    row = start(project, MERGE)
    with pytest.raises(RepairUnfinished):
        build_snapshot(snapshot_id=snapshot.pk)
    finish(row)
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert (snapshot.schema_id, snapshot.counts["images_by_class"]) == (row.after_id, {"2": 1})


def test_a_split_reopens_its_labels_alone_and_undo_brings_them_back(project: Project) -> None:
    dog, cat = labeled(project, DOG, DOG, DOG), labeled(project, CAT, CAT, DOG)
    waiting = factories.a_task(project, wanted=3)
    for worker, body in zip(a_crowd(project, 2), (DOG, CAT), strict=True):
        factories.a_credit(factories.an_answer(waiting, worker, body))
    before = repairs.state_of(project)
    row = change(project, SPLIT)
    assert list(names(project).values()) == ["cat", "hound", "terrier", "fox"]
    dog.refresh_from_db()
    assert (dog.state, dog.round, dog.wanted, dog.taken, class_of(dog)) == ("open", 2, 3, 0, None)
    cat.refresh_from_db()
    assert (cat.state, class_of(cat)) == ("approved", 1)
    waiting.refresh_from_db()
    assert (waiting.wanted, waiting.taken) == (3, 1)
    repairs.assert_rules(project)
    undo(row)
    assert repairs.state_of(project) == before
    repairs.assert_rules(project)


def test_those_who_labeled_an_image_may_label_it_again_with_the_new_classes(project: Project) -> None:
    dog = labeled(project, DOG, DOG, DOG)
    row = change(project, SPLIT)
    crowd = a_crowd(project, 3)
    for worker in crowd:
        hand = worker_actions.take(worker, project)
        worker_actions.answer_all(hand, 4)
        worker_actions.settle(hand)
    repairs.relabel_all(project)
    assert class_of(dog) == 4
    undo(row)
    assert class_of(dog) == 2
    repairs.assert_rules(project)


def test_what_people_decided_since_stays(project: Project) -> None:
    dog = labeled(project, DOG, DOG, DOG)
    row = change(project, SPLIT)
    for worker in a_crowd(project, 3):
        hand = worker_actions.take(worker, project)
        worker_actions.answer_all(hand, 4)
        worker_actions.settle(hand)
    repairs.relabel_all(project)
    dog.refresh_from_db()
    approve_label(reviewer=factories.ada(), task=dog, label_hash=label(dog).content_hash)
    undo(row)
    assert class_of(dog) == 4
    dog.refresh_from_db()
    assert dog.state == Task.State.APPROVED
    repairs.assert_rules(project)


def test_an_answer_with_the_old_classes_comes_after_a_merge(project: Project) -> None:
    task = factories.a_task(project, wanted=3)
    crowd = a_crowd(project, 3)
    hands = [worker_actions.take(worker, project) for worker in crowd]
    change(project, MERGE)
    for hand, number in zip(hands, (3, 2, 1), strict=True):
        worker_actions.answer_all(hand, number)
        worker_actions.settle(hand)
    repairs.relabel_all(project)
    assert class_of(task) == 2
    task.refresh_from_db()
    assert task.state == Task.State.ANSWERED


def test_an_answer_with_a_split_class_frees_its_slot_when_it_is_settled(project: Project) -> None:
    task = factories.a_task(project, wanted=3)
    crowd = a_crowd(project, 3)
    hands = [worker_actions.take(worker, project) for worker in crowd]
    row = change(project, SPLIT)
    for hand, number in zip(hands, (2, 1, 1), strict=True):
        worker_actions.answer_all(hand, number)
        worker_actions.settle(hand)
    repairs.relabel_all(project)
    finish(row)
    task.refresh_from_db()
    assert (task.state, task.wanted, task.taken, class_of(task)) == ("open", 3, 2, None)
    repairs.assert_rules(project)


def test_a_rename_and_a_retired_class_leave_labels_as_they_are(project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    before = repairs.state_of(project)
    renamed = change(project, ClassEdit("rename", (3,), name="red fox"))
    assert (renamed.state, names(project)[3]) == ("applied", "red fox")
    retired = change(project, ClassEdit("retire", (3,)))
    assert names(project) == {1: "cat", 2: "dog"}
    assert repairs.a_release(project).counts["retired_classes"][0]["name"] == "red fox"
    with pytest.raises(LaterClassChange):
        undo_class_change(change=renamed, by=factories.ada(), reason="A mistake.")
    undo(retired)
    undo(renamed)
    assert names(project) == {1: "cat", 2: "dog", 3: "fox"}
    assert repairs.state_of(project) == before


def test_gold_of_a_split_class_is_given_to_nobody_new(project: Project) -> None:
    gold, other = factories.a_gold(project, accepted=[DOG]), factories.a_gold(project, accepted=[CAT])
    row = change(project, SPLIT)
    gold.refresh_from_db()
    other.refresh_from_db()
    assert (gold.is_set_aside, other.is_set_aside) == (True, False)
    undo(row)
    gold.refresh_from_db()
    assert not gold.is_set_aside


def test_gold_of_merged_classes_accepts_either(project: Project) -> None:
    worker = a_crowd(project, 1)[0]
    gold = factories.a_gold(project, accepted=[FOX])
    row = change(project, MERGE)
    assert answers_to_gold(project, gold, worker, DOG)
    assert row.state == "applied"


def answers_to_gold(project: Project, gold: Any, worker: Actor, body: Any) -> bool:
    from tasks.annotation.models import Annotation
    from tasks.flow.gold_comparison import answerable, judge

    schema = Project.objects.select_related("schema").get(pk=project.pk).schema
    answer = Annotation(project_id=project.pk, gold=gold, actor=worker, schema=schema, body=body)
    comparison = judge(answer, answerable(answer))
    return comparison is not None and comparison.correct


def test_merges_of_merges_are_read_through(project: Project) -> None:
    task = labeled(project, FOX, FOX, FOX)
    first = change(project, MERGE)
    second = change(project, ClassEdit("merge", (2,), into=1))
    assert class_of(task) == 1
    assert Project.objects.select_related("schema").get(pk=project.pk).schema.mapping == {"2": 1, "3": 1}  # type: ignore[union-attr]
    undo(second)
    assert class_of(task) == 2
    undo(first)
    assert class_of(task) == 3


def test_what_cannot_be_done_is_refused_and_nothing_is_changed(project: Project) -> None:
    before = names(project)
    for edit in (
        ClassEdit("merge", (3,)),
        ClassEdit("merge", (3,), into=3),
        ClassEdit("merge", (3,), into=9),
        ClassEdit("merge", (), into=2),
        ClassEdit("merge", (3, 3), into=2),
        ClassEdit("rename", (3,), name=" "),
        ClassEdit("rename", (3,), name="DOG"),
        ClassEdit("rename", (2, 3), name="pet"),
        ClassEdit("split", (3,), new=(ClassSpec("red fox"),)),
        ClassEdit("split", (3,), new=(ClassSpec("cat"), ClassSpec("red fox"))),
        ClassEdit("retire", (1, 2, 3)),
    ):
        with pytest.raises(ClassesRefused):
            start(project, edit)
    with pytest.raises(ReasonNeeded):
        start_class_change(project=project, by=factories.ada(), edit=MERGE, reason=" ", version=1)
    with pytest.raises(ClassesOutdated):
        start_class_change(project=project, by=factories.ada(), edit=MERGE, reason="Why.", version=9)
    assert names(project) == before
    assert not ClassChange.objects.exists()


def test_one_change_at_a_time_and_merged_classes_do_not_come_back_otherwise(project: Project) -> None:
    labeled(project, FOX, FOX, FOX)
    row = start(project, MERGE)
    with pytest.raises(ClassChangeInProgress):
        start(project, SPLIT)
    with pytest.raises(ClassChangeInProgress):
        undo_class_change(change=row, by=factories.ada(), reason="A mistake.")
    finish(row)
    with pytest.raises(ClassesRefused, match="was merged or split"):
        change_classes(project=project, by=factories.ada(), classes=[ClassSpec("cat"), ClassSpec("fox")])
