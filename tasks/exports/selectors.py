"""Queries on exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.text import slugify

from annotary_core.formats.registry import FORMATS
from kernel.job_kinds import JobKind
from kernel.progress import Progress, progress_of_jobs
from kernel.queues import Queue
from storage.composed_files import ComposedBlob
from storage.models import Blob
from tasks.exports.models import Export
from tasks.snapshots.models import Snapshot

#: The kind of the job that writes an export.


@dataclass(frozen=True, slots=True)
class ExportId:
    export_id: int


WRITE = JobKind("exports.write", ExportId, queue=Queue.EXPORT)
ARCHIVE = "application/zip"


def format_choices() -> list[tuple[str, str]]:
    """Return (name, title) of every format."""
    return [(each.name, each.title) for each in FORMATS.values()]


def exports_of(*, snapshot: Snapshot) -> QuerySet[Export]:
    """Return the release's exports, in the order of their formats."""
    return Export.objects.filter(snapshot=snapshot).select_related("snapshot").order_by("format")


def exports_of_releases(*, snapshots: Sequence[Snapshot]) -> dict[int, list[Export]]:
    """Return the exports of each release, by its row id, each with its release."""
    releases = {each.pk: each for each in snapshots}
    exports: dict[int, list[Export]] = {pk: [] for pk in releases}
    for export in Export.objects.filter(snapshot_id__in=list(releases)).order_by("format"):
        export.snapshot = releases[export.snapshot_id]
        exports[export.snapshot_id].append(export)
    return exports


def file_of(export: Export) -> Blob | ComposedBlob | None:
    """Return the export's file; None if it is not ready."""
    if export.state != Export.State.READY:
        return None
    if export.frame is None:
        return export.blob
    return ComposedBlob(export.frame, sha256=export.sha256, size=export.size, content_type=ARCHIVE)


def download_name(export: Export) -> str:
    project = slugify(export.project.name)[:60] or "release"
    return f"{project}-{export.snapshot.number}-{export.format}.zip"


def progress_of(*, exports: Sequence[Export]) -> dict[int, Progress | None]:
    """Return how many images of each export have been written, by its row id; None for one that failed.

    Each export needs its release. While the file is read back (`verifying`), all of them have been written.
    """
    unfinished = [each.project_id for each in exports if each.state in (Export.State.QUEUED, Export.State.WRITING)]
    jobs = progress_of_jobs(kind=WRITE.name, argument="export_id", project_ids=unfinished) if unfinished else {}
    return {each.pk: _progress(each, jobs) for each in exports}


def _progress(export: Export, jobs: Mapping[int, Progress]) -> Progress | None:
    total = export.snapshot.items_count
    if export.state == Export.State.FAILED:
        return None
    if export.state in (Export.State.VERIFYING, Export.State.READY):
        return Progress(total, total)
    job = jobs.get(export.pk)
    return Progress(job.done if job else 0, total)
