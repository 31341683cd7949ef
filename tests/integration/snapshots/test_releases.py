"""A release contains what is approved now, in a fixed order with one hash, and is immutable."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from kernel.jobs import run_job
from kernel.models import Event, Job
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.jobs import build_snapshot_job
from tasks.flow.rejection import reject_label
from tasks.ingest.models import Image
from tasks.review.services import approve_label, fix_label
from tasks.snapshots.errors import AlreadyRetracted, NothingToRelease, ReleaseInProgress
from tasks.snapshots.models import Snapshot, SnapshotItem
from tasks.snapshots.selectors import releases_of
from tasks.snapshots.services import add_note, build_snapshot, create_snapshot, retract
from tests.factories import a_project, a_task, ada, an_answer, an_image, class_answer, wren

pytestmark = pytest.mark.django_db
CANNOT_TELL: dict[str, Any] = {
    "image": {"class": None, "tags": [], "attrs": {}},
    "objects": [],
    "verdict": "cannot_tell",
}


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren()])


def approved(project: Project, name: str, body: dict[str, Any] | None = None, **image: Any) -> Task:
    task = a_task(project, image=an_image(project, name=name, **image))
    an_answer(task, wren(), body or class_answer(1))
    update_labels(task_ids=[task.pk])
    approve_label(reviewer=ada(), task=task, label_hash=hash_of(task))
    return task


def hash_of(task: Task) -> str:
    return ConsensusLabel.objects.get(task=task, is_current=True).content_hash


def a_release(project: Project) -> Snapshot:
    snapshot = create_snapshot(project=project, by=ada())
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot


def test_a_release_contains_approved_labels_in_file_order(project: Project) -> None:
    approved(project, "b.jpg")
    approved(project, "a/z.jpg")
    approved(project, "B.jpg", class_answer(2))
    waiting = a_task(project, image=an_image(project, name="0.jpg"))
    an_answer(waiting, wren(), class_answer(1))
    update_labels(task_ids=[waiting.pk])

    snapshot = a_release(project)

    items = SnapshotItem.objects.filter(snapshot=snapshot).order_by("pk")
    assert [item.image.source_key for item in items] == ["B.jpg", "a/z.jpg", "b.jpg"]
    assert (snapshot.number, snapshot.state, snapshot.items_count) == (1, "ready", 3)
    assert snapshot.counts["images_by_class"] == {"1": 2, "2": 1}
    assert snapshot.counts["left_out"] == {"cannot_tell": 0, "not_approved": 1}
    assert snapshot.counts["review"] == {"reviewed": 3}
    assert Event.objects.get(kind="snapshot.ready").delta == {"releases": 1}


def test_cannot_tell_images_are_counted_and_left_out(project: Project) -> None:
    approved(project, "a.jpg")
    approved(project, "b.jpg", CANNOT_TELL)

    snapshot = a_release(project)

    assert (snapshot.items_count, snapshot.counts["left_out"]["cannot_tell"]) == (1, 1)


def test_without_an_approved_label_there_is_no_release(project: Project) -> None:
    approved(project, "b.jpg", CANNOT_TELL)

    with pytest.raises(NothingToRelease):
        create_snapshot(project=project, by=ada())
    assert not Snapshot.objects.exists()


def test_a_rejected_label_is_not_in_the_next_release(project: Project) -> None:
    kept, rejected = approved(project, "a.jpg"), approved(project, "b.jpg")
    first = a_release(project)
    reject_label(reviewer=ada(), task=rejected, label_hash=hash_of(rejected), reason="A dog.", again=True)

    second = a_release(project)

    assert [item.image_id for item in second.items.all()] == [kept.image_id]
    assert (first.items.count(), second.number) == (2, 2)


def test_the_same_content_has_the_same_hash_and_names_the_earlier_release(project: Project) -> None:
    approved(project, "a.jpg")
    first, second = a_release(project), a_release(project)

    assert first.content_hash == second.content_hash
    assert "same_as" not in first.counts
    assert second.counts["same_as"] == 1


def test_a_different_label_gives_a_different_hash(project: Project) -> None:
    task = approved(project, "a.jpg")
    first = a_release(project)
    fix_label(reviewer=ada(), task=task, label_hash=hash_of(task), raw=class_answer(2), again=True)

    second = a_release(project)

    assert first.content_hash != second.content_hash
    assert second.counts["review"] == {"fixed by a reviewer": 1}


def test_a_ready_release_cannot_be_changed(project: Project) -> None:
    approved(project, "a.jpg")
    snapshot = a_release(project)

    for change in (
        lambda: Snapshot.objects.filter(pk=snapshot.pk).update(items_count=7),
        lambda: SnapshotItem.objects.filter(snapshot=snapshot).delete(),
        lambda: SnapshotItem.objects.filter(snapshot=snapshot).update(split="val"),
    ):
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            change()


def test_one_release_is_built_at_a_time_and_a_dead_build_does_not_block(project: Project) -> None:
    approved(project, "a.jpg")
    first = create_snapshot(project=project, by=ada())

    with pytest.raises(ReleaseInProgress):
        create_snapshot(project=project, by=ada())
    Job.objects.filter(kind="snapshots.build").update(state="failed")
    second = create_snapshot(project=project, by=ada())

    first.refresh_from_db()
    assert (first.state, second.number) == ("failed", 2)
    assert first.error == "The release was not finished. Create it again."


def test_the_job_builds_once_however_often_it_runs(project: Project) -> None:
    approved(project, "a.jpg")
    snapshot = create_snapshot(project=project, by=ada())
    job = Job.objects.get(kind="snapshots.build")

    for _ in range(2):
        run_job(job.pk, build_snapshot_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it

    job.refresh_from_db()
    assert (job.state, build_snapshot(snapshot_id=snapshot.pk)) == ("done", False)
    assert SnapshotItem.objects.count() == 1


def test_the_remains_of_a_killed_build_are_replaced(project: Project) -> None:
    task = approved(project, "a.jpg")
    snapshot = create_snapshot(project=project, by=ada())
    label = ConsensusLabel.objects.get(task=task)
    SnapshotItem.objects.create(
        snapshot=snapshot, project=project, image=task.image, label=label, review=label.reviews.get(), split="test"
    )

    build_snapshot(snapshot_id=snapshot.pk)

    assert SnapshotItem.objects.filter(snapshot=snapshot).count() == 1


def test_a_build_that_finds_nothing_left_fails_with_a_sentence(project: Project) -> None:
    task = approved(project, "a.jpg")
    snapshot = create_snapshot(project=project, by=ada())
    reject_label(reviewer=ada(), task=task, label_hash=hash_of(task), reason="A dog.", again=True)
    job = Job.objects.get(kind="snapshots.build")

    run_job(job.pk, build_snapshot_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it

    snapshot.refresh_from_db()
    assert snapshot.state == "failed"
    assert snapshot.error == "None of the approved labels can be released. Review the project's labels again."


def test_a_release_has_notes_and_at_most_one_retraction(project: Project) -> None:
    approved(project, "a.jpg")
    snapshot = a_release(project)
    add_note(snapshot=snapshot, by=ada(), text="For the spring model.")
    retract(snapshot=snapshot, by=ada(), reason="The dogs are cats.")

    with pytest.raises(AlreadyRetracted):
        retract(snapshot=snapshot, by=ada(), reason="Again.")
    notes = releases_of(project=project).get().notes.order_by("pk")
    assert [(note.text, note.retracts) for note in notes] == [
        ("For the spring model.", False),
        ("The dogs are cats.", True),
    ]
    assert Image.objects.count() == 1
