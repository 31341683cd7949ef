"""Queries on releases, and on the approved labels that a release consists of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Func, JSONField, QuerySet, Value
from django.db.models.functions import Collate

from kernel.errors import NotFound
from kernel.job_kinds import JobKind
from kernel.progress import Progress, progress_of_jobs
from kernel.queues import Queue
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_methods import GOLD
from tasks.consensus.models import ConsensusLabel
from tasks.review.models import Review
from tasks.snapshots.models import Snapshot, SnapshotNote

#: The kind of the job that builds a release.


@dataclass(frozen=True, slots=True)
class SnapshotId:
    snapshot_id: int


BUILD = JobKind("snapshots.build", SnapshotId, queue=Queue.EXPORT)

#: How a label was approved, as recorded in evidence and in the hash of a release.
REVIEWED, FIXED, BY_POLICY, BY_OWNER = "reviewed", "fixed by a reviewer", "by policy", "answered by the owner"


class ApprovedLabel(NamedTuple):
    """What a release records of an approved label, and what it counts: `object_classes` has one number an object."""

    image_id: int
    sha256: str
    group_key: str
    label_id: int
    label_hash: str
    method: str
    review_id: int
    review_verdict: str
    by_policy: bool
    verdict: str
    image_class: int | None
    object_classes: list[int]


def review_kind(*, method: str, verdict: str, by_policy: bool) -> str:
    if method == GOLD:
        return BY_OWNER
    if verdict == Review.Verdict.FIX:
        return FIXED
    return BY_POLICY if by_policy else REVIEWED


def approved_verdicts(*, project: Project) -> QuerySet[Review]:
    """Return the verdicts that a release of the project would be based on now.

    Ordered by the images' source keys, bytewise regardless of the database's collation, then by content hash.
    """
    return Review.objects.filter(
        project=project,
        is_current=True,
        annotation__isnull=True,
        verdict__in=[Review.Verdict.APPROVE, Review.Verdict.FIX],
        label__is_current=True,
        label_hash=F("label__content_hash"),
        task__state=Task.State.APPROVED,
    ).order_by(Collate("task__image__source_key", "C"), "task__image__sha256")


def stream_approved_labels(*, project: Project, chunk_size: int) -> Iterator[ApprovedLabel]:
    """Yield what `approved_verdicts` finds, from one statement. Needs a transaction, which holds the server's cursor.

    The geometry of the objects stays in the database: a label may be megabytes, and a release counts only classes.
    """
    rows = approved_verdicts(project=project).values_list(
        "task__image_id",
        "task__image__sha256",
        "task__image__group_key",
        "label_id",
        "label__content_hash",
        "label__method",
        "pk",
        "verdict",
        "by_policy",
        "label__body__verdict",
        "label__body__image__class",
        _at_path("label__body", "$.objects[*].class"),
    )
    return (ApprovedLabel._make(row) for row in rows.iterator(chunk_size=chunk_size))


def _at_path(column: str, path: str) -> Func:
    return Func(
        F(column),
        Value(path),
        function="jsonb_path_query_array",
        template="%(function)s(%(expressions)s::jsonpath)",
        output_field=JSONField(),
    )


def count_releasable(*, project: Project) -> int:
    """Return how many images a release created now would contain: every approved one has an approving verdict."""
    approved = Task.objects.filter(project=project, state=Task.State.APPROVED)
    cannot_tell = ConsensusLabel.objects.filter(
        project=project, is_current=True, body__verdict="cannot_tell", task__state=Task.State.APPROVED
    )
    return approved.count() - cannot_tell.count()


def has_releasable(*, project: Project) -> bool:
    """Whether a release created now would contain any image."""
    return approved_verdicts(project=project).order_by().exclude(label__body__verdict="cannot_tell").exists()


def releases_of(*, project: Project) -> QuerySet[Snapshot]:
    """Return the project's releases, newest first, with their schemas."""
    return Snapshot.objects.filter(project=project).select_related("created_by", "schema").order_by("-number")


def notes_of(*, snapshots: Sequence[Snapshot]) -> dict[int, list[SnapshotNote]]:
    """Return the notes of each release, oldest first, by its row id."""
    notes: dict[int, list[SnapshotNote]] = {each.pk: [] for each in snapshots}
    for note in SnapshotNote.objects.filter(snapshot__in=snapshots).order_by("pk"):
        notes[note.snapshot_id].append(note)
    return notes


def last_release(*, project: Project) -> Snapshot | None:
    """Return the project's newest release, whatever its state."""
    return Snapshot.objects.filter(project=project).order_by("-number").first()


def project_release(*, project: Project, public_id: UUID) -> Snapshot:
    """Return this release of the project. Raises NotFound."""
    release = Snapshot.objects.filter(project=project, public_id=public_id).first()
    if release is None:
        raise NotFound
    return release


def retraction_of(*, snapshot: Snapshot) -> SnapshotNote | None:
    return SnapshotNote.objects.filter(snapshot=snapshot, retracts=True).first()


def progress_of(*, snapshots: Sequence[Snapshot]) -> dict[int, Progress | None]:
    """Return how many images of each release have been read, by its row id; None for one that failed."""
    building = [each.project_id for each in snapshots if each.state == Snapshot.State.BUILDING]
    jobs = progress_of_jobs(kind=BUILD.name, argument="snapshot_id", project_ids=building) if building else {}
    return {each.pk: _progress(each, jobs) for each in snapshots}


def _progress(snapshot: Snapshot, jobs: Mapping[int, Progress]) -> Progress | None:
    if snapshot.state == Snapshot.State.BUILDING:
        return jobs.get(snapshot.pk, Progress(0, None))
    if snapshot.state == Snapshot.State.FAILED:
        return None
    return Progress(snapshot.items_count, snapshot.items_count)
