"""Creating, building, annotating and retracting releases."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import TransitionRefused
from kernel.events import record_event
from kernel.jobs import enqueue
from kernel.models import Job
from kernel.progress import Progress
from projects.class_edits import described
from projects.models import LabelClass, Project
from projects.selectors import class_names
from tasks.batching.models import Task
from tasks.repair.change_selectors import UNFINISHED as CHANGES_UNFINISHED
from tasks.repair.change_selectors import changes_state
from tasks.repair.selectors import UNFINISHED, lock_repairs, repairs_state
from tasks.snapshots.errors import (
    AlreadyRetracted,
    NoteMissing,
    NothingToRelease,
    ReleaseInProgress,
    RepairUnfinished,
)
from tasks.snapshots.manifest import Manifest
from tasks.snapshots.models import Snapshot, SnapshotItem, SnapshotNote
from tasks.snapshots.selectors import (
    BUILD,
    ApprovedLabel,
    SnapshotId,
    has_releasable,
    retraction_of,
    review_kind,
    stream_approved_labels,
)
from tasks.snapshots.splits import assign_splits, split_group_of

CHUNK = 5000
COPY_ITEMS = """
COPY tasks_snapshotitem (snapshot_id, project_id, image_id, label_id, review_id, split) FROM STDIN
"""
BUILD_INTERRUPTED = "The release was not finished. Create it again."
Report = Callable[[int, int], None]


@transaction.atomic
def create_snapshot(*, project: Project, by: Actor) -> Snapshot:
    """Locks the project, which assigns the numbers. Create a release; a job builds it from what is approved by then.

    The content of an earlier release may be released again: it gets the same hash, and its counts name the earlier
    release under "same_as". Raises NothingToRelease and ReleaseInProgress.
    """
    # No join in the locking query: after a wait it would pair the new row with schemas of the old database snapshot.
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.schema is None or not has_releasable(project=project):
        raise NothingToRelease
    _close_dead_builds(project)
    if Snapshot.objects.filter(project=project, state=Snapshot.State.BUILDING).exists():
        raise ReleaseInProgress
    last = Snapshot.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    snapshot = Snapshot.objects.create(project=project, number=last + 1, schema=project.schema, created_by=by)
    dedupe_key = f"{BUILD.name}:{snapshot.pk}"
    enqueue(BUILD, SnapshotId(snapshot.pk), project_id=project.pk, dedupe_key=dedupe_key)
    return snapshot


def _close_dead_builds(project: Project) -> None:
    """Fail builds whose job gave up or whose worker died on the last attempt; otherwise they block new releases."""
    live_jobs = Job.objects.filter(
        kind=BUILD.name, project_id=project.pk, state__in=[Job.State.QUEUED, Job.State.RUNNING]
    )
    Snapshot.objects.filter(project=project, state=Snapshot.State.BUILDING).exclude(
        pk__in=list(live_jobs.values_list("args__snapshot_id", flat=True))
    ).update(state=Snapshot.State.FAILED, error=BUILD_INTERRUPTED)


@transaction.atomic
def build_snapshot(*, snapshot_id: int, report: Report = lambda done, total: None) -> bool:
    """Locks the release. Build it, committing items, hash and state atomically; return False if it is already built.

    A single statement reads the approved labels, so that a release made during labeling is consistent. `report` is told
    how many labels of how many have been read. Raises RepairUnfinished, with nothing changed, if a repair of the
    project or a change of its classes is going on, or has begun or ended meanwhile: a release has all labels as they
    were before it, or as they are after it.
    """
    snapshot = (
        Snapshot.objects.select_for_update(of=("self",))
        .select_related("project", "schema")
        .filter(pk=snapshot_id, state=Snapshot.State.BUILDING)
        .first()
    )
    if snapshot is None:
        return False
    before = _start_build(snapshot)
    SnapshotItem.objects.filter(snapshot=snapshot).delete()
    manifest = Manifest(snapshot.schema.body)
    approved = Task.objects.filter(project=snapshot.project, state=Task.State.APPROVED).count()
    labels = stream_approved_labels(project=snapshot.project, chunk_size=CHUNK)
    done = 0
    while chunk := list(islice(labels, CHUNK)):
        _add_items(snapshot, chunk, manifest)
        done += len(chunk)
        report(done, max(done, approved))
    if not manifest.items:
        raise NothingToRelease("None of the approved labels can be released. Review the project's labels again.")
    # One that starts after this waits for the commit, and then finds the release among those that it concerns.
    lock_repairs(project_id=snapshot.project_id)
    if _what_goes_on(snapshot) != before:
        raise RepairUnfinished
    _freeze(snapshot, manifest)
    return True


def _start_build(snapshot: Snapshot) -> tuple[dict[int, str], dict[int, str]]:
    """Return `_what_goes_on`. Raises RepairUnfinished if a repair or a change of classes is going on."""
    repairs, changes = _what_goes_on(snapshot)
    if set(repairs.values()) & set(UNFINISHED) or set(changes.values()) & set(CHANGES_UNFINISHED):
        raise RepairUnfinished
    # The classes may have been changed since the release was requested; its labels have those of now.
    snapshot.schema = Project.objects.select_related("schema").get(pk=snapshot.project_id).schema or snapshot.schema
    return repairs, changes


def _what_goes_on(snapshot: Snapshot) -> tuple[dict[int, str], dict[int, str]]:
    """Equal if no repair and no change of classes began or ended in between."""
    project_id = snapshot.project_id
    return repairs_state(project_id=project_id), changes_state(project_id=project_id)


def _add_items(snapshot: Snapshot, labels: list[ApprovedLabel], manifest: Manifest) -> None:
    """Add a chunk of items. An image with the verdict "cannot tell" has no label to release: it is only counted."""
    included = [each for each in labels if each.verdict != "cannot_tell"]
    manifest.cannot_tell += len(labels) - len(included)
    groups = [split_group_of(group_key=each.group_key, sha256=each.sha256) for each in included]
    splits = assign_splits(project=snapshot.project, groups=groups)
    # COPY takes a third of the time of INSERT statements with a parameter for each value.
    with connection.cursor() as cursor, cursor.copy(COPY_ITEMS) as rows:
        for each, group in zip(included, groups, strict=True):
            split = splits[group]
            manifest.add(
                sha256=each.sha256,
                label_hash=each.label_hash,
                verdict=each.verdict,
                image_class=each.image_class,
                object_classes=each.object_classes,
                split=split,
                review=review_kind(method=each.method, verdict=each.review_verdict, by_policy=each.by_policy),
                method=each.method,
            )
            rows.write_row((snapshot.pk, snapshot.project_id, each.image_id, each.label_id, each.review_id, split))


def _freeze(snapshot: Snapshot, manifest: Manifest) -> None:
    """Needs the release's row lock. Mark the release ready; from then on a trigger refuses every change."""
    project = snapshot.project
    counts = manifest.counts()
    tasks = Task.objects.filter(project=project)
    states = dict(tasks.order_by().values_list("state").annotate(Count("pk")))
    by_manager = states.pop(Task.State.LEFT_OUT, 0)
    counts["left_out"]["not_approved"] = sum(states.values()) - states.get(Task.State.APPROVED, 0)
    if by_manager:
        counts["left_out"]["by_manager"] = by_manager
    counts["retired_classes"] = _retired_classes(snapshot, manifest.classes_used())
    if snapshot.schema.mapping:
        counts["class_mapping"] = described(snapshot.schema.mapping, class_names(project=project))
    earlier = Snapshot.objects.filter(project=project, content_hash=manifest.content_hash).order_by("number").first()
    if earlier is not None:
        counts["same_as"] = earlier.number
    Snapshot.objects.filter(pk=snapshot.pk).update(
        state=Snapshot.State.READY,
        schema=snapshot.schema,
        content_hash=manifest.content_hash,
        items_count=manifest.items,
        counts=counts,
        ready_at=ClockTimestamp(),
    )
    data = {"snapshot": str(snapshot.public_id), "number": snapshot.number}
    record_event(project_id=project.pk, kind="snapshot.ready", data=data, releases=1)


def _retired_classes(snapshot: Snapshot, used: set[int]) -> list[dict[str, Any]]:
    """Return the classes that labels of this release use but its schema no longer lists, with their current names."""
    listed = {item["number"] for item in snapshot.schema.body["classes"]}
    rows = LabelClass.objects.filter(project=snapshot.project, number__in=used - listed).order_by("number")
    return [{"number": row.number, "name": row.name, "color": row.color} for row in rows]


@transaction.atomic
def fail_snapshot(*, snapshot_id: int, error: str) -> None:
    """building -> failed, with an error message."""
    building = Snapshot.objects.filter(pk=snapshot_id, state=Snapshot.State.BUILDING)
    if building.update(state=Snapshot.State.FAILED, error=error):
        record_progress(snapshot_id=snapshot_id, kind="snapshot.failed")


def record_progress(*, snapshot_id: int, kind: str = "snapshot.progress", progress: Progress | None = None) -> None:
    """Record an event about a release that is not ready; does nothing for one that does not exist."""
    snapshot = Snapshot.objects.filter(pk=snapshot_id).first()
    if snapshot is not None:
        data: dict[str, Any] = {"snapshot": str(snapshot.public_id), "number": snapshot.number}
        data |= {"progress": progress.as_json()} if progress else {}
        record_event(project_id=snapshot.project_id, kind=kind, data=data)


def add_note(*, snapshot: Snapshot, by: Actor, text: str) -> SnapshotNote:
    return SnapshotNote.objects.create(snapshot=snapshot, created_by=by, text=_note_text(text))


@transaction.atomic
def retract(*, snapshot: Snapshot, by: Actor, reason: str) -> SnapshotNote:
    """Locks the release. Mark it permanently as not to be used, with the reason; its files stay available."""
    snapshot = Snapshot.objects.select_for_update(no_key=True).get(pk=snapshot.pk)
    if snapshot.state != Snapshot.State.READY:
        raise TransitionRefused("Only a finished release can be retracted. Wait until it is ready.")
    if retraction_of(snapshot=snapshot) is not None:
        raise AlreadyRetracted
    return SnapshotNote.objects.create(snapshot=snapshot, created_by=by, text=_note_text(reason), retracts=True)


def _note_text(text: str) -> str:
    stripped = text.strip()
    if not 0 < len(stripped) <= 2000:
        raise NoteMissing("Write a note of 1 to 2,000 characters.")
    return stripped
